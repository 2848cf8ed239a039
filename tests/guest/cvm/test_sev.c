// SPDX-License-Identifier: Apache-2.0
/*
 * SEV's commands as docs/sev-interface.md has them: what each is refused with, and
 * that a refusal has changed nothing.
 */
#include <fcntl.h>
#include <linux/psp-sev.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cvm.h"

#define BLOB_SIZE	48
#define STATE_CREATED	0
#define STATE_LAUNCHING	1
#define STATE_SEALED	2
#define STATE_RUNNING	3
#define POLICY_ES	4
#define RANGES_MAX	32
#define FAR_SLOT	40
#define FAR_BASE	0x1000000

static void refused(struct cvm *cvm, uint32_t id, void *data, int ret, uint32_t code)
{
	uint32_t error;
	int got = cvm_command(cvm, id, data, &error);

	if (got != ret || error != code)
		fail_msg("command %u: %d, SEV error %u; expected %d, %u", id, got, error, ret, code);
}

static void taken(struct cvm *cvm, uint32_t id, void *data)
{
	refused(cvm, id, data, 0, 0);
}

static void state_is(struct cvm *cvm, uint32_t state)
{
	struct kvm_sev_guest_status status = { .state = 99 };

	taken(cvm, KVM_SEV_GUEST_STATUS, &status);
	assert_int_equal(status.state, state);
}

/* A VM whose descriptor of /dev/sev is open, and which is no more than that. */
static struct cvm *plain(void)
{
	struct cvm *cvm = cvm_create(false);

	cvm->sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
	assert_true(cvm->sev >= 0);
	return cvm;
}

static void start(struct cvm *cvm)
{
	struct kvm_sev_launch_start args = { .policy = 1 };

	taken(cvm, KVM_SEV_LAUNCH_START, &args);
	state_is(cvm, STATE_LAUNCHING);
}

static int measure(struct cvm *cvm, uint8_t blob[BLOB_SIZE], uint32_t *error)
{
	struct kvm_sev_launch_measure args = { .uaddr = (uintptr_t)blob, .len = BLOB_SIZE };

	return cvm_command(cvm, KVM_SEV_LAUNCH_MEASURE, &args, error);
}

static void measured(struct cvm *cvm, uint8_t blob[BLOB_SIZE])
{
	uint32_t error;

	assert_int_equal(measure(cvm, blob, &error), 0);
	assert_int_equal(error, 0);
	state_is(cvm, STATE_SEALED);
}

static void not_measured(struct cvm *cvm, uint32_t code)
{
	uint8_t blob[BLOB_SIZE] = { 0 }, zeros[BLOB_SIZE] = { 0 };
	uint32_t error;

	assert_int_equal(measure(cvm, blob, &error), -EIO);
	assert_int_equal(error, code);
	assert_memory_equal(blob, zeros, BLOB_SIZE);
	state_is(cvm, STATE_LAUNCHING);
}

/* ---- KVM_SEV_INIT, and what comes before it ---- */

static void uninitialised(void **state)
{
	struct kvm_enc_region region = { .addr = 4096, .size = 4096 };
	struct kvm_sev_launch_start args = { .policy = 1 };
	struct cvm *cvm = plain();

	(void)state;
	assert_int_equal(ioctl(cvm->vm->fd, KVM_MEMORY_ENCRYPT_OP, NULL), 0);
	refused(cvm, KVM_SEV_LAUNCH_START, &args, -ENOTTY, 0);
	refused(cvm, KVM_SEV_GUEST_STATUS, &args, -ENOTTY, 0);
	refused(cvm, KVM_SEV_ES_INIT, NULL, -EIO, SEV_RET_UNSUPPORTED);
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_REG_REGION, &region, ENOTTY);
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_OP, 8, EFAULT);
	/* It has a vCPU: too late. And it still runs as what it is. */
	refused(cvm, KVM_SEV_INIT, NULL, -EINVAL, 0);
	assert_int_equal(cvm_word_out(cvm), GUEST_READY);
	cvm_free(cvm);
}

static void init_once(void **state)
{
	struct cvm *cvm = cvm_create(true);

	(void)state;
	refused(cvm, KVM_SEV_INIT, NULL, -EINVAL, 0);
	state_is(cvm, STATE_CREATED);
	cvm_free(cvm);
}

static void wrong_descriptor(void **state)
{
	struct cvm *cvm = cvm_create(true);
	struct kvm_sev_launch_start args = { .policy = 1 };
	int sev = cvm->sev, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	cvm->sev = -1;
	refused(cvm, KVM_SEV_LAUNCH_START, &args, -EBADF, 0);
	cvm->sev = null;
	refused(cvm, KVM_SEV_LAUNCH_START, &args, -EBADF, 0);
	cvm->sev = sev;
	close(null);
	refused(cvm, 4711, &args, -EINVAL, 0);
	refused(cvm, KVM_SEV_LAUNCH_START, (void *)8, -EFAULT, 0);
	state_is(cvm, STATE_CREATED);
	cvm_free(cvm);
}

/* ---- KVM_SEV_LAUNCH_START ---- */

static void launch_start(void **state)
{
	static const struct {
		struct kvm_sev_launch_start args;
		uint32_t code;
	} bad[] = {
		{ { .handle = 1 }, SEV_RET_UNSUPPORTED },
		{ { .dh_uaddr = 4096, .dh_len = 16 }, SEV_RET_UNSUPPORTED },
		{ { .session_uaddr = 4096, .session_len = 16 }, SEV_RET_UNSUPPORTED },
		{ { .policy = POLICY_ES }, SEV_RET_POLICY_FAILURE },
	};
	struct cvm *cvm = cvm_create(true);
	struct kvm_sev_launch_start args;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		args = bad[i].args;
		refused(cvm, KVM_SEV_LAUNCH_START, &args, -EIO, bad[i].code);
		assert_memory_equal(&args, &bad[i].args, sizeof(args));
		state_is(cvm, STATE_CREATED);
	}
	start(cvm);
	memset(&args, 0, sizeof(args));
	refused(cvm, KVM_SEV_LAUNCH_START, &args, -EIO, SEV_RET_INVALID_GUEST_STATE);
	state_is(cvm, STATE_LAUNCHING);
	cvm_free(cvm);
}

/* ---- KVM_SEV_LAUNCH_UPDATE_DATA ---- */

static void update(struct cvm *cvm, uint64_t uaddr, uint32_t len, uint32_t code)
{
	struct kvm_sev_launch_update_data args = { .uaddr = uaddr, .len = len };

	refused(cvm, KVM_SEV_LAUNCH_UPDATE_DATA, &args, code ? -EIO : 0, code);
}

static void launch_update(void **state)
{
	struct cvm *cvm = cvm_create(true), *other = cvm_create(true);
	uint64_t rom = (uintptr_t)cvm->rom, end = rom + GUEST_ROM_SIZE;
	uint8_t one[BLOB_SIZE], two[BLOB_SIZE];

	(void)state;
	update(cvm, rom, 4096, SEV_RET_INVALID_GUEST_STATE);
	start(cvm);
	update(cvm, rom, 0, SEV_RET_INVALID_LEN);
	update(cvm, rom, 17, SEV_RET_INVALID_LEN);
	update(cvm, rom, (1u << 30) + 16, SEV_RET_INVALID_LEN);
	update(cvm, rom + 8, 16, SEV_RET_INVALID_ADDRESS);
	update(cvm, 0, 4096, SEV_RET_INVALID_ADDRESS);
	update(cvm, ~UINT64_C(15), 4096, SEV_RET_INVALID_ADDRESS);
	update(cvm, rom, GUEST_ROM_SIZE + 16, SEV_RET_INVALID_ADDRESS);
	update(cvm, end - 16, 32, SEV_RET_INVALID_ADDRESS);
	state_is(cvm, STATE_LAUNCHING);
	update(cvm, rom, GUEST_ROM_SIZE, 0);
	/* Nothing of the refused is in the digest. */
	start(other);
	update(other, (uintptr_t)other->rom, GUEST_ROM_SIZE, 0);
	measured(cvm, one);
	measured(other, two);
	assert_memory_equal(one, two, 32);
	update(cvm, rom, 4096, SEV_RET_INVALID_GUEST_STATE);
	cvm_free(cvm);
	cvm_free(other);
}

/* ---- KVM_SEV_LAUNCH_MEASURE and _FINISH ---- */

static void launch_measure(void **state)
{
	struct kvm_sev_launch_measure args = { .uaddr = 8, .len = BLOB_SIZE - 1 };
	struct cvm *cvm = cvm_create(true);
	uint8_t one[BLOB_SIZE], two[BLOB_SIZE];

	(void)state;
	refused(cvm, KVM_SEV_LAUNCH_MEASURE, &args, -EIO, SEV_RET_INVALID_GUEST_STATE);
	start(cvm);
	refused(cvm, KVM_SEV_LAUNCH_MEASURE, &args, -EIO, SEV_RET_INVALID_LEN);
	assert_int_equal(args.len, BLOB_SIZE);
	state_is(cvm, STATE_LAUNCHING);
	refused(cvm, KVM_SEV_LAUNCH_FINISH, NULL, -EIO, SEV_RET_INVALID_GUEST_STATE);
	/* A bad address: sealed, and asked again. */
	refused(cvm, KVM_SEV_LAUNCH_MEASURE, &args, -EFAULT, 0);
	measured(cvm, one);
	measured(cvm, two);
	assert_memory_equal(one, two, BLOB_SIZE);
	taken(cvm, KVM_SEV_LAUNCH_FINISH, NULL);
	state_is(cvm, STATE_RUNNING);
	refused(cvm, KVM_SEV_LAUNCH_MEASURE, &args, -EIO, SEV_RET_INVALID_GUEST_STATE);
	refused(cvm, KVM_SEV_LAUNCH_FINISH, NULL, -EIO, SEV_RET_INVALID_GUEST_STATE);
	state_is(cvm, STATE_RUNNING);
	cvm_free(cvm);
}

static void no_vcpu(void **state)
{
	struct cvm cvm = { .confidential = true };

	(void)state;
	cvm.sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
	cvm.vm = hgt_vm_new(HGT_IRQCHIP_SPLIT);
	taken(&cvm, KVM_SEV_INIT, NULL);
	start(&cvm);
	not_measured(&cvm, SEV_RET_INVALID_GUEST_STATE);
	hgt_vm_free(cvm.vm);
	close(cvm.sev);
}

static void no_local_apic(void **state)
{
	struct cvm cvm = { .confidential = true };

	(void)state;
	cvm.sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
	cvm.vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	taken(&cvm, KVM_SEV_INIT, NULL);
	cvm.vcpu = hgt_vcpu_new(cvm.vm, 0);
	start(&cvm);
	not_measured(&cvm, SEV_RET_INAVLID_CONFIG);
	hgt_vcpu_free(cvm.vcpu);
	hgt_vm_free(cvm.vm);
	close(cvm.sev);
}

/* Slots apart from each other, as many ranges of RAM. */
static void scatter(struct cvm *cvm, unsigned int count, uint64_t size, void *memory)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		assert_int_equal(hgt_slot(cvm->vm, FAR_SLOT + i, 0, FAR_BASE + i * 0x10000ull,
					  size, size ? memory : NULL), 0);
}

/* Too many ranges: refused, mended, and then what was never refused. */
static void too_many_ranges(void **state)
{
	struct cvm *cvm = cvm_create(true), *other = cvm_create(true);
	void *memory = hgt_pages(4096);
	uint8_t one[BLOB_SIZE], two[BLOB_SIZE];

	(void)state;
	start(cvm);
	start(other);
	scatter(cvm, RANGES_MAX, 4096, memory);		/* and the one at 0 */
	not_measured(cvm, SEV_RET_RESOURCE_LIMIT);
	scatter(cvm, RANGES_MAX, 0, memory);
	scatter(cvm, 3, 4096, memory);
	scatter(other, 3, 4096, memory);
	measured(cvm, one);
	measured(other, two);
	assert_memory_equal(one, two, 32);
	cvm_free(cvm);
	cvm_free(other);
	munmap(memory, 4096);
}

/* ---- what there is not ---- */

static void unsupported(void **state)
{
	static const uint32_t id[] = {
		KVM_SEV_LAUNCH_SECRET, KVM_SEV_LAUNCH_UPDATE_VMSA, KVM_SEV_SEND_START,
		KVM_SEV_SEND_UPDATE_DATA, KVM_SEV_SEND_UPDATE_VMSA, KVM_SEV_SEND_FINISH,
		KVM_SEV_SEND_CANCEL, KVM_SEV_RECEIVE_START, KVM_SEV_RECEIVE_UPDATE_DATA,
		KVM_SEV_RECEIVE_UPDATE_VMSA, KVM_SEV_RECEIVE_FINISH, KVM_SEV_DBG_DECRYPT,
		KVM_SEV_DBG_ENCRYPT, KVM_SEV_CERT_EXPORT, KVM_SEV_GET_ATTESTATION_REPORT,
		KVM_SEV_ES_INIT,
	};
	struct cvm *cvm = cvm_start(true);
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(id) / sizeof(id[0]); i++)
		refused(cvm, id[i], (void *)8, -EIO, SEV_RET_UNSUPPORTED);
	state_is(cvm, STATE_RUNNING);
	assert_true(cvm_whole(cvm));
	cvm_free(cvm);
}

/* ---- regions ---- */

static void regions(void **state)
{
	struct cvm *cvm = cvm_create(true);
	struct kvm_enc_region region = { .addr = (uintptr_t)cvm->vm->ram, .size = HGT_RAM };
	struct kvm_enc_region empty = { .addr = region.addr, .size = 0 };
	struct kvm_enc_region wraps = { .addr = region.addr, .size = ~UINT64_C(0) };
	struct kvm_enc_region kernels = { .addr = UINT64_C(1) << 63, .size = 4096 };

	(void)state;
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_REG_REGION, &empty, EINVAL);
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_REG_REGION, &wraps, EINVAL);
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_REG_REGION, &kernels, EINVAL);
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_UNREG_REGION, &region, EINVAL);
	hgt_ok(cvm->vm->fd, KVM_MEMORY_ENCRYPT_REG_REGION, &region);
	hgt_ok(cvm->vm->fd, KVM_MEMORY_ENCRYPT_UNREG_REGION, &region);
	hgt_refused(cvm->vm->fd, KVM_MEMORY_ENCRYPT_UNREG_REGION, &region, EINVAL);
	cvm_free(cvm);
}

/* ---- /dev/sev ---- */

static int platform(int fd, uint32_t cmd, void *data, uint32_t *error)
{
	struct sev_issue_cmd issue = { .cmd = cmd, .data = (uintptr_t)data };
	int ret = ioctl(fd, SEV_ISSUE_CMD, &issue) ? -errno : 0;

	*error = issue.error;
	return ret;
}

static void platform_status(void **state)
{
	int fd = open("/dev/sev", O_RDWR | O_CLOEXEC);
	struct sev_user_data_status before, after;
	uint32_t error;
	struct cvm *cvm;

	(void)state;
	assert_int_equal(platform(fd, SEV_PLATFORM_STATUS, &before, &error), 0);
	assert_int_equal(before.api_major, 0);
	assert_int_equal(before.api_minor, 24);
	assert_int_equal(before.flags, 0);
	cvm = cvm_create(true);
	assert_int_equal(platform(fd, SEV_PLATFORM_STATUS, &after, &error), 0);
	assert_int_equal(after.guest_count, before.guest_count + 1);
	assert_int_equal(after.state, 2);
	cvm_free(cvm);
	assert_int_equal(platform(fd, SEV_PLATFORM_STATUS, &after, &error), 0);
	assert_int_equal(after.guest_count, before.guest_count);
	assert_int_equal(platform(fd, SEV_PLATFORM_STATUS, (void *)8, &error), -EFAULT);
	close(fd);
}

static void platform_identity(void **state)
{
	int fd = open("/dev/sev", O_RDWR | O_CLOEXEC);
	char id[256] = "", cert[256] = "", chain[256] = "";
	struct sev_user_data_get_id2 ask = { .address = (uintptr_t)id, .length = 0 };
	struct sev_user_data_pdh_cert_export export = {
		.pdh_cert_address = (uintptr_t)cert, .cert_chain_address = (uintptr_t)chain,
		.pdh_cert_len = sizeof(cert),
	};
	uint32_t error;

	(void)state;
	assert_int_equal(platform(fd, SEV_GET_ID2, &ask, &error), -EIO);
	assert_int_equal(error, SEV_RET_INVALID_LEN);
	assert_in_range(ask.length, 1, sizeof(id) - 1);
	assert_int_equal(id[0], 0);
	assert_int_equal(platform(fd, SEV_GET_ID2, &ask, &error), 0);
	assert_non_null(strstr(id, "no chip identity"));
	assert_int_equal(platform(fd, SEV_PDH_CERT_EXPORT, &export, &error), -EIO);
	assert_int_equal(error, SEV_RET_INVALID_LEN);
	assert_int_equal(cert[0], 0);
	assert_int_equal(platform(fd, SEV_PDH_CERT_EXPORT, &export, &error), 0);
	assert_non_null(strstr(cert, "no certificate"));
	assert_non_null(strstr(chain, "no certificate"));
	close(fd);
}

static void platform_refusals(void **state)
{
	static const uint32_t cmd[] = {
		SEV_FACTORY_RESET, SEV_PEK_GEN, SEV_PEK_CSR, SEV_PDH_GEN, SEV_PEK_CERT_IMPORT,
		SEV_GET_ID,
	};
	int fd = open("/dev/sev", O_RDWR | O_CLOEXEC);
	uint32_t error;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cmd) / sizeof(cmd[0]); i++) {
		assert_int_equal(platform(fd, cmd[i], NULL, &error), -EIO);
		assert_int_equal(error, SEV_RET_UNSUPPORTED);
	}
	assert_int_equal(platform(fd, 4711, NULL, &error), -EINVAL);
	hgt_refused(fd, KVM_MEMORY_ENCRYPT_OP, NULL, EINVAL);
	hgt_refused(fd, SEV_ISSUE_CMD, 8, EFAULT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uninitialised),
		cmocka_unit_test(init_once),
		cmocka_unit_test(wrong_descriptor),
		cmocka_unit_test(launch_start),
		cmocka_unit_test(launch_update),
		cmocka_unit_test(launch_measure),
		cmocka_unit_test(no_vcpu),
		cmocka_unit_test(no_local_apic),
		cmocka_unit_test(too_many_ranges),
		cmocka_unit_test(unsupported),
		cmocka_unit_test(regions),
		cmocka_unit_test(platform_status),
		cmocka_unit_test(platform_identity),
		cmocka_unit_test(platform_refusals),
	};

	return hgt_main(tests);
}
