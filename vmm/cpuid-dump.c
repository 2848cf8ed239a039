// SPDX-License-Identifier: Apache-2.0
/* The CPUID tables of a machine as JSON: one of the inputs of a launch digest. */
#include <cpuid.h>
#include <errno.h>
#include <jansson.h>
#include <linux/kvm.h>
#include <stdlib.h>

#include "cvm.h"
#include "loop.h"
#include "util.h"
#include "vcpu.h"
#include "vm.h"

/* Where the C-bit will be: kmod/core/cvm.c takes the highest bit up to 47. */
static unsigned int c_bit(void)
{
	unsigned int eax = 36, ebx, ecx, edx;

	if (__get_cpuid_max(0x80000000, NULL) >= 0x80000008)
		__cpuid(0x80000008, eax, ebx, ecx, edx);
	eax &= 0xff;
	return eax - 1 < 47 ? eax - 1 : 47;
}

static json_t *table(const struct kvm_cpuid2 *cpuid)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		json_array_append_new(list, json_pack("[I,I,I,I,I,I,I]",
			(json_int_t)e->function, (json_int_t)e->index, (json_int_t)e->flags,
			(json_int_t)e->eax, (json_int_t)e->ebx, (json_int_t)e->ecx,
			(json_int_t)e->edx));
	}
	return list;
}

static json_t *tables(const struct vm *vm)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < vm->cfg->vcpus; i++) {
		struct kvm_cpuid2 *cpuid = cpuid_build(vm, i);

		if (!cpuid) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, table(cpuid));
		free(cpuid);
	}
	return list;
}

static int write_json(json_t *o, const char *path)
{
	int ret = 0;

	if (json_dump_file(o, path, JSON_INDENT(1))) {
		hg_err("--dump-cpuid: cannot write %s", path);
		ret = -EIO;
	}
	json_decref(o);
	return ret;
}

int cpuid_dump(const struct config *cfg, const char *path)
{
	struct loop *loop = loop_new();
	struct vm vm = { 0 };
	json_t *list = NULL;
	int ret;

	if (!loop)
		return -ENOMEM;
	ret = vm_open(&vm, cfg, loop);
	if (!ret)
		list = tables(&vm);
	if (list)
		ret = write_json(json_pack("{s:I,s:o}", "c_bit", (json_int_t)c_bit(),
					   "vcpus", list), path);
	else if (!ret)
		ret = -ENOTSUP;
	vm_close(&vm);
	loop_free(loop);
	return ret;
}
