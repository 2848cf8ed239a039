// SPDX-License-Identifier: Apache-2.0
/* The PCI transport of virtio 1.0 (section 4.1), with MSI-X and no legacy mode. */
#include <errno.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "msi.h"
#include "util.h"
#include "virtio.h"
#include "vm.h"

#define VIRTIO_VENDOR	0x1af4
#define VIRTIO_DEVICE	0x1040	/* + virtio device type */
#define VIRTIO_SUBSYS	0x1100

#define BAR_REGS	0
#define BAR_MSIX	1
#define BAR_REGS_SIZE	0x4000u
#define BAR_MSIX_SIZE	0x1000u

/* Layout of BAR 0. */
#define COMMON_OFF	0x0000u
#define COMMON_LEN	0x38u
#define ISR_OFF		0x1000u
#define DEVICE_OFF	0x2000u
#define NOTIFY_OFF	0x3000u
#define NOTIFY_STEP	4u

/* Layout of BAR 1. */
#define MSIX_PBA_OFF	0x800u
#define MSIX_ENTRY	16u

static unsigned int nr_vectors(const struct virtio_dev *vd)
{
	return vd->ops->nr_queues + 1;
}

/*
 * Bring vector @v in line with its table entry: install the route when it is
 * usable, and deliver what was held back while it was masked.
 */
static void sync_vector(struct virtio_dev *vd, unsigned int v)
{
	const struct msix_entry *e = &vd->msix[v];

	if (!vd->msix_on || vd->msix_masked || e->ctrl & PCI_MSIX_ENTRY_CTRL_MASKBIT)
		return;
	if (msi_set(vd->vm->msi, vd->msi[v], e->addr, e->data)) {
		hg_guest_err("virtio-%s %u: message 0x%llx/0x%x refused by the kernel",
			     vd->ops->name, vd->index, (unsigned long long)e->addr, e->data);
		return;
	}
	if (vd->pending & 1u << v) {
		vd->pending &= ~(1u << v);
		msi_fire(vd->vm->msi, vd->msi[v]);
	}
}

void virtio_pci_raise(struct virtio_dev *vd, unsigned int vector)
{
	if (vector >= nr_vectors(vd) || !vd->msix_on)
		return;
	atomic_fetch_add_explicit(&vd->interrupts, 1, memory_order_relaxed);
	if (vd->msix_masked || vd->msix[vector].ctrl & PCI_MSIX_ENTRY_CTRL_MASKBIT)
		vd->pending |= 1u << vector;
	else
		msi_fire(vd->vm->msi, vd->msi[vector]);
}

/* Common configuration (4.1.4.3). */

static uint32_t feature_half(uint64_t features, uint32_t sel)
{
	return sel < 2 ? (uint32_t)(features >> 32 * sel) : 0;
}

static uint64_t *queue_addr(struct virtqueue *vq, uint64_t off)
{
	if (off < VIRTIO_PCI_COMMON_Q_AVAILLO)
		return &vq->desc_gpa;
	return off < VIRTIO_PCI_COMMON_Q_USEDLO ? &vq->avail_gpa : &vq->used_gpa;
}

static uint32_t queue_read(struct virtio_dev *vd, uint64_t off)
{
	struct virtio_queue *q;

	if (vd->queue_sel >= vd->ops->nr_queues)
		return 0;	/* a size of 0 says: no such queue */
	q = &vd->queue[vd->queue_sel];
	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE: return q->vq.size;
	case VIRTIO_PCI_COMMON_Q_MSIX: return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE: return q->vq.ready;
	case VIRTIO_PCI_COMMON_Q_NOFF: return vd->queue_sel;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return (uint32_t)*queue_addr(&q->vq, off);
	case VIRTIO_PCI_COMMON_Q_DESCHI:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return (uint32_t)(*queue_addr(&q->vq, off) >> 32);
	}
	return 0;
}

static uint32_t common_read(struct virtio_dev *vd, uint64_t off)
{
	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT: return vd->feature_sel;
	case VIRTIO_PCI_COMMON_DF: return feature_half(virtio_features(vd), vd->feature_sel);
	case VIRTIO_PCI_COMMON_GFSELECT: return vd->driver_feature_sel;
	case VIRTIO_PCI_COMMON_GF:
		return feature_half(vd->driver_features, vd->driver_feature_sel);
	case VIRTIO_PCI_COMMON_MSIX: return vd->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ: return vd->ops->nr_queues;
	case VIRTIO_PCI_COMMON_STATUS: return vd->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION: return vd->config_generation;
	case VIRTIO_PCI_COMMON_Q_SELECT: return vd->queue_sel;
	}
	return queue_read(vd, off);
}

static uint16_t valid_vector(const struct virtio_dev *vd, uint32_t v)
{
	return v < nr_vectors(vd) ? (uint16_t)v : VIRTIO_NO_VECTOR;
}

static void enable_queue(struct virtio_dev *vd, struct virtio_queue *q)
{
	q->vq.indirect = virtio_has(vd, VIRTIO_RING_F_INDIRECT_DESC);
	q->vq.event_idx = virtio_has(vd, VIRTIO_RING_F_EVENT_IDX);
	if (vq_enable(&q->vq))
		virtio_broken(vd, "a queue has a bad size or lies outside of memory");
}

static void set_half(uint64_t *v, bool high, uint32_t val)
{
	*v = high ? (*v & 0xffffffffu) | (uint64_t)val << 32
		  : (*v & ~UINT64_C(0xffffffff)) | val;
}

static void queue_write(struct virtio_dev *vd, uint64_t off, uint32_t val)
{
	struct virtio_queue *q;

	if (vd->queue_sel >= vd->ops->nr_queues)
		return;
	q = &vd->queue[vd->queue_sel];
	if (off == VIRTIO_PCI_COMMON_Q_MSIX) {
		q->vector = valid_vector(vd, val);
		return;
	}
	/* Once enabled, a queue changes only by reset (4.1.4.3.2). */
	if (q->vq.ready || !(vd->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (val <= vd->ops->queue_size)
			q->vq.size = (uint16_t)val;
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (val == 1)
			enable_queue(vd, q);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		set_half(queue_addr(&q->vq, off), false, val);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_half(queue_addr(&q->vq, off), true, val);
		break;
	}
}

static void common_write(struct virtio_dev *vd, uint64_t off, uint32_t val)
{
	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT: vd->feature_sel = val; break;
	case VIRTIO_PCI_COMMON_GFSELECT: vd->driver_feature_sel = val; break;
	case VIRTIO_PCI_COMMON_GF:
		if (vd->driver_feature_sel < 2 && !(vd->status & VIRTIO_CONFIG_S_FEATURES_OK))
			set_half(&vd->driver_features, vd->driver_feature_sel, val);
		break;
	case VIRTIO_PCI_COMMON_MSIX: vd->config_vector = valid_vector(vd, val); break;
	case VIRTIO_PCI_COMMON_STATUS: virtio_set_status(vd, (uint8_t)val); break;
	case VIRTIO_PCI_COMMON_Q_SELECT: vd->queue_sel = (uint16_t)val; break;
	default: queue_write(vd, off, val);
	}
}

/* BAR 0 */

static uint64_t regs_read(void *opaque, uint64_t off, unsigned int size)
{
	struct virtio_dev *vd = opaque;
	uint64_t v = 0;

	pthread_mutex_lock(&vd->lock);
	if (off < COMMON_LEN) {
		v = common_read(vd, off);
	} else if (off == ISR_OFF) {
		v = atomic_exchange(&vd->isr, 0);
	} else if (off >= DEVICE_OFF && off - DEVICE_OFF < vd->ops->config_len &&
		   size <= vd->ops->config_len - (off - DEVICE_OFF)) {
		vd->ops->config_read(vd, (unsigned int)(off - DEVICE_OFF), &v, size);
	}
	pthread_mutex_unlock(&vd->lock);
	return v;
}

static void regs_write(void *opaque, uint64_t off, uint64_t val, unsigned int size)
{
	struct virtio_dev *vd = opaque;

	if (off >= NOTIFY_OFF) {
		unsigned int q = (unsigned int)(off - NOTIFY_OFF) / NOTIFY_STEP;

		/* Only without ioeventfds do notifications come this way. */
		if (q < vd->ops->nr_queues)
			eventfd_write(vd->queue[q].kick, 1);
		return;
	}
	pthread_mutex_lock(&vd->lock);
	if (off < COMMON_LEN)
		common_write(vd, off, (uint32_t)val);
	else if (off >= DEVICE_OFF && off - DEVICE_OFF < vd->ops->config_len &&
		 size <= vd->ops->config_len - (off - DEVICE_OFF) && vd->ops->config_write)
		vd->ops->config_write(vd, (unsigned int)(off - DEVICE_OFF), &val, size);
	pthread_mutex_unlock(&vd->lock);
}

static const struct bus_ops regs_ops = { .read = regs_read, .write = regs_write };

/* BAR 1: PCI Local Bus 3.0, 6.8.2. Software uses aligned dwords or qwords. */

static uint32_t entry_read(const struct msix_entry *e, unsigned int reg)
{
	switch (reg) {
	case 0: return (uint32_t)e->addr;
	case 4: return (uint32_t)(e->addr >> 32);
	case 8: return e->data;
	}
	return e->ctrl;
}

static void entry_write(struct msix_entry *e, unsigned int reg, uint32_t val)
{
	switch (reg) {
	case 0: set_half(&e->addr, false, val & ~3u); break;
	case 4: set_half(&e->addr, true, val); break;
	case 8: e->data = val; break;
	case 12: e->ctrl = val & PCI_MSIX_ENTRY_CTRL_MASKBIT; break;
	}
}

static uint32_t msix_read32(struct virtio_dev *vd, uint64_t off)
{
	if (off < nr_vectors(vd) * MSIX_ENTRY)
		return entry_read(&vd->msix[off / MSIX_ENTRY], off % MSIX_ENTRY);
	return off == MSIX_PBA_OFF ? vd->pending : 0;
}

static uint64_t msix_read(void *opaque, uint64_t off, unsigned int size)
{
	struct virtio_dev *vd = opaque;
	uint64_t v;

	if (off % size || size < 4)
		return ~UINT64_C(0);
	pthread_mutex_lock(&vd->lock);
	v = msix_read32(vd, off);
	if (size == 8)
		v |= (uint64_t)msix_read32(vd, off + 4) << 32;
	pthread_mutex_unlock(&vd->lock);
	return v;
}

static void msix_write(void *opaque, uint64_t off, uint64_t val, unsigned int size)
{
	struct virtio_dev *vd = opaque;
	unsigned int v = (unsigned int)(off / MSIX_ENTRY);

	if (off % size || size < 4 || v >= nr_vectors(vd))
		return;
	pthread_mutex_lock(&vd->lock);
	entry_write(&vd->msix[v], off % MSIX_ENTRY, (uint32_t)val);
	if (size == 8)
		entry_write(&vd->msix[v], off % MSIX_ENTRY + 4, (uint32_t)(val >> 32));
	sync_vector(vd, v);
	pthread_mutex_unlock(&vd->lock);
}

static const struct bus_ops msix_ops = { .read = msix_read, .write = msix_write };

/* ioeventfds follow the BAR. */

static void bind_notify(struct virtio_dev *vd, uint64_t base)
{
	unsigned int i;

	for (i = 0; i < vd->ops->nr_queues; i++) {
		struct kvm_ioeventfd io = {
			.addr = base + NOTIFY_OFF + i * NOTIFY_STEP,
			.len = 2,
			.fd = vd->queue[i].kick,
		};

		if (ioctl(vd->vm->fd, KVM_IOEVENTFD, &io) == 0)
			vd->queue[i].bound = true;
		else
			hg_warn("KVM_IOEVENTFD: %s; notifications take the slow path",
				strerror(errno));
	}
}

static void unbind_notify(struct virtio_dev *vd, uint64_t base)
{
	unsigned int i;

	for (i = 0; i < vd->ops->nr_queues; i++) {
		struct kvm_ioeventfd io = {
			.addr = base + NOTIFY_OFF + i * NOTIFY_STEP,
			.len = 2,
			.fd = vd->queue[i].kick,
			.flags = KVM_IOEVENTFD_FLAG_DEASSIGN,
		};

		if (vd->queue[i].bound && ioctl(vd->vm->fd, KVM_IOEVENTFD, &io) < 0)
			hg_err("KVM_IOEVENTFD deassign: %s", strerror(errno));
		vd->queue[i].bound = false;
	}
}

static void update_notify(struct virtio_dev *vd)
{
	uint64_t base = pci_bar_addr(&vd->pci, BAR_REGS);

	if (!vd->vm->has_ioeventfd || base == vd->notify_base)
		return;
	if (vd->notify_base)
		unbind_notify(vd, vd->notify_base);
	vd->notify_base = base;
	if (base)
		bind_notify(vd, base);
}

static void update_msix(struct virtio_dev *vd)
{
	uint16_t ctrl = get_le16(vd->pci.config + vd->msix_cap + PCI_MSIX_FLAGS);
	unsigned int v;

	vd->msix_on = ctrl & PCI_MSIX_FLAGS_ENABLE;
	vd->msix_masked = ctrl & PCI_MSIX_FLAGS_MASKALL;
	for (v = 0; v < nr_vectors(vd); v++)
		sync_vector(vd, v);
}

static bool overlaps(unsigned int off, unsigned int len, unsigned int at, unsigned int n)
{
	return off < at + n && at < off + len;
}

/*
 * The configuration access capability (4.1.4.7): a window into the BARs for
 * drivers that cannot map them. Returns false when what the guest set is no
 * access we serve.
 */
static bool window(struct virtio_dev *vd, unsigned int *bar, uint32_t *off, uint32_t *len)
{
	const uint8_t *cap = vd->pci.config + vd->cfg_cap;

	*bar = cap[offsetof(struct virtio_pci_cap, bar)];
	*off = get_le32(cap + offsetof(struct virtio_pci_cap, offset));
	*len = get_le32(cap + offsetof(struct virtio_pci_cap, length));
	return *bar == BAR_REGS && (*len == 1 || *len == 2 || *len == 4) && !(*off % *len) &&
	       *off < BAR_REGS_SIZE && *len <= BAR_REGS_SIZE - *off;
}

static void config_read(struct pci_dev *pci, unsigned int off, unsigned int len)
{
	struct virtio_dev *vd = container_of(pci, struct virtio_dev, pci);
	unsigned int data = vd->cfg_cap + (unsigned int)sizeof(struct virtio_pci_cap), bar;
	uint32_t at, n;

	if (overlaps(off, len, data, 4) && window(vd, &bar, &at, &n))
		put_le32(pci->config + data, (uint32_t)regs_read(vd, at, n));
}

static void config_written(struct pci_dev *pci, unsigned int off, unsigned int len)
{
	struct virtio_dev *vd = container_of(pci, struct virtio_dev, pci);
	unsigned int data = vd->cfg_cap + (unsigned int)sizeof(struct virtio_pci_cap), bar;
	uint32_t at, n;

	if (overlaps(off, len, data, 4) && window(vd, &bar, &at, &n))
		regs_write(vd, at, get_le32(pci->config + data), n);

	pthread_mutex_lock(&vd->lock);
	if (off < PCI_CFG_BAR0 + 4 * PCI_BARS)
		update_notify(vd);
	if (overlaps(off, len, vd->msix_cap + PCI_MSIX_FLAGS, 2))
		update_msix(vd);
	pthread_mutex_unlock(&vd->lock);
}

void virtio_pci_power_on(struct virtio_dev *vd)
{
	unsigned int i;

	vd->msix_on = vd->msix_masked = false;
	vd->pending = 0;
	vd->notify_base = 0;
	for (i = 0; i < nr_vectors(vd); i++)
		vd->msix[i] = (struct msix_entry){ .ctrl = PCI_MSIX_ENTRY_CTRL_MASKBIT };
	for (i = 0; i < vd->ops->nr_queues; i++)
		vd->queue[i].bound = false;
}

/* A structure of BAR 0. Returns the capability's offset, 0 when full. */
static unsigned int add_cap(struct virtio_dev *vd, uint8_t type, uint32_t off, uint32_t len)
{
	struct virtio_pci_notify_cap cap = {
		.cap = { .cap_len = sizeof(struct virtio_pci_cap), .cfg_type = type,
			 .bar = BAR_REGS, .offset = off, .length = len },
		.notify_off_multiplier = NOTIFY_STEP,
	};
	unsigned int size = sizeof(cap.cap);

	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG || type == VIRTIO_PCI_CAP_PCI_CFG)
		size += 4;
	if (type == VIRTIO_PCI_CAP_PCI_CFG)
		cap.notify_off_multiplier = 0;	/* the data field of this one */
	cap.cap.cap_len = (uint8_t)size;
	return pci_dev_cap(&vd->pci, PCI_CAP_ID_VNDR, &cap, size);
}

static bool add_caps(struct virtio_dev *vd)
{
	struct pci_dev *pci = &vd->pci;
	uint8_t msix[PCI_CAP_MSIX_SIZEOF] = { 0 };

	if (!add_cap(vd, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFF, COMMON_LEN) ||
	    !add_cap(vd, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFF, 1) ||
	    !add_cap(vd, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFF,
		     vd->ops->nr_queues * NOTIFY_STEP))
		return false;
	if (vd->ops->config_len &&
	    !add_cap(vd, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFF, vd->ops->config_len))
		return false;

	vd->cfg_cap = add_cap(vd, VIRTIO_PCI_CAP_PCI_CFG, 0, 0);
	if (!vd->cfg_cap)
		return false;
	pci->wmask[vd->cfg_cap + offsetof(struct virtio_pci_cap, bar)] = 0xff;
	memset(pci->wmask + vd->cfg_cap + offsetof(struct virtio_pci_cap, offset), 0xff, 12);

	put_le16(msix + PCI_MSIX_FLAGS, (uint16_t)(nr_vectors(vd) - 1));
	put_le32(msix + PCI_MSIX_TABLE, BAR_MSIX);
	put_le32(msix + PCI_MSIX_PBA, MSIX_PBA_OFF | BAR_MSIX);
	vd->msix_cap = pci_dev_cap(pci, PCI_CAP_ID_MSIX, msix, sizeof(msix));
	if (!vd->msix_cap)
		return false;
	put_le16(pci->wmask + vd->msix_cap + PCI_MSIX_FLAGS,
		 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	return true;
}

int virtio_pci_init(struct virtio_dev *vd, struct pci_bus *bus)
{
	struct pci_dev *pci = &vd->pci;
	unsigned int i;
	int ret;

	for (i = 0; i < nr_vectors(vd); i++) {
		vd->msi[i] = msi_alloc(vd->vm->msi);
		if (vd->msi[i] < 0)
			return vd->msi[i];
	}
	pci_dev_init(pci, VIRTIO_VENDOR, (uint16_t)(VIRTIO_DEVICE + vd->ops->id),
		     vd->ops->class_code, VIRTIO_SUBSYS);
	pci_dev_bar(pci, BAR_REGS, BAR_REGS_SIZE, &regs_ops, vd);
	pci_dev_bar(pci, BAR_MSIX, BAR_MSIX_SIZE, &msix_ops, vd);
	pci->config_read = config_read;
	pci->config_written = config_written;
	if (!add_caps(vd)) {
		hg_err("virtio-%s: the configuration space is full", vd->ops->name);
		return -ENOSPC;
	}
	virtio_pci_power_on(vd);
	ret = pci_dev_add(bus, pci);
	if (ret)
		hg_err("no PCI slot is left for virtio-%s: configure fewer devices",
		       vd->ops->name);
	return ret;
}
