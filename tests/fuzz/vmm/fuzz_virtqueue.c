// SPDX-License-Identifier: Apache-2.0
/*
 * A whole queue under the fuzzer's control: features, addresses, rings,
 * descriptors and, between steps, changes of memory as a hostile guest would
 * make them. Whatever the parser hands out must lie in guest memory.
 */
#include <assert.h>
#include <stdlib.h>

#include "util.h"
#include "virtqueue.h"

#define LOW	8192u
#define HIGH	4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chain(const struct guest_mem *mem, const struct vq_chain *c)
{
	uint64_t out = 0, in = 0;
	unsigned int i, r;

	assert(c->nr_out + c->nr_in > 0 && c->nr_out + c->nr_in <= VQ_SEGS_MAX);
	for (i = 0; i < c->nr_out + c->nr_in; i++) {
		const uint8_t *p = c->iov[i].iov_base;
		bool inside = false;

		for (r = 0; r < mem->nr; r++) {
			const struct guest_region *g = &mem->region[r];

			if (p >= g->host && p < g->host + g->size)
				inside = c->iov[i].iov_len <= g->size - (size_t)(p - g->host);
		}
		assert(inside);
		if (i < c->nr_out)
			out += c->iov[i].iov_len;
		else
			in += c->iov[i].iov_len;
	}
	assert(out == c->out_len && in == c->in_len);
}

static void use_chain(struct virtqueue *vq, struct vq_chain *c, uint8_t how)
{
	uint8_t buf[64];
	struct iovec iov[VQ_SEGS_MAX];
	unsigned int n;

	vq_chain_read(c, how, buf, sizeof(buf));
	n = vq_chain_iov(c, how & 1, how, sizeof(buf), iov, 1 + how % VQ_SEGS_MAX);
	assert(n <= 1 + how % VQ_SEGS_MAX);
	vq_chain_write(c, how, buf, sizeof(buf));
	if (how & 2) {
		vq_unpop(vq);
		return;
	}
	vq_push(vq, c, how);
	vq_need_interrupt(vq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vq_chain chain;
	struct guest_mem mem = { .nr = 2 };
	struct virtqueue vq;
	unsigned int steps;

	if (size < 16)
		return 0;
	mem.region[0] = (struct guest_region){ 0, LOW, calloc(1, LOW) };
	mem.region[1] = (struct guest_region){ MEM_HIGH_BASE, HIGH, calloc(1, HIGH) };
	vq_reset(&vq, &mem, (uint16_t)(1u << (data[0] & 15)));
	vq.indirect = data[1] & 1;
	vq.event_idx = data[1] & 2;
	vq.desc_gpa = (uint64_t)data[2] << 4 | (data[1] & 4 ? MEM_HIGH_BASE : 0);
	vq.avail_gpa = (uint64_t)data[3] << 4 | (data[1] & 8 ? MEM_HIGH_BASE : 0);
	vq.used_gpa = (uint64_t)data[4] << 4 | (data[1] & 16 ? MEM_HIGH_BASE : 0);
	data += 5;
	size -= 5;
	memcpy(mem.region[0].host, data, size < LOW ? size : LOW);
	if (!vq_enable(&vq)) {
		for (steps = 0; steps < 64; steps++) {
			const uint8_t *d = data + steps % (size - 2);

			if (vq_pop(&vq, &chain) == 1) {
				check_chain(&mem, &chain);
				use_chain(&vq, &chain, d[0]);
			}
			vq_notify_off(&vq);
			vq_notify_on(&vq);
			/* The guest changes its mind. */
			mem.region[0].host[(d[0] | d[1] << 8) % LOW] = d[2];
			mem.region[1].host[(d[2] | d[1] << 8) % HIGH] = d[0];
		}
	}
	free(mem.region[0].host);
	free(mem.region[1].host);
	return 0;
}
