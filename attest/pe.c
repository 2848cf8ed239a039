// SPDX-License-Identifier: Apache-2.0
#include "pe.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"

#define PE_SECTIONS 96u /* as many as a loader of Windows' takes */

/* Offsets in the optional header, which are the same in both of its forms. */
#define OPT_HEADERS_SIZE 60u
#define OPT_CHECKSUM	 64u

struct range {
	uint32_t at, size;
};

struct pe {
	const uint8_t *data;
	size_t size;
	struct range section[PE_SECTIONS];
	unsigned int sections;
	uint32_t headers; /* bytes of all headers */
	size_t checksum, certificates; /* offsets; the latter 0: there is no such entry */
	uint32_t certificates_size;
};

static struct att_reader at(const struct pe *pe, size_t offset)
{
	struct att_reader r = { pe->data, pe->size, false };

	att_read(&r, offset);
	return r;
}

static int cut(struct att_error *err)
{
	return att_fail(err, ATT_E_FORMAT, "a PE image that ends inside its headers");
}

/* The optional header at @opt of @opt_size bytes: where what is not hashed lies. */
static int parse_optional(struct pe *pe, size_t opt, uint16_t opt_size, struct att_error *err)
{
	struct att_reader r = at(pe, opt);
	uint16_t magic = att_read_u16(&r);
	size_t fixed = magic == 0x20b ? 112 : 96; /* what comes before the directories */
	uint32_t entries;

	if (!r.bad && magic != 0x20b && magic != 0x10b)
		return att_fail(err, ATT_E_FORMAT, "a PE image of kind 0x%x, not 0x10b or 0x20b",
				magic);
	if (r.bad || opt_size < fixed)
		return cut(err);
	r = at(pe, opt + OPT_HEADERS_SIZE);
	pe->headers = att_read_u32(&r);
	pe->checksum = opt + OPT_CHECKSUM;
	r = at(pe, opt + fixed - 4);
	entries = att_read_u32(&r);
	if (r.bad || entries > 16 || (size_t)opt_size - fixed < entries * 8u)
		return cut(err);
	if (entries > 4) {
		pe->certificates = opt + fixed + 4 * 8u;
		r = at(pe, pe->certificates + 4);
		pe->certificates_size = att_read_u32(&r);
	}
	if (r.bad || pe->headers > pe->size || opt + opt_size > pe->headers)
		return cut(err);
	return 0;
}

/* Sections that have bytes in the file, by where these are. */
static int parse_sections(struct pe *pe, size_t table, uint16_t count, struct att_error *err)
{
	struct att_reader r = at(pe, table);
	unsigned int i, n;

	if (count > PE_SECTIONS)
		return att_fail(err, ATT_E_FORMAT, "a PE image with %u sections, at most %u", count,
				PE_SECTIONS);
	for (i = 0; i < count; i++) {
		struct range s;

		att_read(&r, 16);
		s.size = att_read_u32(&r);
		s.at = att_read_u32(&r);
		att_read(&r, 16);
		if (r.bad)
			return cut(err);
		if (!s.size)
			continue;
		if (s.at > pe->size || s.size > pe->size - s.at)
			return att_fail(err, ATT_E_FORMAT, "a PE image that ends inside section %u",
					i + 1);
		for (n = pe->sections++; n && pe->section[n - 1].at > s.at; n--)
			pe->section[n] = pe->section[n - 1];
		pe->section[n] = s;
	}
	return 0;
}

static int parse(struct pe *pe, struct att_error *err)
{
	struct att_reader r = at(pe, 0);
	const uint8_t *magic = att_read(&r, 2);
	uint32_t start;
	uint16_t sections, opt_size;

	if (!magic || memcmp(magic, "MZ", 2))
		return att_fail(err, ATT_E_FORMAT, "not a PE image: UEFI would not start it");
	r = at(pe, 0x3c);
	start = att_read_u32(&r);
	r = at(pe, start);
	magic = att_read(&r, 4);
	if (!magic || memcmp(magic, "PE\0\0", 4))
		return att_fail(err, ATT_E_FORMAT, "not a PE image: UEFI would not start it");
	att_read(&r, 2);
	sections = att_read_u16(&r);
	att_read(&r, 12);
	opt_size = att_read_u16(&r);
	att_read(&r, 2);
	if (r.bad)
		return cut(err);
	if (parse_optional(pe, (size_t)start + 24, opt_size, err))
		return -1;
	return parse_sections(pe, (size_t)start + 24 + opt_size, sections, err);
}

static void take(const struct pe *pe, struct att_bytes *to, size_t from, size_t size)
{
	memcpy(to->data + to->size, pe->data + from, size);
	to->size += size;
}

/* Sections may overlap, so that more is hashed than there is: not in an honest image. */
static int collect(const struct pe *pe, struct att_bytes *to, struct att_error *err)
{
	size_t sum = pe->headers, end;
	unsigned int i;

	for (i = 0; i < pe->sections; i++) {
		if (pe->section[i].size > pe->size - sum)
			return att_fail(
				err, ATT_E_FORMAT,
				"a PE image whose sections overlap each other or the headers");
		sum += pe->section[i].size;
	}
	take(pe, to, 0, pe->checksum);
	if (pe->certificates) {
		take(pe, to, pe->checksum + 4, pe->certificates - pe->checksum - 4);
		end = pe->certificates + 8;
	} else {
		end = pe->checksum + 4;
	}
	take(pe, to, end, pe->headers - end);
	for (i = 0; i < pe->sections; i++)
		take(pe, to, pe->section[i].at, pe->section[i].size);
	/* What lies behind the last section, but for the signatures at the end. */
	if (pe->size - sum > pe->certificates_size)
		take(pe, to, sum, pe->size - sum - pe->certificates_size);
	return 0;
}

int att_pe_measured(const uint8_t *data, size_t size, struct att_bytes *measured,
		    struct att_error *err)
{
	struct pe pe = { .data = data, .size = size };
	struct att_bytes to = { 0 };

	if (parse(&pe, err))
		return -1;
	to.data = malloc(size);
	if (!to.data)
		return att_no_memory(err);
	if (collect(&pe, &to, err)) {
		att_bytes_free(&to);
		return -1;
	}
	*measured = to;
	return 0;
}
