// SPDX-License-Identifier: Apache-2.0
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>

const char *const endpoint_name[ENDPOINTS] = {
	[EP_CHALLENGE] = "challenge",
	[EP_VERIFY] = "verify",
	[EP_RELEASE] = "release",
	[EP_ENROL_REQUEST] = "enrol-request",
	[EP_ENROL_FINISH] = "enrol-finish",
	[EP_KEY] = "key",
	[EP_HEALTH] = "healthz",
	[EP_METRICS] = "metrics",
	[EP_NONE] = "none",
};

static void head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP hgverifyd_%s %s\n# TYPE hgverifyd_%s %s\n", name, help, name, type);
}

static void put(FILE *to, const char *name, const char *type, const char *help, uint64_t value)
{
	head(to, name, type, help);
	fprintf(to, "hgverifyd_%s %" PRIu64 "\n", name, value);
}

static void put_tables(struct metrics *m, FILE *to)
{
	size_t i, j;

	head(to, "requests_total", "counter", "Requests by endpoint and kind of status.");
	for (i = 0; i < ENDPOINTS; i++)
		for (j = 2; j < 6; j++)
			if (m->requests[i][j])
				fprintf(to,
					"hgverifyd_requests_total{endpoint=\"%s\","
					"status=\"%zuxx\"} %" PRIu64 "\n",
					endpoint_name[i], j, (uint64_t)m->requests[i][j]);
	head(to, "verdicts_total", "counter", "Appraisals by verdict, as hgverify's exit status.");
	for (i = 0; i < 32; i++)
		if (m->verdicts[i])
			fprintf(to, "hgverifyd_verdicts_total{verdict=\"%zu\"} %" PRIu64 "\n", i,
				(uint64_t)m->verdicts[i]);
}

char *metrics_text(struct metrics *m, uint64_t nonces_out, uint64_t sessions_out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	put_tables(m, to);
	put(to, "appraisal_microseconds_total", "counter", "Time spent in appraisals.",
	    m->appraise_us);
	put(to, "secrets_released_total", "counter", "Secrets that were released.", m->released);
	put(to, "machines_enrolled_total", "counter", "Machines that were enrolled.", m->enrolled);
	put(to, "rate_limited_total", "counter", "Requests over a source's limit.",
	    m->rate_limited);
	put(to, "audit_failures_total", "counter", "Audit lines that could not be written.",
	    m->audit_failures);
	put(to, "connections_total", "counter", "Connections taken.", m->connections_total);
	put(to, "connections_refused_total", "counter", "Connections over a limit.",
	    m->refused_connections);
	put(to, "handshakes_failed_total", "counter", "TLS handshakes that failed.",
	    m->handshakes_failed);
	put(to, "timeouts_total", "counter", "Connections closed for being slow.", m->timeouts);
	put(to, "connections", "gauge", "Connections open.", (uint64_t)m->connections);
	put(to, "body_bytes", "gauge", "Memory set aside for requests.", (uint64_t)m->body_bytes);
	put(to, "challenges", "gauge", "Nonces that are out.", nonces_out);
	put(to, "enrolments", "gauge", "Enrolments that were begun.", sessions_out);
	if (fclose(to))
		return NULL;
	return text;
}
