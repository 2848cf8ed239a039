/* SPDX-License-Identifier: Apache-2.0 */
/* A small writer of ACPI machine language (ACPI specification, chapter 20). */
#ifndef HGVMM_AML_H
#define HGVMM_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *buf;
	size_t len, cap;
	bool overflow;	/* something did not fit; the result is unusable */
};

void aml_bytes(struct aml *a, const void *data, size_t len);
void aml_byte(struct aml *a, uint8_t b);

/* Open a construct with a PkgLength; pass the returned mark to aml_end(). */
size_t aml_scope(struct aml *a, const char *name);
size_t aml_device(struct aml *a, const char *name);
size_t aml_package(struct aml *a, uint8_t elements);
void aml_end(struct aml *a, size_t mark);

/* Name (@name, ...): follow with one object. @name has four characters. */
void aml_name(struct aml *a, const char *name);
void aml_int(struct aml *a, uint32_t v);
/* An EISA id such as "PNP0A03". */
void aml_eisaid(struct aml *a, const char *id);
/* A resource template of @len bytes; the end tag is added. */
void aml_resources(struct aml *a, const uint8_t *res, size_t len);

#endif
