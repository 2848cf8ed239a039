/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, written in the text format that Prometheus reads. */
#ifndef HG_METRICS_H
#define HG_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

enum endpoint {
	EP_CHALLENGE,
	EP_VERIFY,
	EP_RELEASE,
	EP_ENROL_REQUEST,
	EP_ENROL_FINISH,
	EP_KEY,
	EP_HEALTH,
	EP_METRICS,
	EP_NONE, /* no such path, or a request that could not be read */
	ENDPOINTS,
};

extern const char *const endpoint_name[ENDPOINTS];

struct metrics {
	atomic_uint_fast64_t requests[ENDPOINTS][6]; /* by the first digit of the status */
	atomic_uint_fast64_t verdicts[32];
	atomic_uint_fast64_t released, enrolled, rate_limited, connections_total,
		refused_connections, handshakes_failed, timeouts, audit_failures, appraise_us;
	atomic_int_fast64_t connections, body_bytes;
};

/* -> a string for free(), or NULL. */
char *metrics_text(struct metrics *m, uint64_t nonces_out, uint64_t sessions_out);

#endif
