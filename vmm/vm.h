/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One virtual machine: the device it runs on, its memory, its vCPUs and its
 * run state.
 *
 * Life: vm_open() checks the host once; vm_start() makes a fresh KVM VM and its
 * vCPU threads; vm_halt() stops and destroys them. A guest reboot is vm_halt()
 * followed by vm_start(): every in-kernel device is then in its power-on state
 * by construction. Both run on the main thread.
 */
#ifndef HGVMM_VM_H
#define HGVMM_VM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "config.h"
#include "memory.h"

struct loop;
struct vcpu;
struct msi_table;
struct ioapic;

enum vm_state { VM_HALTED, VM_RUNNING, VM_PAUSED, VM_STOPPING };

/* Why the machine should leave the running state. The first request wins. */
enum vm_request {
	REQ_NONE,
	REQ_POWEROFF,	/* the guest switched itself off */
	REQ_RESET,	/* the guest asked for a reboot, or triple-faulted */
	REQ_STOP,	/* signal, status socket or console key */
	REQ_EXIT,	/* debug-exit port; exit_code is valid */
	REQ_CRASH,	/* the vCPU cannot go on */
	REQ_HOST,	/* the host failed us */
};

struct vm {
	const struct config *cfg;
	struct guest_mem mem;
	struct bus pio, mmio;
	struct loop *loop;
	struct msi_table *msi;
	struct ioapic *ioapic;		/* split irqchip only */

	int sev_fd;			/* /dev/sev, with --cvm */
	uint8_t launch_digest[32];	/* of the last launch, with --cvm */

	const char *dev_path;
	int dev_fd;
	int fd;				/* KVM VM, -1 when halted */
	bool has_irqfd, has_ioeventfd, has_pit2, has_deadline;
	int tsc_khz;			/* 0: unknown */
	int run_size;			/* bytes of a vCPU's run page mapping */

	struct vcpu *vcpu;		/* array of cfg->vcpus */

	pthread_mutex_t lock;		/* state, and the condition below */
	pthread_cond_t changed;
	enum vm_state state;
	unsigned int parked;		/* vCPU threads waiting for VM_PAUSED to end */

	_Atomic int request;		/* enum vm_request */
	uint8_t exit_code;		/* written before REQ_EXIT is published */
	int request_fd;			/* eventfd, wakes the main loop */

	uint64_t start_ns;
	unsigned int boots;
};

/* Open the device and check everything the machine needs. 0 or negative errno
 * after a message that names what is missing. */
int vm_open(struct vm *vm, const struct config *cfg, struct loop *loop);
void vm_close(struct vm *vm);

/* Create VM and vCPUs, load the boot image, start the threads. */
int vm_start(struct vm *vm, int (*boot)(struct vm *vm));
void vm_halt(struct vm *vm);

/* Any thread. Returns false when an earlier request is still pending. */
bool vm_ask(struct vm *vm, enum vm_request req);

/* Main thread. No effect unless running / paused. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);

/* Drive an ISA interrupt line (GSI 0 to 15). Any thread. */
void vm_irq_line(struct vm *vm, unsigned int gsi, bool level);

#endif
