// SPDX-License-Identifier: Apache-2.0
#include "cvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"
#include "vm.h"

#define DEV_SEV		"/dev/sev"
#define SHIM_SLOT	GUEST_MEM_REGIONS
#define BLOB_SIZE	(CVM_DIGEST_SIZE + 16)	/* digest and nonce */
/* One KVM_SEV_LAUNCH_UPDATE_DATA at most: the module takes 1 GiB. */
#define UPDATE_MAX	(UINT64_C(256) << 20)

int cvm_open(struct vm *vm)
{
	vm->sev_fd = open(DEV_SEV, O_RDWR | O_CLOEXEC);
	if (vm->sev_fd >= 0)
		return 0;
	if (errno == ENOENT)
		hg_err("--cvm: %s does not exist: load hypergpu.ko, which offers confidential VMs "
		       "on any CPU", DEV_SEV);
	else
		hg_err("--cvm: %s: %s", DEV_SEV, strerror(errno));
	return -ENODEV;
}

void cvm_close(struct vm *vm)
{
	if (vm->sev_fd >= 0)
		close(vm->sev_fd);
	vm->sev_fd = -1;
}

static int command(struct vm *vm, uint32_t id, const char *name, void *data)
{
	struct kvm_sev_cmd cmd = {
		.id = id, .data = (uintptr_t)data, .sev_fd = (uint32_t)vm->sev_fd,
	};

	if (ioctl(vm->fd, KVM_MEMORY_ENCRYPT_OP, &cmd) >= 0)
		return 0;
	if (cmd.error)
		hg_err("%s: refused with SEV error %u", name, cmd.error);
	else
		hg_err("%s: %s", name, strerror(errno));
	return errno ? -errno : -EIO;
}
#define COMMAND(vm, id, data) command(vm, id, #id, data)

int cvm_create(struct vm *vm)
{
	return COMMAND(vm, KVM_SEV_INIT, NULL);
}

static int add_shim(struct vm *vm, const struct cvm_image *image)
{
	struct kvm_userspace_memory_region slot = {
		.slot = SHIM_SLOT, .flags = KVM_MEM_READONLY, .guest_phys_addr = CVM_SHIM_GPA,
		.memory_size = CVM_PAGE, .userspace_addr = (uintptr_t)image->shim,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) >= 0)
		return 0;
	hg_err("KVM_SET_USER_MEMORY_REGION(0x%llx): %s", (unsigned long long)CVM_SHIM_GPA,
	       strerror(errno));
	return -errno;
}

static int update(struct vm *vm, const void *host, uint64_t size)
{
	const uint8_t *p = host;
	int ret = 0;

	while (size && !ret) {
		uint64_t step = size < UPDATE_MAX ? size : UPDATE_MAX;
		struct kvm_sev_launch_update_data data = {
			.uaddr = (uintptr_t)p, .len = (uint32_t)step,
		};

		ret = COMMAND(vm, KVM_SEV_LAUNCH_UPDATE_DATA, &data);
		p += step;
		size -= step;
	}
	return ret;
}

static int load(struct vm *vm, const struct cvm_image *image)
{
	unsigned int i;
	int ret = add_shim(vm, image);

	if (!ret)
		ret = update(vm, image->shim, CVM_PAGE);
	for (i = 0; i < image->nr && !ret; i++)
		ret = update(vm, guest_ptr(&vm->mem, image->piece[i].gpa, image->piece[i].size),
			     image->piece[i].size);
	return ret;
}

static int measure(struct vm *vm)
{
	uint8_t blob[BLOB_SIZE] = { 0 };
	struct kvm_sev_launch_measure m = { .uaddr = (uintptr_t)blob, .len = sizeof(blob) };
	char hex[2 * CVM_DIGEST_SIZE + 1];
	unsigned int i;
	int ret;

	ret = COMMAND(vm, KVM_SEV_LAUNCH_MEASURE, &m);
	if (ret)
		return ret;
	memcpy(vm->launch_digest, blob, CVM_DIGEST_SIZE);
	for (i = 0; i < CVM_DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", blob[i]);
	fprintf(stderr, "hgvmm: launch digest %s\n", hex);
	return 0;
}

int cvm_launch(struct vm *vm, const struct cvm_image *image)
{
	struct kvm_sev_launch_start start = { .policy = vm->cfg->cvm_policy };
	int ret;

	ret = COMMAND(vm, KVM_SEV_LAUNCH_START, &start);
	if (!ret)
		ret = load(vm, image);
	if (!ret)
		ret = measure(vm);
	if (!ret)
		ret = COMMAND(vm, KVM_SEV_LAUNCH_FINISH, NULL);
	/* The guest has its own copy; ours is only what it may come to share. */
	return ret ? ret : guest_mem_clear(&vm->mem);
}
