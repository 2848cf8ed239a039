// SPDX-License-Identifier: Apache-2.0
#include "virtqueue.h"

#include <errno.h>

#include "util.h"

/* The rings are naturally aligned (checked), so 16-bit loads are single. */
static uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED);
}

/* Offsets inside the used ring (2.4.8). */
static uint8_t *used_elem(const struct virtqueue *vq, uint16_t idx)
{
	return vq->used + 4 + 8 * (size_t)(idx & (vq->size - 1));
}

static uint8_t *avail_event(const struct virtqueue *vq)
{
	return vq->used + 4 + 8 * (size_t)vq->size;
}

void vq_reset(struct virtqueue *vq, const struct guest_mem *mem, uint16_t size)
{
	memset(vq, 0, sizeof(*vq));
	vq->mem = mem;
	vq->size = size;
}

int vq_enable(struct virtqueue *vq)
{
	uint64_t n = vq->size;

	if (!n || n > VQ_SIZE_MAX || n & (n - 1))
		return -EINVAL;
	/* Alignment: 2.4, table "The virtqueue parts". */
	if (vq->desc_gpa & 15 || vq->avail_gpa & 1 || vq->used_gpa & 3)
		return -EINVAL;
	vq->desc = guest_ptr(vq->mem, vq->desc_gpa, 16 * n);
	vq->avail = guest_ptr(vq->mem, vq->avail_gpa, 6 + 2 * n);
	vq->used = guest_ptr(vq->mem, vq->used_gpa, 6 + 8 * n);
	if (!vq->desc || !vq->avail || !vq->used)
		return -EINVAL;
	vq->last_avail = vq->used_idx = vq->signalled = 0;
	vq->signalled_valid = vq->broken = false;
	vq->ready = true;
	return 0;
}

static int broken(struct virtqueue *vq)
{
	vq->broken = true;
	return -EINVAL;
}

/* Number of chains waiting; -EINVAL when the index makes no sense. */
static int waiting(struct virtqueue *vq)
{
	uint16_t n;

	if (!vq->ready || vq->broken)
		return vq->broken ? -EINVAL : 0;
	n = (uint16_t)(load16(&vq->avail[1]) - vq->last_avail);
	if (n > vq->size)
		return broken(vq);
	/* The ring entry must be read after the index that covers it. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return n;
}

/*
 * One fetch: the barrier makes the compiler take every later use from the copy.
 * Indirect tables have no alignment rule, hence bytes.
 */
static struct vring_desc fetch(const uint8_t *table, unsigned int i)
{
	struct vring_desc c;

	memcpy(&c, table + (size_t)i * sizeof(c), sizeof(c));
	__asm__ volatile("" : "+m"(c) : : "memory");
	return c;
}

static int add_segment(struct virtqueue *vq, struct vq_chain *c, const struct vring_desc *d)
{
	unsigned int n = c->nr_out + c->nr_in;
	void *p;

	if (n == VQ_SEGS_MAX)
		return -EINVAL;
	p = guest_ptr(vq->mem, d->addr, d->len);
	if (!p)
		return -EINVAL;
	c->iov[n].iov_base = p;
	c->iov[n].iov_len = d->len;
	if (d->flags & VRING_DESC_F_WRITE) {
		c->nr_in++;
		c->in_len += d->len;
	} else {
		if (c->nr_in)
			return -EINVAL;
		c->nr_out++;
		c->out_len += d->len;
	}
	return 0;
}

/*
 * Follow a chain through @table of @n entries from @i. A chain cannot visit more
 * entries than the table has, which is how loops end. @indirect: where to report
 * an indirect descriptor; NULL inside an indirect table, where none may be.
 */
static int walk(struct virtqueue *vq, const uint8_t *table, unsigned int n,
		unsigned int i, struct vq_chain *c, struct vring_desc *indirect)
{
	const uint16_t known = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT;
	unsigned int seen;

	for (seen = 0; seen < n; seen++) {
		struct vring_desc d;

		if (i >= n)
			return -EINVAL;
		d = fetch(table, i);
		if (d.flags & ~known)
			return -EINVAL;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			/* 2.4.5.3.1: not with NEXT, not nested. */
			if (!indirect || !vq->indirect || d.flags & VRING_DESC_F_NEXT)
				return -EINVAL;
			*indirect = d;
			return 0;
		}
		if (add_segment(vq, c, &d))
			return -EINVAL;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
	return -EINVAL;
}

static int walk_indirect(struct virtqueue *vq, const struct vring_desc *d, struct vq_chain *c)
{
	const uint8_t *table;

	if (!d->len || d->len % sizeof(*d) || d->len / sizeof(*d) > VQ_SEGS_MAX)
		return -EINVAL;
	table = guest_ptr(vq->mem, d->addr, d->len);
	if (!table)
		return -EINVAL;
	return walk(vq, table, d->len / (unsigned int)sizeof(*d), 0, c, NULL);
}

int vq_pop(struct virtqueue *vq, struct vq_chain *chain)
{
	struct vring_desc indirect = { 0 };
	int n = waiting(vq);

	if (n <= 0)
		return n;
	chain->nr_out = chain->nr_in = 0;
	chain->out_len = chain->in_len = 0;
	chain->head = load16(&vq->avail[2 + (vq->last_avail & (vq->size - 1))]);
	if (chain->head >= vq->size ||
	    walk(vq, vq->desc, vq->size, chain->head, chain, &indirect))
		return broken(vq);
	if (indirect.len && walk_indirect(vq, &indirect, chain))
		return broken(vq);
	if (!(chain->nr_out + chain->nr_in))
		return broken(vq);
	vq->last_avail++;
	return 1;
}

void vq_unpop(struct virtqueue *vq)
{
	vq->last_avail--;
}

void vq_push(struct virtqueue *vq, const struct vq_chain *chain, uint32_t len)
{
	uint8_t *e;

	if (!vq->ready || vq->broken)
		return;
	e = used_elem(vq, vq->used_idx);
	put_le32(e, chain->head);
	put_le32(e + 4, len);
	vq->used_idx++;
	/* The entry, and the data before it, must be visible before the index. */
	__atomic_store_n((uint16_t *)(vq->used + 2), vq->used_idx, __ATOMIC_RELEASE);
}

bool vq_need_interrupt(struct virtqueue *vq)
{
	uint16_t old = vq->signalled, now = vq->used_idx, event;
	bool valid = vq->signalled_valid;

	if (!vq->ready || vq->broken || (valid && old == now))
		return false;
	/* Our index first, then what the driver wants to hear about (2.4.7). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vq->signalled = now;
	vq->signalled_valid = true;
	if (!vq->event_idx)
		return !(load16(&vq->avail[0]) & VRING_AVAIL_F_NO_INTERRUPT);
	event = load16(&vq->avail[2 + vq->size]);
	return !valid || vring_need_event(event, now, old);
}

void vq_notify_off(struct virtqueue *vq)
{
	if (vq->ready && !vq->broken && !vq->event_idx)
		store16(vq->used, VRING_USED_F_NO_NOTIFY);
}

bool vq_notify_on(struct virtqueue *vq)
{
	if (!vq->ready || vq->broken)
		return false;
	if (vq->event_idx)
		store16(avail_event(vq), vq->last_avail);
	else
		store16(vq->used, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return waiting(vq) > 0;
}

/* Copy between @buf and the segments [first, first + n), @off bytes in. */
static size_t copy(const struct iovec *iov, unsigned int n, size_t off, uint8_t *buf,
		   size_t len, bool to_guest)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < n && done < len; i++) {
		size_t part;

		if (off >= iov[i].iov_len) {
			off -= iov[i].iov_len;
			continue;
		}
		part = iov[i].iov_len - off;
		if (part > len - done)
			part = len - done;
		if (to_guest)
			memcpy((uint8_t *)iov[i].iov_base + off, buf + done, part);
		else
			memcpy(buf + done, (uint8_t *)iov[i].iov_base + off, part);
		done += part;
		off = 0;
	}
	return done;
}

size_t vq_chain_read(const struct vq_chain *chain, size_t off, void *buf, size_t len)
{
	return copy(chain->iov, chain->nr_out, off, buf, len, false);
}

size_t vq_chain_write(const struct vq_chain *chain, size_t off, const void *buf, size_t len)
{
	return copy(chain->iov + chain->nr_out, chain->nr_in, off, (uint8_t *)(uintptr_t)buf, len,
		    true);
}

unsigned int vq_chain_iov(const struct vq_chain *chain, bool in, size_t off, size_t len,
			  struct iovec *iov, unsigned int max)
{
	const struct iovec *src = chain->iov + (in ? chain->nr_out : 0);
	unsigned int n = in ? chain->nr_in : chain->nr_out, i, out = 0;

	for (i = 0; i < n && len && out < max; i++) {
		size_t part;

		if (off >= src[i].iov_len) {
			off -= src[i].iov_len;
			continue;
		}
		part = src[i].iov_len - off;
		if (part > len)
			part = len;
		iov[out].iov_base = (uint8_t *)src[i].iov_base + off;
		iov[out++].iov_len = part;
		len -= part;
		off = 0;
	}
	return len ? 0 : out;
}
