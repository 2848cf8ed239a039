// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's start and end, and the CPUs it may use.
 */
#include "core.h"

struct hg_core hg_core;

s64 hg_core_start(const struct hg_boot *boot, const char **why)
{
	s64 status;

	if (hg_core.backend) {
		*why = "it has started already";
		return HG_E_STATE;
	}
	/* Lists are linked by frame numbers of 32 bits. */
	if (!boot->backend || !boot->frames || !boot->cpus || !(boot->host_xcr0 & 1) ||
	    boot->frame_count >> 32) {
		*why = "incomplete start information";
		return HG_E_ARG;
	}
	memset(&hg_core, 0, sizeof(hg_core));
	hg_core.va_base = boot->va_base;
	hg_core.frames = boot->frames;
	hg_core.frame_count = boot->frame_count;
	hg_core.cpus = boot->cpus;
	hg_core.cpu_count = boot->cpu_count;
	hg_core.host_xcr0 = boot->host_xcr0;
	hg_core.guest_xcr0 = boot->guest_xcr0 & boot->host_xcr0;
	hg_core.backend_pfn = boot->backend_pfn;
	hg_frames_init();

	/* The backend's frames are the core's from the start. */
	status = hg_core_ram(boot->backend_pfn, HG_BACKEND_FRAMES);
	if (!status)
		status = hg_frames_move(boot->backend_pfn, HG_BACKEND_FRAMES, HG_MOVE_DONATE, 0);
	if (status) {
		*why = "the backend's frames are no RAM";
		return status;
	}
	status = boot->backend->start(boot->backend_pfn);
	if (status) {
		*why = "the backend did not start";
		return status;
	}
	hg_core.backend = boot->backend;
	return HG_OK;
}

static bool in_use(void)
{
	u32 i;

	for (i = 0; i < HG_MAX_DOMAINS; i++)
		if (hg_core.domains[i].domain)
			return true;
	for (i = 0; i < hg_core.cpu_count; i++)
		if (hg_core.cpus[i].online)
			return true;
	return false;
}

s64 hg_core_stop(void)
{
	if (!hg_core.backend)
		return HG_E_STATE;
	if (in_use())
		return HG_E_BUSY;
	hg_core.backend->stop();
	memset(hg_frame_va(hg_core.backend_pfn), 0, HG_BACKEND_FRAMES * HG_PAGE_SIZE);
	memset(&hg_core, 0, sizeof(hg_core));
	return HG_OK;
}

s64 hg_core_cpu_on(u32 index, u64 pfn)
{
	struct hg_cpu *cpu;
	s64 status;

	if (index >= hg_core.cpu_count)
		return HG_E_ARG;
	cpu = &hg_core.cpus[index];
	if (cpu->online)
		return HG_E_EXISTS;
	status = hg_frames_move(pfn, 1, HG_MOVE_DONATE, 0);
	if (status)
		return status;
	memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	cpu->index = index;
	cpu->pfn = pfn;
	status = hg_core.backend->cpu_on(cpu, pfn);
	if (status) {
		hg_frames_move(pfn, 1, HG_MOVE_RETURN, 0);
		return status;
	}
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	return HG_OK;
}

s64 hg_core_cpu_off(u32 index)
{
	struct hg_cpu *cpu;

	if (index >= hg_core.cpu_count)
		return HG_E_ARG;
	cpu = &hg_core.cpus[index];
	if (!cpu->online)
		return HG_E_ABSENT;
	__atomic_store_n(&cpu->online, false, __ATOMIC_RELEASE);
	hg_core.backend->cpu_off(cpu);
	memset(hg_frame_va(cpu->pfn), 0, HG_PAGE_SIZE);
	HG_BUG_ON(hg_frames_move(cpu->pfn, 1, HG_MOVE_RETURN, 0));
	return HG_OK;
}

const struct hg_control_field *hg_control_fields(u32 *count)
{
	*count = hg_core.backend ? *hg_core.backend->field_count : 0;
	return hg_core.backend ? hg_core.backend->fields : NULL;
}
