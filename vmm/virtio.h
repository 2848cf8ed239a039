/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio 1.0 device: status machine, features, queues and the thread that
 * serves them. The PCI side is in virtio-pci.c; each device type fills in
 * struct virtio_ops.
 *
 * Locking: virtio_dev.lock covers the device and its queues, and is held around
 * every op except destroy. The order is PCI bus lock, then device lock.
 */
#ifndef HGVMM_VIRTIO_H
#define HGVMM_VIRTIO_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "pci.h"
#include "virtqueue.h"

#define VIRTIO_QUEUES_MAX	8
#define VIRTIO_VECTORS_MAX	(VIRTIO_QUEUES_MAX + 1)
#define VIRTIO_NO_VECTOR	0xffffu
#define VIRTIO_DEV_FEATURES(bit) (UINT64_C(1) << (bit))

struct vm;
struct virtio_dev;

struct virtio_ops {
	const char *name;
	uint16_t id;			/* virtio device type */
	uint32_t class_code;		/* PCI class */
	unsigned int nr_queues;
	uint16_t queue_size;		/* at most VQ_SIZE_MAX */
	bool threaded;			/* serve the queues on a thread of its own */
	unsigned int config_len;	/* bytes of device configuration */

	uint64_t (*features)(struct virtio_dev *vd);
	/* The driver is ready (DRIVER_OK), or the device was reset. Optional. */
	void (*activate)(struct virtio_dev *vd);
	void (*reset)(struct virtio_dev *vd);
	/* The driver notified @queue. */
	void (*notify)(struct virtio_dev *vd, unsigned int queue);
	/* [off, off + len) is inside config_len. write is optional. */
	void (*config_read)(struct virtio_dev *vd, unsigned int off, void *buf, unsigned int len);
	void (*config_write)(struct virtio_dev *vd, unsigned int off, const void *buf,
			     unsigned int len);
	/* Add counters to a status answer. Optional; called without the lock. */
	void (*stats)(struct virtio_dev *vd, json_t *obj);
	void (*destroy)(struct virtio_dev *vd);
};

struct virtio_queue {
	struct virtqueue vq;
	uint16_t vector;
	int kick;			/* eventfd: the driver notified */
	bool bound;			/* kick is an ioeventfd of the current KVM VM */
	struct loop_fd handler;
	struct virtio_dev *vd;
};

struct msix_entry {
	uint64_t addr;
	uint32_t data;
	uint32_t ctrl;			/* bit 0: masked */
};

struct virtio_dev {
	const struct virtio_ops *ops;
	struct vm *vm;
	unsigned int index;		/* among all virtio devices */
	pthread_mutex_t lock;		/* everything below */

	uint8_t status;
	uint64_t driver_features;
	uint32_t feature_sel, driver_feature_sel;
	uint16_t queue_sel;
	uint8_t config_generation;
	uint16_t config_vector;
	_Atomic uint8_t isr;
	struct virtio_queue queue[VIRTIO_QUEUES_MAX];

	/* The thread of a threaded device. */
	pthread_t thread;
	bool has_thread;
	int stop_fd;

	/* PCI function and MSI-X. */
	struct pci_dev pci;
	unsigned int msix_cap, cfg_cap;	/* capability offsets */
	bool msix_on, msix_masked;
	struct msix_entry msix[VIRTIO_VECTORS_MAX];
	uint32_t pending;		/* PBA */
	int msi[VIRTIO_VECTORS_MAX];	/* handles of msi.c */
	uint64_t notify_base;		/* where ioeventfds are bound, 0: nowhere */

	_Atomic uint64_t interrupts, notifies;
};

/*
 * Prepare @vd (zeroed, embedded in the device's own structure) and plug it into
 * the PCI bus. 0 or negative errno after a message; on success the machine owns
 * it and calls ops->destroy in the end.
 */
int virtio_init(struct virtio_dev *vd, struct vm *vm, struct pci_bus *bus,
		const struct virtio_ops *ops);
void virtio_fini(struct virtio_dev *vd);

/* Threads of threaded devices live from start to stop. 0 or negative errno. */
int virtio_start(struct virtio_dev *vd);
void virtio_stop(struct virtio_dev *vd);
/* Power-on state. The KVM VM, with all its bindings, is already gone. */
void virtio_power_on(struct virtio_dev *vd);

/* For devices, with the lock held. */
bool virtio_has(const struct virtio_dev *vd, unsigned int feature_bit);
bool virtio_live(const struct virtio_dev *vd);		/* DRIVER_OK, not broken */
void virtio_interrupt(struct virtio_dev *vd, unsigned int queue);	/* if wanted */
void virtio_config_changed(struct virtio_dev *vd);
/* The driver broke the rules: ask for a reset, serve nothing until then. */
void virtio_broken(struct virtio_dev *vd, const char *why);

/* virtio-pci.c, for virtio.c. */
int virtio_pci_init(struct virtio_dev *vd, struct pci_bus *bus);
void virtio_pci_raise(struct virtio_dev *vd, unsigned int vector);
void virtio_pci_power_on(struct virtio_dev *vd);
/* virtio.c, for virtio-pci.c. */
void virtio_set_status(struct virtio_dev *vd, uint8_t status);
uint64_t virtio_features(struct virtio_dev *vd);

/* The device types. Each returns NULL after a message. */
struct cfg_disk;
struct cfg_net;
struct cfg_share;
struct virtio_dev *virtio_blk_new(struct vm *vm, struct pci_bus *bus, const struct cfg_disk *cfg);
struct virtio_dev *virtio_net_new(struct vm *vm, struct pci_bus *bus, const struct cfg_net *cfg);
struct virtio_dev *virtio_console_new(struct vm *vm, struct pci_bus *bus);
struct virtio_dev *virtio_rng_new(struct vm *vm, struct pci_bus *bus);
struct virtio_dev *virtio_vsock_new(struct vm *vm, struct pci_bus *bus);
struct virtio_dev *virtio_9p_new(struct vm *vm, struct pci_bus *bus, const struct cfg_share *cfg);

#endif
