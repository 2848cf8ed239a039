// SPDX-License-Identifier: Apache-2.0
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cvm.h"
#include "ioapic.h"
#include "msi.h"
#include "util.h"
#include "vcpu.h"

/* Where KVM on Intel hides its real-mode TSS: a hole below the firmware area. */
#define KVM_TSS_ADDR 0xfffbd000u

#define DEV_OURS "/dev/hypergpu"
#define DEV_KVM  "/dev/kvm"

struct need {
	int cap;
	const char *name;
};

static const struct need needs[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
	{ KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
	{ KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
	{ KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
};

static int cap(const struct vm *vm, int id)
{
	int ret = ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, id);

	return ret < 0 ? 0 : ret;
}

static int open_device(struct vm *vm)
{
	const char *path = vm->cfg->dev;

	if (!path)
		path = access(DEV_OURS, F_OK) == 0 ? DEV_OURS : DEV_KVM;
	vm->dev_path = path;
	vm->dev_fd = open(path, O_RDWR | O_CLOEXEC);
	if (vm->dev_fd >= 0)
		return 0;
	if (errno == ENOENT)
		hg_err("%s does not exist: load hypergpu.ko (or kvm-amd / kvm-intel), "
		       "or name another device with --dev", path);
	else if (errno == EACCES || errno == EPERM)
		hg_err("%s: permission denied: run as root or join the group that owns it", path);
	else
		hg_err("%s: %s", path, strerror(errno));
	return -ENODEV;
}

static int check_host(struct vm *vm)
{
	const struct config *cfg = vm->cfg;
	int ver = ioctl(vm->dev_fd, KVM_GET_API_VERSION, 0), max;
	unsigned int i;

	if (ver != KVM_API_VERSION) {
		hg_err("%s does not speak the KVM ABI version %d (answer: %d)",
		       vm->dev_path, KVM_API_VERSION, ver);
		return -ENOTSUP;
	}
	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		if (!cap(vm, needs[i].cap)) {
			hg_err("%s lacks %s, which hgvmm needs", vm->dev_path, needs[i].name);
			return -ENOTSUP;
		}
	}
	if (cfg->irqchip == IRQCHIP_ON && !cap(vm, KVM_CAP_IRQCHIP)) {
		hg_err("%s lacks KVM_CAP_IRQCHIP; try --irqchip split", vm->dev_path);
		return -ENOTSUP;
	}
	if (cfg->irqchip == IRQCHIP_SPLIT && !cap(vm, KVM_CAP_SPLIT_IRQCHIP)) {
		hg_err("%s lacks KVM_CAP_SPLIT_IRQCHIP; try --irqchip on", vm->dev_path);
		return -ENOTSUP;
	}
	max = cap(vm, KVM_CAP_MAX_VCPUS);
	if (!max)
		max = cap(vm, KVM_CAP_NR_VCPUS);
	if (max && cfg->vcpus > (unsigned int)max) {
		hg_err("%s runs at most %d vCPUs; lower --smp", vm->dev_path, max);
		return -ENOTSUP;
	}
	vm->has_irqfd = cap(vm, KVM_CAP_IRQFD) && !cfg->no_irqfd;
	vm->has_ioeventfd = cap(vm, KVM_CAP_IOEVENTFD) && !cfg->no_ioeventfd;
	vm->has_pit2 = cap(vm, KVM_CAP_PIT2);
	vm->has_deadline = cap(vm, KVM_CAP_TSC_DEADLINE_TIMER);
	if (cfg->irqchip == IRQCHIP_SPLIT && !vm->has_deadline)
		hg_warn("%s offers no TSC deadline timer: a guest without a PIT may not find "
			"its timer; prefer --irqchip on", vm->dev_path);
	return 0;
}

int vm_open(struct vm *vm, const struct config *cfg, struct loop *loop)
{
	int ret;

	vm->cfg = cfg;
	vm->loop = loop;
	vm->fd = vm->dev_fd = vm->request_fd = vm->sev_fd = -1;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->changed, NULL);
	ret = open_device(vm);
	if (!ret)
		ret = check_host(vm);
	if (!ret && cfg->cvm)
		ret = cvm_open(vm);
	if (ret)
		return ret;
	vm->run_size = ioctl(vm->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vm->run_size < 4096) {
		hg_err("%s: KVM_GET_VCPU_MMAP_SIZE answers %d", vm->dev_path, vm->run_size);
		return -ENOTSUP;
	}
	vm->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vm->vcpu = calloc(cfg->vcpus, sizeof(*vm->vcpu));
	vm->msi = msi_new(vm);
	if (cfg->irqchip == IRQCHIP_SPLIT)
		vm->ioapic = ioapic_new(vm);
	if (vm->request_fd < 0 || !vm->vcpu || !vm->msi ||
	    (cfg->irqchip == IRQCHIP_SPLIT && !vm->ioapic)) {
		hg_err("out of memory or descriptors");
		return -ENOMEM;
	}
	return guest_mem_create(&vm->mem, cfg->mem_bytes, cfg->hugepages);
}

void vm_close(struct vm *vm)
{
	guest_mem_destroy(&vm->mem);
	ioapic_free(vm->ioapic);
	msi_free(vm->msi);
	free(vm->vcpu);
	cvm_close(vm);
	if (vm->request_fd >= 0)
		close(vm->request_fd);
	if (vm->dev_fd >= 0)
		close(vm->dev_fd);
	pthread_cond_destroy(&vm->changed);
	pthread_mutex_destroy(&vm->lock);
}

static int create_irqchip(struct vm *vm)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { IOAPIC_PINS } };
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (vm->cfg->irqchip == IRQCHIP_SPLIT) {
		if (ioctl(vm->fd, KVM_ENABLE_CAP, &split) < 0) {
			hg_err("KVM_ENABLE_CAP(SPLIT_IRQCHIP): %s", strerror(errno));
			return -errno;
		}
		return 0;
	}
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0) {
		hg_err("KVM_CREATE_IRQCHIP: %s", strerror(errno));
		return -errno;
	}
	/* The speaker port comes along: guests calibrate the TSC with it. */
	if (vm->has_pit2 && ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0) {
		hg_err("KVM_CREATE_PIT2: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static int add_memory(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->mem.nr; i++) {
		const struct guest_region *r = &vm->mem.region[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i, .guest_phys_addr = r->gpa, .memory_size = r->size,
			.userspace_addr = (uintptr_t)r->host,
		};

		if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0) {
			hg_err("KVM_SET_USER_MEMORY_REGION(0x%llx, %llu MiB): %s",
			       (unsigned long long)r->gpa, (unsigned long long)(r->size / MiB),
			       strerror(errno));
			return -errno;
		}
	}
	return 0;
}

static int create_vm(struct vm *vm)
{
	int ret;

	vm->fd = ioctl(vm->dev_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0) {
		hg_err("%s: KVM_CREATE_VM: %s", vm->dev_path, strerror(errno));
		return -errno;
	}
	if (vm->cfg->cvm) {
		ret = cvm_create(vm);
		if (ret)
			return ret;
	}
	if (cap(vm, KVM_CAP_SET_TSS_ADDR) &&
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)KVM_TSS_ADDR) < 0) {
		hg_err("KVM_SET_TSS_ADDR: %s", strerror(errno));
		return -errno;
	}
	ret = create_irqchip(vm);
	if (!ret)
		ret = add_memory(vm);
	if (!ret)
		ret = msi_start(vm->msi);
	return ret;
}

static void set_state(struct vm *vm, enum vm_state state)
{
	pthread_mutex_lock(&vm->lock);
	vm->state = state;
	pthread_cond_broadcast(&vm->changed);
	pthread_mutex_unlock(&vm->lock);
}

int vm_start(struct vm *vm, int (*boot)(struct vm *vm))
{
	unsigned int i;
	int ret = create_vm(vm);

	for (i = 0; !ret && i < vm->cfg->vcpus; i++)
		ret = vcpu_create(vm, &vm->vcpu[i], i);
	if (!ret)
		ret = boot(vm);
	if (ret)
		goto fail;
	vm->boots++;
	set_state(vm, VM_RUNNING);
	for (i = 0; !ret && i < vm->cfg->vcpus; i++)
		ret = vcpu_start(&vm->vcpu[i]);
	if (!ret)
		return 0;
fail:
	vm_halt(vm);
	return ret;
}

void vm_halt(struct vm *vm)
{
	uint64_t v;
	unsigned int i;

	set_state(vm, VM_STOPPING);
	for (i = 0; i < vm->cfg->vcpus; i++)
		vcpu_kick(&vm->vcpu[i]);
	for (i = 0; i < vm->cfg->vcpus; i++)
		vcpu_destroy(&vm->vcpu[i]);
	msi_halt(vm->msi);
	if (vm->ioapic)
		ioapic_reset(vm->ioapic);
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
	set_state(vm, VM_HALTED);
	atomic_store(&vm->request, REQ_NONE);
	if (read(vm->request_fd, &v, sizeof(v)) < 0)
		return;	/* nothing was pending */
}

bool vm_ask(struct vm *vm, enum vm_request req)
{
	int none = REQ_NONE;
	uint64_t one = 1;

	if (!atomic_compare_exchange_strong(&vm->request, &none, (int)req))
		return false;
	if (write(vm->request_fd, &one, sizeof(one)) < 0)
		hg_err("eventfd: %s", strerror(errno));
	return true;
}

void vm_pause(struct vm *vm)
{
	unsigned int i;

	if (vm->state != VM_RUNNING)
		return;
	set_state(vm, VM_PAUSED);
	for (i = 0; i < vm->cfg->vcpus; i++)
		vcpu_kick(&vm->vcpu[i]);
	pthread_mutex_lock(&vm->lock);
	while (vm->parked < vm->cfg->vcpus)
		pthread_cond_wait(&vm->changed, &vm->lock);
	pthread_mutex_unlock(&vm->lock);
}

void vm_resume(struct vm *vm)
{
	if (vm->state == VM_PAUSED)
		set_state(vm, VM_RUNNING);
}

void vm_irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	struct kvm_irq_level req = { .irq = gsi, .level = level };

	if (vm->ioapic) {
		ioapic_line(vm->ioapic, gsi, level);
		return;
	}
	if (vm->fd >= 0 && ioctl(vm->fd, KVM_IRQ_LINE, &req) < 0)
		hg_err("KVM_IRQ_LINE(%u): %s", gsi, strerror(errno));
}
