// SPDX-License-Identifier: Apache-2.0
#include "cpuid-table.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(struct cpuid_entry) == 32, "an entry is hashed as it is");

/* Where the core may put the C-bit. */
#define C_BIT_MIN	33
#define C_BIT_MAX	47

/* ---- sanitising ---- */

#define BIT(n)		(UINT32_C(1) << (n))
#define ALL		UINT32_MAX
#define SAME		{ ALL, 0 }
#define ZERO		{ 0, 0 }

/*
 * One leaf: of each register the bits in @keep stay as they are, and the bits
 * in @set are then set. RDRAND (leaf 1, ECX bit 30) is not here although the
 * core puts it right: what it puts there is what the CPU has, and hypergpu.ko
 * tells just that to --dump-cpuid.
 */
struct rule {
	uint32_t function;
	bool subleaves;		/* it has some, and this is for the first */
	struct { uint32_t keep, set; } eax, ebx, ecx, edx;
};

static const struct rule rules[] = {
	{ 1, false, SAME, SAME, { ~BIT(5), BIT(31) }, SAME },
	{ 7, true, SAME, SAME, { ~BIT(16), 0 }, SAME },
	/* KVM's signature. */
	{ 0x40000000, false, SAME, { 0, 0x4b4d564b }, { 0, 0x564b4d56 }, { 0, 0x4d } },
	{ 0x40000001, false, { BIT(1) | BIT(15), BIT(16) | BIT(17) }, ZERO, ZERO, ZERO },
	{ 0x80000000, false, SAME, SAME, SAME, SAME },
	{ 0x80000001, false, SAME, SAME, { ~BIT(2), 0 }, SAME },
	{ 0x80000007, false, SAME, SAME, SAME, { ALL, BIT(8) } },
	{ 0x80000008, false, SAME, SAME, SAME, SAME },
	{ 0x8000000a, false, ZERO, ZERO, ZERO, ZERO },
	{ 0x8000001f, false, { 0, BIT(1) }, { 0, BIT(6) }, ZERO, ZERO },
};

static void apply(const struct rule *r, struct cpuid_entry *e)
{
	e->eax = (e->eax & r->eax.keep) | r->eax.set;
	e->ebx = (e->ebx & r->ebx.keep) | r->ebx.set;
	e->ecx = (e->ecx & r->ecx.keep) | r->ecx.set;
	e->edx = (e->edx & r->edx.keep) | r->edx.set;
}

/* What depends on more than the register's own bits. */
static void apply_limits(struct cpuid_entry *e, uint32_t c_bit)
{
	uint32_t width = e->eax & 0xff;

	if (e->function == 0x40000000 && e->eax > 0x40000001)
		e->eax = 0x40000001;
	else if (e->function == 0x80000000 && e->eax < 0x8000001f)
		e->eax = 0x8000001f;
	else if (e->function == 0x80000008)
		e->eax = (e->eax & 0xff00) | (width < c_bit ? width : c_bit);
	else if (e->function == 0x8000001f)
		e->ebx |= c_bit;
}

/* All other leaves where hypervisors are looked for. */
static const struct rule no_hypervisor = { 0, false, ZERO, ZERO, ZERO, ZERO };

static const struct rule *rule_of(uint32_t function)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].function == function)
			return &rules[i];
	return function >> 28 == 4 ? &no_hypervisor : NULL;
}

static void sanitise(struct cpuid_entry *e, uint32_t c_bit)
{
	const struct rule *r = rule_of(e->function);

	e->reserved = 0;
	e->flags &= CPUID_INDEXED;
	/* Where there are no subleaves, an index would hide the leaf from the guest. */
	if (r && !r->subleaves)
		e->flags = 0;
	if (!e->flags)
		e->index = 0;
	if (r && !(r->subleaves && e->index))
		apply(r, e);
	apply_limits(e, c_bit);
}

static bool has(const struct cpuid_table *t, uint32_t function)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->entry[i].function == function)
			return true;
	return false;
}

static void need(struct cpuid_table *t, uint32_t function, uint32_t eax)
{
	if (!has(t, function))
		t->entry[t->count++] = (struct cpuid_entry){ .function = function, .eax = eax };
}

static bool after(const struct cpuid_entry *a, const struct cpuid_entry *b)
{
	return a->function != b->function ? a->function > b->function : a->index > b->index;
}

/* Entries that compare equal keep their order. */
static void sort(struct cpuid_table *t)
{
	for (uint32_t i = 1; i < t->count; i++)
		for (uint32_t j = i; j && after(&t->entry[j - 1], &t->entry[j]); j--) {
			struct cpuid_entry e = t->entry[j];

			t->entry[j] = t->entry[j - 1];
			t->entry[j - 1] = e;
		}
}

void cpuid_table_sanitise(struct cpuid_table *t, uint32_t c_bit)
{
	/* Without these a guest would not know that it has a C-bit. */
	need(t, 0x80000000, 0);
	need(t, 0x80000008, 48 << 8 | 0xff);
	need(t, 0x8000001f, 0);
	for (uint32_t i = 0; i < t->count; i++)
		sanitise(&t->entry[i], c_bit);
	sort(t);
}

/* ---- reading ---- */

static int bad(const char *name, const char *what)
{
	fprintf(stderr, "hgctl: --cpuid %s: %s; is it from hgvmm --dump-cpuid?\n", name, what);
	return -EINVAL;
}

static bool get_u32(const json_t *array, size_t i, uint32_t *value)
{
	const json_t *o = json_array_get(array, i);
	json_int_t v = json_integer_value(o);

	if (!json_is_integer(o) || v < 0 || v > (json_int_t)UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	return true;
}

static bool parse_entry(const json_t *o, struct cpuid_entry *e)
{
	*e = (struct cpuid_entry){ 0 };
	return json_is_array(o) && json_array_size(o) == 7 &&
	       get_u32(o, 0, &e->function) && get_u32(o, 1, &e->index) &&
	       get_u32(o, 2, &e->flags) && get_u32(o, 3, &e->eax) && get_u32(o, 4, &e->ebx) &&
	       get_u32(o, 5, &e->ecx) && get_u32(o, 6, &e->edx);
}

static int parse_table(struct cpuid_table *t, const char *name, const json_t *list)
{
	if (!json_is_array(list))
		return bad(name, "a vCPU's table is no list");
	if (json_array_size(list) > CPUID_MAX - CPUID_ADDED)
		return bad(name, "a vCPU's table has more than 97 entries");
	for (t->count = 0; t->count < json_array_size(list); t->count++)
		if (!parse_entry(json_array_get(list, t->count), &t->entry[t->count]))
			return bad(name, "an entry is not seven numbers of 32 bits");
	return 0;
}

static int parse_tables(struct cpuid_tables *t, const char *name, const json_t *top)
{
	const json_t *list = json_object_get(top, "vcpus");
	json_int_t c_bit = json_integer_value(json_object_get(top, "c_bit"));
	int err = 0;

	if (c_bit < C_BIT_MIN || c_bit > C_BIT_MAX)
		return bad(name, "c_bit is no number from 33 to 47");
	if (!json_array_size(list))
		return bad(name, "vcpus is no list of tables");
	t->c_bit = (uint32_t)c_bit;
	t->vcpu = calloc(json_array_size(list), sizeof(*t->vcpu));
	if (!t->vcpu) {
		fputs("hgctl: out of memory\n", stderr);
		return -ENOMEM;
	}
	for (t->vcpus = 0; !err && t->vcpus < json_array_size(list); t->vcpus++)
		err = parse_table(&t->vcpu[t->vcpus], name, json_array_get(list, t->vcpus));
	if (err)
		cpuid_tables_free(t);
	return err;
}

int cpuid_tables_parse(struct cpuid_tables *t, const char *name, const char *text, size_t length)
{
	json_error_t where;
	json_t *top = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	int err;

	*t = (struct cpuid_tables){ 0 };
	if (!top) {
		fprintf(stderr, "hgctl: --cpuid %s: line %d: %s\n", name, where.line, where.text);
		return -EINVAL;
	}
	err = parse_tables(t, name, top);
	json_decref(top);
	return err;
}

void cpuid_tables_free(struct cpuid_tables *t)
{
	free(t->vcpu);
	*t = (struct cpuid_tables){ 0 };
}
