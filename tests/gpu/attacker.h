/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the attacker share: attacker.c, attacker_copies.c. */
#ifndef TEST_GPU_ATTACKER_H
#define TEST_GPU_ATTACKER_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl_layer.h>
#include <stdbool.h>

enum attack {
	NONE,
	FLIP_WRITE,
	REPLAY_WRITE,
	REORDER_WRITE,
	DROP_WRITE,
	TRUNCATE_WRITE,
	SWAP_WRITE,
	DELAY_WRITE,
	FLIP_READ,
	REPLAY_READ,
	DROP_READ,
	TRUNCATE_READ,
	REFLECT_READ,
	SWAP_READ,
	DELAY_READ,
	DROP_LAUNCH,
	TWICE_LAUNCH,
	SWAP_LAUNCH,
	ARGS_LAUNCH,
	GEOMETRY_LAUNCH,
	VALUE_LAUNCH,
	OFFSET_LAUNCH,
	REORDER_LAUNCH,
	KERNEL_LAUNCH,
	DELAY_LAUNCH,
	IMAGE_LAUNCH,
	DROP_COPY,
	REPLAY_COPY,
	REORDER_COPY,
	SHIFT_COPY,
	MOVE_COPY,
	SWAP_COPY,
};

extern enum attack attack;

/* Counts a copy, and says whether it is the victim. */
bool hit_copy(void);
/* The attack found its victim. Told at once: the program may end in any way. */
void struck(void);
/* Another live buffer, or image, of the same size but @avoid, or NULL. */
cl_mem other_than(cl_mem m, cl_mem avoid);
/* A marker in place of the command: struck. */
cl_int nothing(cl_command_queue q, cl_uint n, const cl_event *list, cl_event *event);

/* attacker_copies.c */
/* A copy that was held back goes now, if there is one. */
void copy_kept(cl_command_queue q);
void attacker_take_copies(cl_icd_dispatch *d, const cl_icd_dispatch *target);

#endif
