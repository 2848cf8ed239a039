// SPDX-License-Identifier: GPL-2.0-only
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ratelimit.h>

#include "dump.h"
#include "memory.h"
#include "vm.h"
#include "../core/control.h"

static u64 value_of(const u8 *block, const struct hg_control_field *field)
{
	u64 value = 0;

	memcpy(&value, block + field->offset, field->size);
	return value;
}

void hgl_dump_vcpu(struct hgl_vcpu *vcpu)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, 2);
	const struct hg_control_field *fields;
	unsigned long block;
	u32 count, i;
	s64 status;

	if (!__ratelimit(&limit))
		return;
	fields = hg_control_fields(&count);
	block = __get_free_page(GFP_KERNEL);
	if (!block)
		return;
	status = hgl_call(HG_CALL_VCPU_DUMP, vcpu->handle,
			  virt_to_phys((void *)block) >> PAGE_SHIFT);
	pr_warn("hypergpu: vm %u vcpu %u: the CPU refused its state; control block:\n",
		vcpu->vm->id, vcpu->id);
	for (i = 0; status > 0 && i < count; i++)
		if (fields[i].offset + fields[i].size <= status)
			pr_warn("hypergpu:   %-20s %#llx\n", fields[i].name,
				value_of((u8 *)block, &fields[i]));
	free_page(block);
}
