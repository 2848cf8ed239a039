// SPDX-License-Identifier: Apache-2.0
#include "cvm.h"

#include <fcntl.h>
#include <linux/psp-sev.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern const uint8_t guest_rom[];

uint64_t cvm_secret(unsigned int half)
{
	/* volatile: the compiler must not fold it into a constant. */
	static const volatile uint64_t part[2][2] = {
		{ GUEST_SECRET_A, GUEST_SECRET_B }, { GUEST_SECRET_C, GUEST_SECRET_D },
	};

	return part[half][0] ^ part[half][1];
}

int cvm_command(struct cvm *cvm, uint32_t id, void *data, uint32_t *error)
{
	struct kvm_sev_cmd cmd = {
		.id = id, .data = (uintptr_t)data, .sev_fd = (uint32_t)cvm->sev,
	};
	int ret = ioctl(cvm->vm->fd, KVM_MEMORY_ENCRYPT_OP, &cmd) ? -errno : 0;

	*error = cmd.error;
	return ret;
}

static void must(struct cvm *cvm, uint32_t id, void *data)
{
	uint32_t error;
	int ret = cvm_command(cvm, id, data, &error);

	if (ret)
		fail_msg("SEV command %u: %s, SEV error %u", id, strerror(-ret), error);
}

static void make_confidential(struct cvm *cvm)
{
	cvm->sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
	if (cvm->sev < 0)
		fail_msg("/dev/sev: %s", strerror(errno));
	must(cvm, KVM_SEV_INIT, NULL);
}

struct cvm *cvm_create(bool confidential)
{
	struct cvm *cvm = calloc(1, sizeof(*cvm));

	assert_non_null(cvm);
	cvm->sev = -1;
	cvm->confidential = confidential;
	cvm->vm = hgt_vm_new(HGT_IRQCHIP_SPLIT);
	cvm->rom = hgt_pages(GUEST_ROM_SIZE);
	memcpy(cvm->rom, guest_rom, GUEST_ROM_SIZE);
	assert_int_equal(hgt_slot(cvm->vm, CVM_SLOT_ROM, KVM_MEM_READONLY, GUEST_ROM,
				  GUEST_ROM_SIZE, cvm->rom), 0);
	if (confidential)
		make_confidential(cvm);
	cvm->vcpu = hgt_vcpu_new(cvm->vm, 0);
	return cvm;
}

void cvm_load(struct cvm *cvm, const void *from, uint32_t size)
{
	struct kvm_sev_launch_update_data update = { .uaddr = (uintptr_t)from, .len = size };

	must(cvm, KVM_SEV_LAUNCH_UPDATE_DATA, &update);
}

void cvm_begin_launch(struct cvm *cvm)
{
	struct kvm_sev_launch_start start = { .policy = 1 };

	must(cvm, KVM_SEV_LAUNCH_START, &start);
	cvm_load(cvm, cvm->rom, GUEST_ROM_SIZE);
}

void cvm_measure(struct cvm *cvm)
{
	uint8_t blob[64];
	struct kvm_sev_launch_measure measure = { .uaddr = (uintptr_t)blob, .len = sizeof(blob) };

	must(cvm, KVM_SEV_LAUNCH_MEASURE, &measure);
	memcpy(cvm->digest, blob, sizeof(cvm->digest));
}

void cvm_finish(struct cvm *cvm)
{
	must(cvm, KVM_SEV_LAUNCH_FINISH, NULL);
}

void cvm_launch(struct cvm *cvm)
{
	if (!cvm->confidential)
		return;
	cvm_begin_launch(cvm);
	cvm_measure(cvm);
	cvm_finish(cvm);
}

/* Run to the next port access. */
static struct kvm_run *next_port(struct cvm *cvm, uint8_t direction, uint16_t port)
{
	struct kvm_run *run = cvm->vcpu->run;

	hgt_expect(cvm->vcpu, KVM_EXIT_IO);
	if (run->io.direction != direction || run->io.port != port || run->io.size != 4)
		fail_msg("the guest is at port %#x, direction %u; expected port %#x, %u",
			 run->io.port, run->io.direction, port, direction);
	return run;
}

uint32_t cvm_word_out(struct cvm *cvm)
{
	next_port(cvm, KVM_EXIT_IO_OUT, GUEST_PORT_OUT);
	return *(uint32_t *)hgt_pio_data(cvm->vcpu);
}

void cvm_word_in(struct cvm *cvm, uint32_t word)
{
	next_port(cvm, KVM_EXIT_IO_IN, GUEST_PORT_IN);
	*(uint32_t *)hgt_pio_data(cvm->vcpu) = word;
}

void cvm_ready(struct cvm *cvm)
{
	assert_int_equal(cvm_word_out(cvm), GUEST_READY);
}

struct cvm *cvm_start(bool confidential)
{
	struct cvm *cvm = cvm_create(confidential);

	cvm_launch(cvm);
	cvm_ready(cvm);
	return cvm;
}

void cvm_free(struct cvm *cvm)
{
	hgt_vcpu_free(cvm->vcpu);
	hgt_vm_free(cvm->vm);
	munmap(cvm->rom, GUEST_ROM_SIZE);
	if (cvm->sev >= 0)
		close(cvm->sev);
	free(cvm);
}

void cvm_do(struct cvm *cvm, uint32_t command, const uint32_t *args, unsigned int nr_args,
	    uint32_t *answer, unsigned int words)
{
	unsigned int i;

	cvm_word_in(cvm, command);
	for (i = 0; i < nr_args; i++)
		cvm_word_in(cvm, args[i]);
	for (i = 0; i < words; i++)
		answer[i] = cvm_word_out(cvm);
}

uint64_t cvm_join(const uint32_t *word)
{
	return word[0] | (uint64_t)word[1] << 32;
}

bool cvm_whole(struct cvm *cvm)
{
	uint32_t answer;

	cvm_do(cvm, GUEST_CHECK, NULL, 0, &answer, 1);
	return answer == 1;
}

uint64_t cvm_peek(struct cvm *cvm, uint32_t address)
{
	uint32_t answer[2];

	cvm_do(cvm, GUEST_PEEK, &address, 1, answer, 2);
	return cvm_join(answer);
}

void cvm_poke(struct cvm *cvm, uint32_t address, uint64_t value)
{
	uint32_t args[3] = { address, (uint32_t)value, (uint32_t)(value >> 32) }, answer;

	cvm_do(cvm, GUEST_POKE, args, 3, &answer, 1);
	assert_int_equal(answer, 0);
}

int64_t cvm_hypercall(struct cvm *cvm, uint64_t rax, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
	const uint64_t value[4] = { rax, rbx, rcx, rdx };
	uint32_t args[8], answer[2];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		args[2 * i] = (uint32_t)value[i];
		args[2 * i + 1] = (uint32_t)(value[i] >> 32);
	}
	cvm_do(cvm, GUEST_CALL, args, 8, answer, 2);
	return (int64_t)cvm_join(answer);
}

void cvm_registers(struct cvm *cvm, uint64_t value[9])
{
	uint32_t words[18];
	unsigned int i;

	for (i = 0; i < 9; i++) {
		words[2 * i] = (uint32_t)value[i];
		words[2 * i + 1] = (uint32_t)(value[i] >> 32);
	}
	cvm_do(cvm, GUEST_REGISTERS, words, 18, words, 18);
	for (i = 0; i < 9; i++)
		value[i] = cvm_join(&words[2 * i]);
}
