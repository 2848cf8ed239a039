// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "util.h"

static int map_ram(struct guest_mem *mem, uint64_t size, bool hugetlb)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint64_t extra = hugetlb ? 0 : 2 * MiB;
	uint8_t *p;

	if (hugetlb)
		flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB;
	p = mmap(NULL, size + extra, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (p == MAP_FAILED) {
		if (hugetlb)
			hg_err("no %llu huge pages of 2 MiB are free: write that number or more to "
			       "/proc/sys/vm/nr_hugepages, or leave out --hugepages",
			       (unsigned long long)(size / (2 * MiB)));
		else
			hg_err("cannot allocate %llu MiB of guest memory: %s; use a smaller --mem",
			       (unsigned long long)(size / MiB), strerror(errno));
		return -ENOMEM;
	}
	mem->map = p;
	mem->map_size = size + extra;
	return 0;
}

int guest_mem_create(struct guest_mem *mem, uint64_t size, bool hugetlb)
{
	uint64_t low = size < MEM_LOW_LIMIT ? size : MEM_LOW_LIMIT;
	uint8_t *base;
	int ret;

	memset(mem, 0, sizeof(*mem));
	if (!size || size % (2 * MiB))
		return -EINVAL;
	ret = map_ram(mem, size, hugetlb);
	if (ret)
		return ret;
	/* 2 MiB alignment lets the host back guest memory with huge pages. */
	base = (uint8_t *)(uintptr_t)align_up((uintptr_t)mem->map, 2 * MiB);
	if (!hugetlb)
		madvise(base, size, MADV_HUGEPAGE);
	/* Guest memory holds the tenant's secrets: keep it out of core dumps. */
	madvise(base, size, MADV_DONTDUMP);
	mem->region[0] = (struct guest_region){ .gpa = 0, .size = low, .host = base };
	mem->nr = 1;
	if (size > low) {
		mem->region[1] = (struct guest_region){
			.gpa = MEM_HIGH_BASE, .size = size - low, .host = base + low };
		mem->nr = 2;
	}
	return 0;
}

int guest_mem_clear(struct guest_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		if (madvise(mem->region[i].host, mem->region[i].size, MADV_DONTNEED) == 0)
			continue;
		/* Older kernels refuse DONTNEED on huge pages: clear by hand. */
		memset(mem->region[i].host, 0, mem->region[i].size);
	}
	return 0;
}

void guest_mem_destroy(struct guest_mem *mem)
{
	if (mem->map)
		munmap(mem->map, mem->map_size);
	memset(mem, 0, sizeof(*mem));
}

void *guest_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
	unsigned int i;

	if (!len)
		return NULL;
	for (i = 0; i < mem->nr; i++) {
		const struct guest_region *r = &mem->region[i];

		if (gpa < r->gpa || gpa - r->gpa >= r->size)
			continue;
		if (len > r->size - (gpa - r->gpa))
			return NULL;
		return r->host + (gpa - r->gpa);
	}
	return NULL;
}

uint64_t guest_mem_low_size(const struct guest_mem *mem)
{
	return mem->nr ? mem->region[0].size : 0;
}
