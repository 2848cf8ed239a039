// SPDX-License-Identifier: GPL-2.0-only
/* One instruction on the test machine, see one.h. */
#include "one.h"

struct machine m;

enum hg_emu_result one_run(const u8 *code, u32 len)
{
	machine_code(&m, 0, code, len);
	return hg_emulate(&m.emu);
}

void assert_fault(u8 vector, int error)
{
	assert_int_equal(m.emu.fault.vector, vector);
	assert_int_equal(m.emu.fault.has_error, error >= 0);
	if (error >= 0)
		assert_int_equal(m.emu.fault.error_code, error);
	assert_int_equal(m.emu.rip, MACHINE_CODE - m.seg[HG_SEG_CS].base);
}

u64 peek(u64 linear, u32 size)
{
	u64 v = 0;

	memcpy(&v, m.mem + (linear - MEM), size);
	return v;
}

void poke(u64 linear, u64 v, u32 size)
{
	memcpy(m.mem + (linear - MEM), &v, size);
}

int setup64(void **state)
{
	(void)state;
	machine_init(&m, HG_MODE_64);
	return 0;
}

int setup32(void **state)
{
	(void)state;
	machine_init(&m, HG_MODE_32);
	return 0;
}

/* Real mode, code segment at the code, data segments at the memory. */
int setup16(void **state)
{
	u32 i;

	(void)state;
	machine_init(&m, HG_MODE_16);
	m.emu.cr0 = 0x10;
	for (i = 0; i < 6; i++) {
		m.seg[i].base = i == HG_SEG_CS ? MACHINE_CODE : MEM;
		m.seg[i].limit = 0xffff;
		m.seg[i].attr = 0x93;
	}
	return 0;
}

void with_tss(u16 map_base, u32 limit)
{
	m.seg[HG_SEG_TR].base = MEM + 0x4000;
	m.seg[HG_SEG_TR].limit = limit;
	poke(MEM + 0x4000 + 102, map_base, 2);
	m.emu.cpl = 3;
}

