/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM that runs the command interpreter of guest.h, ordinary or confidential:
 * the tests play its hostile VMM. Assertions fail the running test.
 */
#ifndef CVM_H
#define CVM_H

#include "guest.h"
#include "hgt.h"

#define CVM_SLOT_ROM	1	/* 0 is RAM */

struct cvm {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	uint8_t *rom;		/* GUEST_ROM_SIZE, the VMM's copy */
	int sev;		/* /dev/sev; -1 in an ordinary VM */
	uint8_t digest[32];
	bool confidential;
};

/* The two halves of the secret; computed, so that they stand in no data of this program. */
uint64_t cvm_secret(unsigned int half);

/* Created, with its memory, one vCPU and local APIC, not launched. */
struct cvm *cvm_create(bool confidential);
/* Load the ROM, measure, finish. Does nothing to an ordinary VM. */
void cvm_launch(struct cvm *cvm);
/* The steps of that, of a confidential VM: start and load the ROM; load more; measure; finish. */
void cvm_begin_launch(struct cvm *cvm);
void cvm_load(struct cvm *cvm, const void *from, uint32_t size);
void cvm_measure(struct cvm *cvm);
void cvm_finish(struct cvm *cvm);
/* Run until the guest is ready. */
void cvm_ready(struct cvm *cvm);
/* Create, launch, and run until the guest is ready. */
struct cvm *cvm_start(bool confidential);
void cvm_free(struct cvm *cvm);

/* An SEV command: 0, or -errno and *@error. */
int cvm_command(struct cvm *cvm, uint32_t id, void *data, uint32_t *error);

/*
 * Let the guest do @command with @nr_args words; its answer's @words words go
 * to @answer. Fails the test on any other exit.
 */
void cvm_do(struct cvm *cvm, uint32_t command, const uint32_t *args, unsigned int nr_args,
	    uint32_t *answer, unsigned int words);
/* One word of that: to the guest, which asks for it; from the guest. */
void cvm_word_in(struct cvm *cvm, uint32_t word);
uint32_t cvm_word_out(struct cvm *cvm);
/* Two words, the low one first. */
uint64_t cvm_join(const uint32_t *word);
/* Is the guest's secret whole, in its registers and memory? */
bool cvm_whole(struct cvm *cvm);
uint64_t cvm_peek(struct cvm *cvm, uint32_t address);
void cvm_poke(struct cvm *cvm, uint32_t address, uint64_t value);
/* VMMCALL with RAX, RBX, RCX, RDX, RSI, RDI, R8, R9, R10, in this order; as they are after it. */
void cvm_registers(struct cvm *cvm, uint64_t value[9]);
int64_t cvm_hypercall(struct cvm *cvm, uint64_t rax, uint64_t rbx, uint64_t rcx, uint64_t rdx);

#endif
