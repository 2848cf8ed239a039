/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a session: runs the key agreement of agree.h on a provider's device. */
#ifndef HG_GPU_SESSION_H
#define HG_GPU_SESSION_H

#include "agree.h"
#include "channel.h"

/*
 * @reading: a struct fp_reading of the device's behaviour, on the device; NULL for an
 * anonymous one. -> @state, with the session's keys, for hg_channel_open(), and @keys, which
 * the caller wipes. Tries again, with more of it, while the device shows too little noise.
 * Errors as hg_agree_answer(), and HG_GPU_E_DEVICE.
 */
int hg_session_open(struct hg_provider *p, struct hg_queue *queue,
		    const struct hg_agree_options *options, struct hg_buffer *reading,
		    struct hg_buffer **state, struct hg_session_keys *keys,
		    struct hg_gpu_error *err);

/*
 * The same, and a channel with the keys: @channel has its options, and neither keys nor state.
 * Errors of both.
 */
int hg_session_channel(struct hg_provider *p, struct hg_queue *queue,
		       const struct hg_agree_options *agree, struct hg_buffer *reading,
		       const struct hg_channel_options *channel, struct hg_channel **ch,
		       struct hg_gpu_error *err);

/* SHA-256 of the session program as it is built for @p: its source and what was chosen. */
int hg_session_program(const struct hg_provider *p, uint8_t digest[32], struct hg_gpu_error *err);

#endif
