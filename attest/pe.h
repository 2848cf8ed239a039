/* SPDX-License-Identifier: Apache-2.0 */
/* PE images, as UEFI measures those that it starts: by Authenticode. */
#ifndef ATT_PE_H
#define ATT_PE_H

#include "attest.h"

/*
 * What is hashed of the image @data: all of it but its checksum and its
 * signatures, in the order of Authenticode. ATT_E_FORMAT, ATT_E_MEMORY.
 */
int att_pe_measured(const uint8_t *data, size_t size, struct att_bytes *measured,
		    struct att_error *err);

#endif
