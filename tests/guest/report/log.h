/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log in TCG's crypto-agile format, read by its specification and not by the
 * module's code. Assertions fail the running test.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_EVENTS	8
#define LOG_BANKS	8

struct log_event {
	uint32_t id, size;	/* of the tagged event */
	const uint8_t *data;
};

struct log {
	uint8_t bytes[8192];
	size_t size;
	unsigned int banks, events;
	struct {
		uint16_t algorithm, size;
		uint8_t pcr[64];	/* after all events, from zeros */
	} bank[LOG_BANKS];
	struct log_event event[LOG_EVENTS];
};

uint64_t log_number(const uint8_t *bytes, unsigned int size);
/* All of a small file: bytes read, or -1. */
int log_file(const char *path, void *to, size_t size);
/* Read, parse, check that each digest is the event's, and replay. */
void log_read(struct log *log, const char *path);
/* One event more, which no log has. */
void log_extend(struct log *log, uint32_t id, const void *data, uint32_t size);
/* The TPM holds what was replayed, in every bank that the kernel shows. */
bool log_matches(const struct log *log);

#endif
