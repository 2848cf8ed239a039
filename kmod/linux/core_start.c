// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting the core. The only file of the Linux half that sees the core's own
 * objects: it makes the memory they live in.
 */
#include <crypto/sha2.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/vmalloc.h>
#include <asm/fpu/xcr.h>

#include "../core/core.h"
#include "core_start.h"
#include "nest.h"
#include "report_key.h"

#define BACKEND_ORDER	3
static_assert((1 << BACKEND_ORDER) >= HG_BACKEND_FRAMES);

/*
 * Components the core can size and the guest may have: x87, SSE, AVX, AVX-512.
 * PKRU is switched by us; MPX is gone from CPUs, AMX needs permission per task.
 */
#define XCR0_GUEST	(HG_BIT(0) | HG_BIT(1) | HG_BIT(2) | HG_MASK(7, 5) | HG_BIT(9))

static struct hg_frame *frames;
static u64 frame_count;
static struct hg_cpu *cpus;
static struct page *backend_frames;

/* In the order of preference; the first whose probe succeeds is taken. */
static const struct hg_backend *const backends[] = { &hg_svm };
static const struct hg_backend *backend;

/* The port (port.h). */
void hg_port_panic(const char *what, const char *file, int line)
{
	panic("hypergpu: the core's invariant broke: %s at %s:%d\n", what, file, line);
}

void hg_port_sha256(const void *a, u64 a_length, const void *b, u64 b_length, u8 digest[32])
{
	struct sha256_state state;

	sha256_init(&state);
	sha256_update(&state, a, a_length);
	sha256_update(&state, b, b_length);
	sha256_final(&state, digest);
}

s64 hg_port_sign(const void *message, u64 length, u8 *signature)
{
	static_assert(HGL_REPORT_SIGNATURE_MAX <= HG_REPORT_SIGNATURE);
	int ret = hgl_report_key_sign(message, length, signature);

	if (ret > 0)
		return ret;
	return ret == -EINTR || ret == -ENOMEM ? HG_E_BUSY : HG_E_UNSUPPORTED;
}

static const struct hg_backend *find_backend(void)
{
	const char *why = "no backend for this CPU";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (!backends[i]->probe(&why))
			return backends[i];
	pr_err("hypergpu: %s\n", why);
	return NULL;
}

/* Top-level resources only: RAM is never nested in anything else. */
static u64 ram_end(void)
{
	const struct resource *res;
	u64 end = 0;

	for (res = iomem_resource.child; res; res = res->sibling)
		if ((res->flags & IORESOURCE_SYSTEM_RAM) == IORESOURCE_SYSTEM_RAM)
			end = max_t(u64, end, res->end + 1);
	return end;
}

static int name_ram(void)
{
	const struct resource *res;
	u64 first, last;
	s64 status;

	for (res = iomem_resource.child; res; res = res->sibling) {
		if ((res->flags & IORESOURCE_SYSTEM_RAM) != IORESOURCE_SYSTEM_RAM)
			continue;
		first = PFN_UP(res->start);
		last = PFN_DOWN(res->end + 1);
		if (first >= last)
			continue;
		status = hg_core_ram(first, last - first);
		if (status) {
			pr_err("hypergpu: memory %pR not accepted: status %lld\n", res, status);
			return -EINVAL;
		}
	}
	return 0;
}

static void free_memory(void)
{
	if (backend_frames)
		__free_pages(backend_frames, BACKEND_ORDER);
	kfree(cpus);
	vfree(frames);
	backend_frames = NULL;
	cpus = NULL;
	frames = NULL;
}

static int alloc_memory(void)
{
	frame_count = ram_end() >> PAGE_SHIFT;
	frames = vzalloc(array_size(frame_count, sizeof(*frames)));
	cpus = kcalloc(nr_cpu_ids, sizeof(*cpus), GFP_KERNEL);
	backend_frames = alloc_pages(GFP_KERNEL | __GFP_ZERO, BACKEND_ORDER);
	if (frames && cpus && backend_frames)
		return 0;
	pr_err("hypergpu: no memory for %llu frame records\n", frame_count);
	free_memory();
	return -ENOMEM;
}

int hgl_core_start(void)
{
	const char *why = "it did not say";
	struct hg_boot boot;
	s64 status;
	int ret;

	if (static_branch_unlikely(&hgl_nested))
		return 0;
	backend = find_backend();
	if (!backend)
		return -EOPNOTSUPP;
	ret = alloc_memory();
	if (ret)
		return ret;
	boot = (struct hg_boot){
		.va_base = (u8 *)PAGE_OFFSET,
		.frames = frames,
		.frame_count = frame_count,
		.cpus = cpus,
		.cpu_count = nr_cpu_ids,
		.host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK),
		.guest_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) & XCR0_GUEST,
		.backend_pfn = page_to_pfn(backend_frames),
		.backend = backend,
	};
	status = hg_core_start(&boot, &why);
	if (status) {
		pr_err("hypergpu: the core did not start: %s (status %lld)\n", why, status);
		free_memory();
		return -EOPNOTSUPP;
	}
	ret = name_ram();
	if (ret)
		hgl_core_stop();
	return ret;
}

void hgl_core_stop(void)
{
	s64 status = static_branch_unlikely(&hgl_nested) ? HG_OK : hg_core_stop();

	/* Better a leak than memory that the core still uses. */
	if (WARN(status, "hypergpu: the core did not stop: status %lld\n", status))
		return;
	free_memory();
}

const char *hgl_core_describe(void)
{
	return backend ? backend->name : "nested: the core is beneath";
}
