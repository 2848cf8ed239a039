// SPDX-License-Identifier: Apache-2.0
#include "msi.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"
#include "vm.h"

#define PIC_PINS	16
#define PIC_CASCADE	2
#define ROUTES_MAX	(PIC_PINS + IOAPIC_PINS + MSI_MAX)

struct msi_vec {
	bool set;
	bool bound;		/* irqfd attached to the current KVM VM */
	int irqfd;
	uint64_t addr;
	uint32_t data;
};

struct msi_table {
	struct vm *vm;
	pthread_mutex_t lock;	/* everything below */
	unsigned int nr;
	struct msi_vec vec[MSI_MAX];
	struct msi_vec pin[IOAPIC_PINS];	/* split irqchip */
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[ROUTES_MAX];
	} routing;
};

struct msi_table *msi_new(struct vm *vm)
{
	struct msi_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->vm = vm;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void msi_free(struct msi_table *t)
{
	unsigned int i;

	if (!t)
		return;
	for (i = 0; i < t->nr; i++)
		if (t->vec[i].irqfd >= 0)
			close(t->vec[i].irqfd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int msi_alloc(struct msi_table *t)
{
	struct msi_vec *v;

	if (t->nr == MSI_MAX) {
		hg_err("more than %d interrupt vectors: configure fewer devices", MSI_MAX);
		return -ENOSPC;
	}
	v = &t->vec[t->nr];
	v->irqfd = -1;
	if (t->vm->has_irqfd) {
		v->irqfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (v->irqfd < 0) {
			hg_err("eventfd: %s", strerror(errno));
			return -errno;
		}
	}
	return (int)t->nr++;
}

static void add_pin(struct msi_table *t, unsigned int gsi, unsigned int chip, unsigned int pin)
{
	t->routing.entry[t->routing.head.nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static void add_msi(struct msi_table *t, unsigned int gsi, const struct msi_vec *v)
{
	t->routing.entry[t->routing.head.nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)v->addr,
			   .address_hi = (uint32_t)(v->addr >> 32), .data = v->data },
	};
}

/*
 * ISA lines reach both the PIC and the IOAPIC, as on a PC. The timer arrives at
 * IOAPIC pin 2 instead of 0, which the MADT says too.
 */
static void add_chip_routes(struct msi_table *t)
{
	unsigned int i;

	for (i = 0; i < PIC_PINS; i++)
		if (i != PIC_CASCADE)
			add_pin(t, i, i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
				i % 8);
	for (i = 0; i < IOAPIC_PINS; i++) {
		if (i == 0)
			add_pin(t, i, KVM_IRQCHIP_IOAPIC, 2);
		else if (i != 2)
			add_pin(t, i, KVM_IRQCHIP_IOAPIC, i);
	}
}

static int update_routes(struct msi_table *t)
{
	unsigned int i;

	memset(&t->routing, 0, sizeof(t->routing));
	if (t->vm->cfg->irqchip == IRQCHIP_ON) {
		add_chip_routes(t);
	} else {
		for (i = 0; i < IOAPIC_PINS; i++)
			if (t->pin[i].set)
				add_msi(t, i, &t->pin[i]);
	}
	for (i = 0; i < t->nr; i++)
		if (t->vec[i].set)
			add_msi(t, IOAPIC_PINS + i, &t->vec[i]);
	return ioctl(t->vm->fd, KVM_SET_GSI_ROUTING, &t->routing) < 0 ? -errno : 0;
}

static int bind_irqfd(struct msi_table *t, int msi)
{
	struct kvm_irqfd req = {
		.fd = (uint32_t)t->vec[msi].irqfd, .gsi = IOAPIC_PINS + (uint32_t)msi,
	};

	if (t->vec[msi].irqfd < 0 || t->vec[msi].bound)
		return 0;
	if (ioctl(t->vm->fd, KVM_IRQFD, &req) < 0)
		return -errno;
	t->vec[msi].bound = true;
	return 0;
}

int msi_set(struct msi_table *t, int msi, uint64_t addr, uint32_t data)
{
	struct msi_vec *v = &t->vec[msi];
	int ret = 0;

	pthread_mutex_lock(&t->lock);
	if (v->set && v->addr == addr && v->data == data)
		goto out;
	v->set = true;
	v->addr = addr;
	v->data = data;
	/* Only irqfds look at routes; KVM_SIGNAL_MSI carries the message itself. */
	if (v->irqfd >= 0) {
		ret = update_routes(t);
		if (!ret)
			ret = bind_irqfd(t, msi);
	}
	if (ret)
		v->set = false;
out:
	pthread_mutex_unlock(&t->lock);
	return ret;
}

int msi_set_pin(struct msi_table *t, unsigned int pin, bool valid, uint64_t addr,
		uint32_t data)
{
	struct msi_vec *v = &t->pin[pin];
	int ret = 0;

	pthread_mutex_lock(&t->lock);
	if (v->set != valid || v->addr != addr || v->data != data) {
		v->set = valid;
		v->addr = addr;
		v->data = data;
		ret = update_routes(t);
	}
	pthread_mutex_unlock(&t->lock);
	return ret;
}

void msi_send(struct msi_table *t, uint64_t addr, uint32_t data)
{
	struct kvm_msi msg = {
		.address_lo = (uint32_t)addr, .address_hi = (uint32_t)(addr >> 32), .data = data,
	};

	if (ioctl(t->vm->fd, KVM_SIGNAL_MSI, &msg) < 0)
		hg_guest_err("KVM_SIGNAL_MSI to 0x%llx: %s", (unsigned long long)addr,
			     strerror(errno));
}

void msi_fire(struct msi_table *t, int msi)
{
	struct msi_vec v;

	pthread_mutex_lock(&t->lock);
	v = t->vec[msi];
	pthread_mutex_unlock(&t->lock);
	if (!v.set)
		return;
	if (v.bound) {
		uint64_t one = 1;

		if (write(v.irqfd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			hg_err("irqfd: %s", strerror(errno));
		return;
	}
	msi_send(t, v.addr, v.data);
}

int msi_start(struct msi_table *t)
{
	int ret;

	pthread_mutex_lock(&t->lock);
	ret = update_routes(t);
	pthread_mutex_unlock(&t->lock);
	if (ret)
		hg_err("KVM_SET_GSI_ROUTING: %s", strerror(-ret));
	return ret;
}

void msi_halt(struct msi_table *t)
{
	unsigned int i;
	uint64_t v;

	pthread_mutex_lock(&t->lock);
	for (i = 0; i < t->nr; i++) {
		t->vec[i].set = t->vec[i].bound = false;
		/* A message the old machine did not take must not reach the new one. */
		if (t->vec[i].irqfd >= 0 && read(t->vec[i].irqfd, &v, sizeof(v)) < 0)
			continue;
	}
	memset(t->pin, 0, sizeof(t->pin));
	pthread_mutex_unlock(&t->lock);
}
