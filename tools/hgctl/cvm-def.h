/* SPDX-License-Identifier: Apache-2.0 */
/* The definition of a VM: DEFINITIONS/NAME.conf, and what it means for hgvmm. */
#ifndef HGCTL_CVM_DEF_H
#define HGCTL_CVM_DEF_H

#include "digest.h"
#include "site.h"

/* DEFINITIONS/NAME.conf. -> @path, or NULL after a message. */
const char *def_path(const struct site *site, const char *name, char path[PATH_MAX]);

/*
 * Reads and checks the definition; settings_free(@def) in any case. 0; -ENOENT, or -1 when it
 * is wrong: then @def->error says what. Nothing is printed.
 */
int def_read(const struct site *site, const char *name, struct settings *def);

/* The same of a text, before it is written. */
int def_parse(const char *name, const char *text, size_t size, struct settings *def);

/* @key of the definition, or of hypergpu.conf's [vm], or what is usual there; NULL: nothing. */
const char *def_get(const struct site *site, const struct settings *def, const char *key);

/* hgvmm's command line, for free_strings(); NULL after a message. */
char **def_command(const struct site *site, const char *name, const struct settings *def);
void free_strings(char **list);

/*
 * The launch digest that the VM will have. CPUID's tables come from the definition's or
 * hypergpu.conf's cpuid, or else from this machine's hypergpu.ko. -> 0; -ENODATA when there
 * is nowhere to take them from, with @why; -1 after a message.
 */
int def_digest(const struct site *site, const struct settings *def, uint8_t digest[DIGEST_SIZE],
	       const char **why);

#endif /* HGCTL_CVM_DEF_H */
