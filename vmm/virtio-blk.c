// SPDX-License-Identifier: Apache-2.0
/* Block device on a raw file or host block device (Virtio 1.0, section 5.2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "config.h"
#include "util.h"
#include "virtio.h"

#define SECTOR		512u
#define QUEUE_SIZE	128u
#define SEG_MAX		(QUEUE_SIZE - 2)	/* without header and status */

struct virtio_blk {
	struct virtio_dev vd;
	int fd;
	bool ro;
	uint64_t sectors;
	struct vq_chain chain;		/* the request in work */
	_Atomic uint64_t reads, writes, flushes, errors, rd_bytes, wr_bytes;
};

static struct virtio_blk *to_blk(struct virtio_dev *vd)
{
	return container_of(vd, struct virtio_blk, vd);
}

static uint64_t blk_features(struct virtio_dev *vd)
{
	return UINT64_C(1) << VIRTIO_BLK_F_SEG_MAX | UINT64_C(1) << VIRTIO_BLK_F_BLK_SIZE |
	       UINT64_C(1) << VIRTIO_BLK_F_FLUSH |
	       (uint64_t)to_blk(vd)->ro << VIRTIO_BLK_F_RO;
}

static void blk_config_read(struct virtio_dev *vd, unsigned int off, void *buf, unsigned int len)
{
	struct virtio_blk_config c = {
		.capacity = to_blk(vd)->sectors, .seg_max = SEG_MAX, .blk_size = SECTOR,
	};

	memcpy(buf, (uint8_t *)&c + off, len);
}

/* True when [sector, sector + len) lies on the disk; @len in bytes. */
static bool on_disk(const struct virtio_blk *b, uint64_t sector, uint64_t len)
{
	return !(len % SECTOR) && sector <= b->sectors && len / SECTOR <= b->sectors - sector;
}

/* Move @n segments at file offset @pos; short transfers are continued. */
static int transfer(int fd, struct iovec *iov, unsigned int n, off_t pos, bool write)
{
	while (n) {
		ssize_t r = write ? pwritev(fd, iov, (int)n, pos) : preadv(fd, iov, (int)n, pos);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -EIO;
		pos += r;
		while (n && (size_t)r >= iov->iov_len) {
			r -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n) {
			iov->iov_base = (uint8_t *)iov->iov_base + r;
			iov->iov_len -= (size_t)r;
		}
	}
	return 0;
}

static uint8_t do_io(struct virtio_blk *b, uint64_t sector, bool write)
{
	struct vq_chain *c = &b->chain;
	struct iovec iov[VQ_SEGS_MAX];
	uint64_t hdr = sizeof(struct virtio_blk_outhdr);
	/* Between the header and the status byte lies the data. */
	uint64_t len = write ? c->out_len - hdr : c->in_len - 1;
	unsigned int n;

	if (write && b->ro)
		return VIRTIO_BLK_S_IOERR;
	if (!on_disk(b, sector, len))
		return VIRTIO_BLK_S_IOERR;
	if (!len)
		return VIRTIO_BLK_S_OK;
	n = vq_chain_iov(c, !write, write ? hdr : 0, len, iov, VQ_SEGS_MAX);
	if (!n || transfer(b->fd, iov, n, (off_t)(sector * SECTOR), write))
		return VIRTIO_BLK_S_IOERR;
	if (write) {
		b->writes++;
		b->wr_bytes += len;
	} else {
		b->reads++;
		b->rd_bytes += len;
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t do_id(struct virtio_blk *b)
{
	char id[VIRTIO_BLK_ID_BYTES] = { 0 };

	snprintf(id, sizeof(id), "hgvmm-disk-%u", b->vd.index);
	vq_chain_write(&b->chain, 0, id, sizeof(id));
	return VIRTIO_BLK_S_OK;
}

/* Returns the number of bytes written to the driver, status included; 0: malformed. */
static uint32_t request(struct virtio_blk *b)
{
	struct vq_chain *c = &b->chain;
	struct virtio_blk_outhdr hdr;
	uint64_t in = 0;
	uint8_t status;

	if (vq_chain_read(c, 0, &hdr, sizeof(hdr)) != sizeof(hdr) || c->in_len < 1 ||
	    c->in_len > UINT32_MAX)
		return 0;
	switch (hdr.type) {
	case VIRTIO_BLK_T_IN:
		status = do_io(b, hdr.sector, false);
		in = c->in_len - 1;
		break;
	case VIRTIO_BLK_T_OUT:
		status = do_io(b, hdr.sector, true);
		break;
	case VIRTIO_BLK_T_FLUSH:
		status = b->ro || fdatasync(b->fd) == 0 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
		b->flushes++;
		break;
	case VIRTIO_BLK_T_GET_ID:
		status = c->in_len - 1 >= VIRTIO_BLK_ID_BYTES ? do_id(b) : VIRTIO_BLK_S_IOERR;
		in = c->in_len - 1;
		break;
	default:
		status = VIRTIO_BLK_S_UNSUPP;
	}
	if (status == VIRTIO_BLK_S_IOERR)
		b->errors++;
	vq_chain_write(c, c->in_len - 1, &status, 1);
	return (uint32_t)in + 1;
}

static void blk_notify(struct virtio_dev *vd, unsigned int queue)
{
	struct virtio_blk *b = to_blk(vd);
	struct virtqueue *vq = &vd->queue[queue].vq;

	do {
		vq_notify_off(vq);
		while (vq_pop(vq, &b->chain) == 1) {
			uint32_t len = request(b);

			if (!len) {
				virtio_broken(vd, "request without header or status byte");
				return;
			}
			vq_push(vq, &b->chain, len);
			virtio_interrupt(vd, queue);
		}
	} while (vq_notify_on(vq));
}

static void blk_stats(struct virtio_dev *vd, json_t *obj)
{
	struct virtio_blk *b = to_blk(vd);

	json_object_set_new(obj, "read_only", json_boolean(b->ro));
	json_object_set_new(obj, "sectors", json_integer((json_int_t)b->sectors));
	json_object_set_new(obj, "reads", json_integer((json_int_t)b->reads));
	json_object_set_new(obj, "writes", json_integer((json_int_t)b->writes));
	json_object_set_new(obj, "flushes", json_integer((json_int_t)b->flushes));
	json_object_set_new(obj, "errors", json_integer((json_int_t)b->errors));
	json_object_set_new(obj, "read_bytes", json_integer((json_int_t)b->rd_bytes));
	json_object_set_new(obj, "written_bytes", json_integer((json_int_t)b->wr_bytes));
}

static void blk_destroy(struct virtio_dev *vd)
{
	struct virtio_blk *b = to_blk(vd);

	virtio_fini(vd);
	close(b->fd);
	free(b);
}

static const struct virtio_ops blk_ops = {
	.name = "blk", .id = VIRTIO_ID_BLOCK, .class_code = 0x018000,
	.nr_queues = 1, .queue_size = QUEUE_SIZE, .threaded = true,
	.config_len = offsetof(struct virtio_blk_config, wce),
	.features = blk_features, .notify = blk_notify, .config_read = blk_config_read,
	.stats = blk_stats, .destroy = blk_destroy,
};

/* Two writers would destroy the image: hold a lock as long as it is open. */
static int lock_image(int fd, const struct cfg_disk *cfg)
{
	struct flock lk = { .l_type = cfg->ro ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lk) == 0 || (errno != EAGAIN && errno != EACCES))
		return 0;	/* file systems without locks are tolerated */
	hg_err("--disk %s is in use by another machine; stop that one, or use ro in both",
	       cfg->path);
	return -EBUSY;
}

static int image_size(int fd, const struct cfg_disk *cfg, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		*size = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode) || ioctl(fd, BLKGETSIZE64, size) < 0)
		*size = 0;
	if (*size >= SECTOR)
		return 0;
	hg_err("--disk %s: not a raw image or block device of at least 512 bytes", cfg->path);
	return -EINVAL;
}

struct virtio_dev *virtio_blk_new(struct vm *vm, struct pci_bus *bus, const struct cfg_disk *cfg)
{
	struct virtio_blk *b = calloc(1, sizeof(*b));
	uint64_t size = 0;

	if (!b)
		return NULL;
	b->ro = cfg->ro;
	b->fd = open(cfg->path, (cfg->ro ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (b->fd < 0) {
		hg_err("--disk %s: %s%s", cfg->path, strerror(errno),
		       errno == EROFS || errno == EACCES ? "; try ro" : "");
		free(b);
		return NULL;
	}
	if (lock_image(b->fd, cfg) || image_size(b->fd, cfg, &size))
		goto fail;
	b->sectors = size / SECTOR;
	if (virtio_init(&b->vd, vm, bus, &blk_ops))
		goto fail;
	return &b->vd;
fail:
	close(b->fd);
	free(b);
	return NULL;
}
