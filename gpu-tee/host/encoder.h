/* SPDX-License-Identifier: Apache-2.0 */
/* The half of BCH codes that only enrolment needs: generator and encoder. */
#ifndef HG_ENCODER_H
#define HG_ENCODER_H

#include "../device/bch.h"

/*
 * Bit i of @generator is the coefficient of x^i; its degree is n - k. -1 if the
 * parameters of @c do not belong together, or are beyond what the decoder takes.
 */
int hg_bch_generator(const struct bch_code *c, uint32_t generator[BCH_WORDS]);

/* The k bits of @message, bit 0 of byte 0 first, as a systematic code word. */
int hg_bch_encode(const struct bch_code *c, const uint8_t *message, uint32_t word[BCH_WORDS]);

#endif
