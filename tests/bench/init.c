// SPDX-License-Identifier: Apache-2.0
/*
 * Process 1 of the Linux boot that is measured, without any library: it tells
 * QEMU's debug console that user space was reached and ends the machine.
 */
#include <sys/syscall.h>

#define PORT_DEBUGCON	0xe9
#define PORT_EXIT	0xf4

static long syscall1(long n, long a)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "0"(n), "D"(a)
			 : "rcx", "r11", "memory");
	return r;
}

static void outb(unsigned short port, unsigned char value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void _start(void)
{
	if (!syscall1(SYS_iopl, 3)) {
		outb(PORT_DEBUGCON, 'I');
		outb(PORT_EXIT, 0);
	}
	for (;;)
		syscall1(SYS_pause, 0);
}
