// SPDX-License-Identifier: Apache-2.0
#include "measure.h"
#include "measure-qemu.h"

#include "../../vmm/cvm-image.h"
#include "../../vmm/util.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CVM_PAGE == DIGEST_PAGE, "hypergpu.ko loads page by page");

/* ---- options ---- */

#define SMP_MAX		64
#define MEM_MIN		(16 * MiB)
#define MEM_MAX		(4096 * GiB)
#define POLICY_ES	4u	/* SEV-ES: hypergpu.ko refuses it */

enum {
	OPT_KERNEL = 0x200, OPT_INITRD, OPT_APPEND, OPT_SMP, OPT_MEM, OPT_IRQCHIP, OPT_POLICY,
	OPT_CPUID, OPT_FIRMWARE,
};

static const struct argp_option options[] = {
	{ "kernel", OPT_KERNEL, "FILE", 0, "Linux bzImage", 0 },
	{ "initrd", OPT_INITRD, "FILE", 0, "Initial RAM disk", 0 },
	{ "append", OPT_APPEND, "STRING", 0, "Kernel command line", 0 },
	{ "smp", OPT_SMP, "N", 0, "Virtual CPUs, 1 to 64", 0 },
	{ "mem", OPT_MEM, "SIZE", 0, "Memory, e.g. 512M or 4G; a multiple of 2M", 0 },
	{ "irqchip", OPT_IRQCHIP, "on|split", 0, "As hgvmm's option (default on)", 0 },
	{ "policy", OPT_POLICY, "N", 0, "As hgvmm's --cvm-policy (default 1)", 0 },
	{ "cpuid", OPT_CPUID, "FILE", 0, "What hgvmm --dump-cpuid FILE wrote, with the same --smp",
	  0 },
	{ "firmware", OPT_FIRMWARE, "FILE", 0, "For QEMU, with kernel-hashes=on if there is a "
	  "kernel: the flash, as hgloader.fd", 0 },
	{ 0 }
};

/* @text as a number of at most @max, with a suffix K, M or G if @suffix. */
static bool parse_number(const char *text, bool suffix, uint64_t max, uint64_t *value)
{
	unsigned int shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, suffix ? 10 : 0);
	if (suffix && *end) {
		const char *units = "KkMmGg", *unit = strchr(units, *end++);

		if (!unit)
			return false;
		shift = (unsigned int)((unit - units) / 2 + 1) * 10;
	}
	if (errno || *end || *value > max >> shift)
		return false;
	*value <<= shift;
	return true;
}

static int set_smp(struct measure_options *o, const char *text)
{
	uint64_t v;

	if (!parse_number(text, false, SMP_MAX, &v) || !v)
		return -EINVAL;
	o->smp = (unsigned int)v;
	return 0;
}

static int set_mem(struct measure_options *o, const char *text)
{
	uint64_t v;

	if (!parse_number(text, true, MEM_MAX, &v) || v < MEM_MIN || v % (2 * MiB))
		return -EINVAL;
	o->mem = v;
	return 0;
}

int measure_set(struct measure_options *o, const char *smp, const char *mem)
{
	int err = set_smp(o, smp);

	return err ? err : set_mem(o, mem);
}

static void parse_numbers(int key, const char *arg, struct argp_state *state)
{
	struct measure_options *o = state->input;
	uint64_t v;

	switch (key) {
	case OPT_SMP:
		if (set_smp(o, arg))
			argp_error(state, "--smp wants 1 to %d, not '%s'", SMP_MAX, arg);
		break;
	case OPT_MEM:
		if (set_mem(o, arg))
			argp_error(state, "--mem wants a multiple of 2M from 16M to 4096G, not '%s'",
				   arg);
		break;
	default:
		if (!parse_number(arg, false, UINT32_MAX, &v))
			argp_error(state, "--policy wants a number of 32 bits, not '%s'", arg);
		if (v & POLICY_ES)
			argp_error(state, "--policy %s: hypergpu.ko refuses bit 2, SEV-ES", arg);
		o->policy = (uint32_t)v;
		break;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct measure_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		o->append = "";
		o->policy = 1;
		return 0;
	case OPT_KERNEL:
		o->kernel = arg;
		break;
	case OPT_INITRD:
		o->initrd = arg;
		break;
	case OPT_APPEND:
		o->append = arg;
		break;
	case OPT_CPUID:
		o->cpuid = arg;
		break;
	case OPT_FIRMWARE:
		o->firmware = arg;
		break;
	case OPT_SMP:
	case OPT_MEM:
	case OPT_POLICY:
		parse_numbers(key, arg, state);
		break;
	case OPT_IRQCHIP:
		o->split = !strcmp(arg, "split");
		if (!o->split && strcmp(arg, "on"))
			argp_error(state, "--irqchip wants on or split, not '%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	o->any = true;
	return 0;
}

const struct argp measure_argp = { .options = options, .parser = parse };

/* ---- computing ---- */

/* What the files hold. */
struct inputs {
	struct image kernel, initrd, cpuid, firmware;
	struct cpuid_tables tables;
};

static void free_inputs(struct inputs *in)
{
	image_free(&in->kernel);
	image_free(&in->initrd);
	image_free(&in->cpuid);
	image_free(&in->firmware);
	cpuid_tables_free(&in->tables);
}

static int read_tables(const struct measure_options *o, struct inputs *in)
{
	int err = image_load(&in->cpuid, "cpuid", o->cpuid);

	if (!err)
		err = cpuid_tables_parse(&in->tables, o->cpuid, (const char *)in->cpuid.data,
					 in->cpuid.size);
	if (err || in->tables.vcpus == o->smp)
		return err;
	/* The tables tell how many vCPUs there are: those of another number do not fit. */
	hg_err("--cpuid %s: it is for --smp %u, not %u; write it anew: hgvmm --smp %u "
	       "--dump-cpuid %s", o->cpuid, in->tables.vcpus, o->smp, o->smp, o->cpuid);
	return -EINVAL;
}

static int read_inputs(const struct measure_options *o, struct inputs *in)
{
	int err = 0;

	if (o->kernel)
		err = image_load(&in->kernel, "kernel", o->kernel);
	if (!err && o->initrd)
		err = image_load(&in->initrd, "initrd", o->initrd);
	if (!err && o->firmware)
		err = image_load(&in->firmware, "firmware", o->firmware);
	return err ? err : read_tables(o, in);
}

/* In the order of vmm/cvm.c, which is that of the digest. */
static void add_pages(struct digest *d, const struct guest_mem *mem, const struct cvm_image *image)
{
	digest_page(d, CVM_SHIM_GPA, image->shim, CVM_PAGE, true);
	for (unsigned int i = 0; i < image->nr; i++) {
		const struct cvm_piece *piece = &image->piece[i];

		for (uint64_t at = 0; at < piece->size; at += CVM_PAGE)
			digest_page(d, piece->gpa + at, guest_ptr(mem, piece->gpa + at, CVM_PAGE),
				    CVM_PAGE, false);
	}
}

static int add_memory(struct digest *d, const struct measure_options *o, const struct inputs *in)
{
	struct cvm_source src = {
		.kernel = &in->kernel, .initrd = &in->initrd, .cmdline = o->append,
		.cpus = o->smp, .pic = !o->split,
	};
	struct cvm_image image = { 0 };
	struct guest_mem mem;
	int err = guest_mem_create(&mem, o->mem, false);

	if (err)
		return err;
	err = cvm_image_build(&image, &mem, &src);
	if (!err) {
		add_pages(d, &mem, &image);
		for (unsigned int i = 0; i < mem.nr; i++)
			digest_range(d, mem.region[i].gpa, mem.region[i].size);
	}
	cvm_image_free(&image);
	guest_mem_destroy(&mem);
	return err;
}

static void add_cpus(struct digest *d, struct cpuid_tables *t)
{
	for (uint32_t i = 0; i < t->vcpus; i++) {
		cpuid_table_sanitise(&t->vcpu[i], t->c_bit);
		digest_cpu(d, i, t->vcpu[i].entry, t->vcpu[i].count);
	}
}

static int compute(const struct measure_options *o, struct inputs *in, struct digest *d)
{
	int err = read_inputs(o, in);

	*d = (struct digest){ .policy = o->policy, .c_bit = in->tables.c_bit };
	if (err)
		return err;
	add_cpus(d, &in->tables);
	if (o->firmware) {
		const struct qemu_source src = {
			.firmware = &in->firmware, .kernel = o->kernel ? &in->kernel : NULL,
			.initrd = &in->initrd, .append = o->append, .mem = o->mem,
		};

		return qemu_add_memory(d, &src);
	}
	return add_memory(d, o, in);
}

/* ---- printing ---- */

static json_t *hex_json(const uint8_t digest[DIGEST_SIZE])
{
	char text[2 * DIGEST_SIZE + 1];

	return json_string(digest_hex(digest, text));
}

static json_t *file_json(const char *path, const struct image *image)
{
	uint8_t sum[DIGEST_SIZE];

	if (!path)
		return json_null();
	digest_sha256(image->data, image->size, sum);
	return json_pack("{ss sI so}", "file", path, "bytes", (json_int_t)image->size, "sha256",
			 hex_json(sum));
}

static json_t *inputs_json(const struct measure_options *o, const struct inputs *in)
{
	return json_pack("{so so so ss si sI ss so}", "firmware",
			 file_json(o->firmware, &in->firmware),
			 "kernel", file_json(o->kernel, &in->kernel),
			 "initrd", file_json(o->initrd, &in->initrd), "append", o->append,
			 "smp", (int)o->smp, "mem", (json_int_t)o->mem,
			 "irqchip", o->split ? "split" : "on",
			 "cpuid", file_json(o->cpuid, &in->cpuid));
}

static json_t *parts_json(const struct digest *d)
{
	return json_pack("{sI sI sI so so so}", "policy", (json_int_t)d->policy,
			 "c_bit", (json_int_t)d->c_bit, "vcpus", (json_int_t)d->vcpus,
			 "pages", hex_json(d->pages), "ranges", hex_json(d->ranges),
			 "cpus", hex_json(d->cpus));
}

static int print_json(const struct measure_options *o, const struct inputs *in,
		      const struct digest *d, const uint8_t launch[DIGEST_SIZE])
{
	json_t *top = json_pack("{si so so so}", "version", 1, "digest", hex_json(launch),
				"parts", parts_json(d), "inputs", inputs_json(o, in));
	int err;

	if (!top) {
		/* What is not UTF-8 cannot be JSON; all else here can. */
		hg_err("--json: --append and file names must be UTF-8");
		return -EINVAL;
	}
	err = json_dumpf(top, stdout, JSON_INDENT(2));
	json_decref(top);
	return err || putchar('\n') == EOF ? -EIO : 0;
}

static int print(const struct measure_options *o, const struct inputs *in, const struct digest *d,
		 bool json)
{
	char text[2 * DIGEST_SIZE + 1];
	uint8_t launch[DIGEST_SIZE];
	int err = 0;

	digest_launch(d, launch);
	if (json)
		err = print_json(o, in, d, launch);
	else
		puts(digest_hex(launch, text));
	if (!err && !fflush(stdout) && !ferror(stdout))
		return 0;
	if (err != -EINVAL)
		hg_err("cannot write the output");
	return -EIO;
}

int measure_digest(const struct measure_options *o, uint8_t digest[DIGEST_SIZE])
{
	struct inputs in = { 0 };
	struct digest d;
	int err = compute(o, &in, &d);

	if (!err)
		digest_launch(&d, digest);
	free_inputs(&in);
	return err;
}

int measure_main(const struct measure_options *o, bool json)
{
	struct inputs in = { 0 };
	struct digest d;
	int err = compute(o, &in, &d);

	if (!err)
		err = print(o, &in, &d, json);
	free_inputs(&in);
	return err ? 1 : 0;
}
