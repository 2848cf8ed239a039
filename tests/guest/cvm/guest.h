/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest of the attack tests: a small command interpreter that starts at the
 * reset vector, so that the same code runs as an ordinary VM and as a
 * confidential one. Also for assembler.
 *
 * It computes a 16-byte secret that stands nowhere in its code, keeps it in
 * registers and in memory, and then obeys: a command and its arguments are read
 * from GUEST_PORT_IN as 32-bit words, the answer goes to GUEST_PORT_OUT.
 */
#ifndef GUEST_H
#define GUEST_H

#define GUEST_ROM	0xffffc000
#define GUEST_ROM_SIZE	0x4000

/* Guest-physical, below HGT_RAM. */
#define GUEST_PML4	0x1000
#define GUEST_PDPT	0x2000
#define GUEST_PD_LOW	0x3000	/* private: 0 .. 1 GiB at the same address */
#define GUEST_PD_ALIAS	0x4000	/* shared: 0 .. 1 GiB at GUEST_ALIAS */
#define GUEST_PD_DEVICE	0x5000	/* shared: 3 .. 4 GiB at GUEST_DEVICES */
#define GUEST_PD_ROM	0x6000	/* private: 3 .. 4 GiB at the same address */
#define GUEST_IDT	0x7000
#define GUEST_COUNTS	0x8000	/* 256 32-bit counters of interrupts */
#define GUEST_REGS	0x8800	/* for GUEST_REGISTERS */
#define GUEST_STACK	0xa000
#define GUEST_SECRET	0x40000	/* 16 bytes */
#define GUEST_PAGE	0x50000	/* free for tests, up to HGT_RAM */

/* Guest-virtual. */
#define GUEST_ALIAS	0x40000000
#define GUEST_DEVICES	0x80000000

#define GUEST_PORT_IN	0x500
#define GUEST_PORT_OUT	0x504

#define GUEST_READY	0x600d
/* Plus the vector: an exception; the guest goes on with the next command. */
#define GUEST_FAULT	0xfa170000

#define GUEST_PEEK	1	/* (address): two words */
#define GUEST_POKE	2	/* (address, low, high): 0 */
#define GUEST_CALL	3	/* (rax, rbx, rcx, rdx, two words each): two words of RAX */
#define GUEST_CPUID	4	/* (leaf, subleaf): EAX, EBX, ECX, EDX */
#define GUEST_CHECK	5	/* (): 1 if the secret is whole, in registers and memory */
#define GUEST_RDMSR	6	/* (index): two words */
#define GUEST_WRMSR	7	/* (index, low, high): 0 */
#define GUEST_IRQS	8	/* (): 0, after a moment with interrupts on */
#define GUEST_CR3	9	/* (low, high): 0 */
#define GUEST_TIME	10	/* (kind, two arguments of two words): two words, see below */
#define GUEST_REGISTERS	11	/* (RAX and those of a report's data): the same, after VMMCALL */
#define GUEST_COMMANDS	12

/*
 * What GUEST_TIME does between two readings of the time stamp counter, whose
 * difference it answers: the instructions between, what the host does included.
 */
#define GUEST_TIME_NOTHING	0
#define GUEST_TIME_CPUID	1	/* leaf 0 */
#define GUEST_TIME_OUT		2	/* a word of 0 to GUEST_PORT_OUT */
#define GUEST_TIME_READ		3	/* four bytes at (address) */
#define GUEST_TIME_WRITE	4	/* four bytes to (address) */
#define GUEST_TIME_CR3		5	/* CR3 is written with what it holds */
#define GUEST_TIME_SHARE	6	/* (gpa, pages): KVM_HC_MAP_GPA_RANGE, to shared */
#define GUEST_TIME_UNSHARE	7	/* (gpa, pages): to private */
#define GUEST_TIME_KINDS	8

/* The secret is A ^ B and C ^ D. */
#define GUEST_SECRET_A	0x5ec2e7a11f00ba11
#define GUEST_SECRET_B	0x13579bdf2468ace0
#define GUEST_SECRET_C	0x0ddba11cafef00d5
#define GUEST_SECRET_D	0x9e3779b97f4a7c15

#endif
