/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch area: what a kernel of the application reads its pad from, and where
 * it logs what it received. One buffer of the device session, never read by the
 * host; the session's kernels fill the pads and fold the log into the receipt.
 *
 * This text comes before every rewritten program, so every name in it starts with
 * hg_ or HG_. It reads as OpenCL C and as plain C (layout alone).
 *
 * A launch number is used once. Number n has the pad of slot n % HG_LAUNCH_SLOTS,
 * so at most HG_LAUNCH_SLOTS launches may be under way between two folds of the log.
 * HG_LAUNCH_ANY_LOCAL in a number says that the driver chose the local size: it is
 * logged as 0 then, since the host cannot foretell it.
 */
#ifndef HG_LAUNCH_H
#define HG_LAUNCH_H

#ifndef HG_DIALECT_H /* the session program has the layout alone */
#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
#define HG_LAUNCH_CL
#endif
#endif

#ifdef HG_DIALECT_H
#define HG_LAUNCH_U32 u32
#define HG_LAUNCH_U64 u64
#elif defined(HG_LAUNCH_CL)
#define HG_LAUNCH_U32 uint
#define HG_LAUNCH_U64 ulong
#else
#include <stdint.h>
#define HG_LAUNCH_U32 uint32_t
#define HG_LAUNCH_U64 uint64_t
#endif

#define HG_LAUNCH_SLOTS	   1024u /* a power of two */
#define HG_LAUNCH_WORDS	   64u	 /* 32-bit words of arguments that a pad covers */
#define HG_LAUNCH_POINTERS 32u
#define HG_LAUNCH_ANY_LOCAL ((HG_LAUNCH_U64)1 << 63)

/* What one launch received. */
struct hg_launch_entry {
	HG_LAUNCH_U64 sequence;
	HG_LAUNCH_U64 program; /* the id that the rewriter was given */
	HG_LAUNCH_U32 number;  /* of the kernel in the program */
	HG_LAUNCH_U32 dimensions;
	HG_LAUNCH_U64 global_size[3]; /* 1 where the launch has no such dimension */
	HG_LAUNCH_U64 global_offset[3];
	HG_LAUNCH_U64 local_size[3]; /* or 0 */
	HG_LAUNCH_U32 words;	/* of argument[]; the rest is left from earlier launches */
	HG_LAUNCH_U32 pointers; /* of pointer[] */
	HG_LAUNCH_U32 argument[HG_LAUNCH_WORDS]; /* by value, as received: masked */
	HG_LAUNCH_U64 pointer[HG_LAUNCH_POINTERS];
};

struct hg_launch {
	HG_LAUNCH_U32 count; /* entries ever logged; entry i is log[i % HG_LAUNCH_SLOTS] */
	HG_LAUNCH_U32 reserved[15];
	HG_LAUNCH_U32 items[HG_LAUNCH_SLOTS]; /* of the work-groups that started, by slot */
	HG_LAUNCH_U32 pad[HG_LAUNCH_SLOTS][HG_LAUNCH_WORDS];
	struct hg_launch_entry log[HG_LAUNCH_SLOTS];
};

/* Words that an argument takes in the pad and in the entry. */
#define HG_LAUNCH_WORDS_OF(size) (((size) + 3) / 4)

#ifdef HG_LAUNCH_CL

#if defined(__OPENCL_C_VERSION__) && __OPENCL_C_VERSION__ < 120
#define HG_LAUNCH_FN
#else
#define HG_LAUNCH_FN static inline
#endif

#define HG_WORDS(type) ((uint)HG_LAUNCH_WORDS_OF(sizeof(type)))

HG_LAUNCH_FN void hg_launch_fill(__global struct hg_launch_entry *e, ulong sequence, ulong program,
				 uint number, uint words, uint pointers)
{
	uint d;

	e->sequence = sequence;
	e->program = program;
	e->number = number;
	e->dimensions = get_work_dim();
	for (d = 0; d < 3; d++) {
		e->global_size[d] = get_global_size(d);
		e->global_offset[d] = get_global_offset(d);
		e->local_size[d] = sequence & HG_LAUNCH_ANY_LOCAL ? 0 : get_local_size(d);
	}
	e->words = words < HG_LAUNCH_WORDS ? words : HG_LAUNCH_WORDS;
	e->pointers = pointers;
}

/*
 * At the start of a kernel, by every work-item. The first of each group counts the
 * group's items; the first of the first group gets the launch's entry, the others get 0.
 */
HG_LAUNCH_FN __global struct hg_launch_entry *hg_launch_enter(__global struct hg_launch *l,
							      ulong sequence, ulong program,
							      uint number, uint words,
							      uint pointers)
{
	__global struct hg_launch_entry *e;

	if (get_local_id(0) | get_local_id(1) | get_local_id(2))
		return 0;
	atomic_add((volatile __global uint *)&l->items[sequence % HG_LAUNCH_SLOTS],
		   (uint)(get_local_size(0) * get_local_size(1) * get_local_size(2)));
	if (get_group_id(0) | get_group_id(1) | get_group_id(2))
		return 0;
	e = &l->log[atomic_inc((volatile __global uint *)&l->count) % HG_LAUNCH_SLOTS];
	hg_launch_fill(e, sequence, program, number, words, pointers);
	return e;
}

/* Logs the words as they came, then takes the pad off them. */
HG_LAUNCH_FN void hg_launch_unmask(__private uint *w, uint words, uint at,
				   __global struct hg_launch_entry *e, __global const uint *pad)
{
	uint i;

	for (i = 0; i < words && at + i < HG_LAUNCH_WORDS; i++) {
		if (e)
			e->argument[at + i] = w[i];
		w[i] ^= pad[at + i];
	}
}

/* What the rewriter puts at the start of a kernel: one HG_ENTER, then for each parameter: */
#define HG_ENTER(program, number, words, pointers)                                     \
	__global const uint *hg_pad = &hg_l->pad[hg_seq % HG_LAUNCH_SLOTS][0];                \
	__global struct hg_launch_entry *hg_e =                                               \
		hg_launch_enter(hg_l, hg_seq, program, number, (words), (pointers));          \
	(void)hg_pad;                                                                         \
	(void)hg_e;

/* A pointer: @index among the pointers. */
#define HG_POINTER(p, index)                                                                  \
	if (hg_e)                                                                             \
		hg_e->pointer[index] = (ulong)(uintptr_t)(p);

/* A value of a type without padding: unmasked where it is. */
#define HG_VALUE(type, name, at)                                                              \
	{                                                                                     \
		union {                                                                       \
			type v;                                                               \
			uint w[HG_WORDS(type)];                                               \
		} hg_u;                                                                       \
		hg_u.w[HG_WORDS(type) - 1] = 0;                                               \
		hg_u.v = name;                                                                \
		hg_launch_unmask(hg_u.w, HG_WORDS(type), (at), hg_e, hg_pad);                 \
		name = hg_u.v;                                                                \
	}

/* Any other value comes as plain words, so that its padding comes, too. */
#define HG_PACK(type, packed)             \
	typedef struct {                  \
		uint w[HG_WORDS(type)];   \
	} packed

#define HG_PACKED(type, name, from, at)                                                       \
	{                                                                                     \
		union {                                                                       \
			type v;                                                               \
			uint w[HG_WORDS(type)];                                               \
		} hg_u;                                                                       \
		uint hg_i;                                                                    \
		for (hg_i = 0; hg_i < HG_WORDS(type); hg_i++)                                 \
			hg_u.w[hg_i] = from.w[hg_i];                                          \
		hg_launch_unmask(hg_u.w, HG_WORDS(type), (at), hg_e, hg_pad);                 \
		name = hg_u.v;                                                                \
	}

#endif
#endif
