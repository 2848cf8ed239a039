/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, one a source: an address or a client's identity. The table has
 * a fixed size; what makes room is the bucket that is fullest, so that nobody
 * gets rid of an empty one by coming from many addresses.
 */
#ifndef HG_RATE_H
#define HG_RATE_H

#include <netinet/in.h>

#include "attest.h"

#define SOURCE_SIZE 32u

/* Whom a limit is for. */
struct source {
	uint8_t key[SOURCE_SIZE];
};

struct rates;

/* @rate requests a second in the long run, @burst at once. NULL without memory. */
struct rates *rate_new(double rate, double burst);
void rate_free(struct rates *l);
/* Takes one; @now in milliseconds. false: there was none, and none was taken. */
bool rate_take(struct rates *l, const struct source *from, int64_t now);

/* An IPv4 address, or the /56 that an IPv6 address is in: what one customer gets. */
void source_of_address(const struct sockaddr_storage *addr, struct source *s);

#endif
