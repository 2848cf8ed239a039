// SPDX-License-Identifier: Apache-2.0
/*
 * Process 1 of the Linux boot that is measured, without any library: it tells
 * QEMU's debug console that user space was reached and ends the machine.
 * Through /dev/port and not by IN and OUT after iopl(2): that rests on the
 * I/O bitmap of the TSS, which TCG does not honour once the TSS is "busy".
 */
#include <sys/syscall.h>

#define PORT_DEBUGCON	0xe9
#define PORT_EXIT	0xf4
#define DEV_PORT	(1 << 8 | 4)	/* major 1, minor 4 */
#define CHAR_DEVICE	0020600
#define READ_WRITE	2

static long call(long n, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long r;

	__asm__ volatile("syscall" : "=a"(r)
			 : "0"(n), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return r;
}

void _start(void)
{
	static const char path[] = "/port", byte[] = "I";
	long fd;

	call(SYS_mknod, (long)path, CHAR_DEVICE, DEV_PORT, 0);
	fd = call(SYS_open, (long)path, READ_WRITE, 0, 0);
	if (fd >= 0) {
		call(SYS_pwrite64, fd, (long)byte, 1, PORT_DEBUGCON);
		call(SYS_pwrite64, fd, (long)byte, 1, PORT_EXIT);
	}
	for (;;)
		call(SYS_pause, 0, 0, 0, 0);
}
