// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-type range registers. Guest memory is write-back whatever they say;
 * they are kept because firmware and kernels read back what they wrote.
 */
#include "mtrr.h"

#define MTRR_CAP		0xfe
#define MTRR_VAR_FIRST		0x200
#define MTRR_VAR_LAST		0x20f
#define MTRR_DEF_TYPE		0x2ff

/* 8 variable ranges, fixed ranges, write combining. */
#define MTRR_CAP_VALUE		0x508ULL

static const u16 fixed[] = {
	0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
};

static u64 *slot(struct hgl_vcpu *vcpu, u32 index)
{
	u32 i;

	if (index == MTRR_DEF_TYPE)
		return &vcpu->mtrr_def_type;
	if (index >= MTRR_VAR_FIRST && index <= MTRR_VAR_LAST)
		return &vcpu->mtrr_var[index - MTRR_VAR_FIRST];
	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i] == index)
			return &vcpu->mtrr_fixed[i];
	return NULL;
}

bool hgl_mtrr_owns(u32 index)
{
	return index == MTRR_CAP || (index >= MTRR_VAR_FIRST && index <= MTRR_DEF_TYPE &&
				     index != 0x277);
}

/* UC, WC, WT, WP, WB (APM vol. 2, 7.7.1). */
static bool type_valid(u64 type)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

static bool value_valid(u32 index, u64 value)
{
	int i;

	if (index == MTRR_DEF_TYPE)
		return !(value & ~0xcffULL) && type_valid(value & 0xff);
	if (index <= MTRR_VAR_LAST)
		return (index & 1) || type_valid(value & 0xff);
	for (i = 0; i < 64; i += 8)
		if (!type_valid((value >> i) & 0xff))
			return false;
	return true;
}

int hgl_mtrr_read(struct hgl_vcpu *vcpu, u32 index, u64 *value)
{
	const u64 *from = slot(vcpu, index);

	if (index == MTRR_CAP) {
		*value = MTRR_CAP_VALUE;
		return 0;
	}
	if (!from)
		return 1;
	*value = *from;
	return 0;
}

int hgl_mtrr_write(struct hgl_vcpu *vcpu, u32 index, u64 value)
{
	u64 *to = slot(vcpu, index);

	if (!to || !value_valid(index, value))
		return 1;
	*to = value;
	return 0;
}
