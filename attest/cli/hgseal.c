// SPDX-License-Identifier: Apache-2.0
/* hgseal: what a tenant hands to a confidential VM, and what that hands back. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "file.h"
#include "jwe.h"
#include "key.h"
#include "seal.h"

#define PEM_MAX 65536u

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

enum {
	OPT_KEY = 'k',
	OPT_CONTEXT = 'c',
	OPT_IN = 'i',
	OPT_OUT = 'o',
	OPT_NONCE = 'n',
	OPT_PUBLIC = 'p',
};

struct arguments {
	const char *command, *key, *context, *in, *out, *nonce, *public;
};

const char *argp_program_version = "hgseal " ATT_VERSION;

static const struct argp_option options[] = {
	{ "key", OPT_KEY, "FILE", 0, "The key, as hgseal key wrote it", 1 },
	{ "context", OPT_CONTEXT, "TEXT", 0, "What the file is; it opens for no other", 1 },
	{ "public", OPT_PUBLIC, "FILE", 0, "to: whom it is sealed to, PEM, P-256 or P-384", 1 },
	{ "nonce", OPT_NONCE, "HEX", 0, "to: what it answers, 16 to 64 bytes", 1 },
	{ "in", OPT_IN, "FILE", 0, "Read this", 2 },
	{ "out", OPT_OUT, "FILE", 0, "Write this, as a whole or not at all", 2 },
	{ 0 }
};

static const char doc[] = "Seal files for a confidential VM, and what it answers.\v"
			  "Commands:\n"
			  "  key   make a key: --out\n"
			  "  seal  seal a file: --key --context --in --out\n"
			  "  open  open a sealed file: --key --context --in --out\n"
			  "  to    seal a small file to a public key, as a JWE that hgattest --open opens:\n"
			  "        --public --nonce --in --out\n"
			  "\n"
			  "Exit status: 0 done, 1 failed, 2 wrong usage. See hgseal(1).";

static int report_error(const char *path, const struct att_error *err)
{
	complain("%s: %s", path, err->text);
	return EXIT_FAILED;
}

/* ---- Commands ---- */

static int make_key(const struct arguments *a)
{
	uint8_t key[ATT_SEAL_KEY];
	int ret;

	if (RAND_bytes(key, sizeof(key)) != 1) {
		complain("no random bytes");
		return EXIT_FAILED;
	}
	ret = file_write(a->out, key, sizeof(key), 0600) ? EXIT_FAILED : EXIT_DONE;
	OPENSSL_cleanse(key, sizeof(key));
	return ret;
}

static int read_key(const char *path, struct att_bytes *key)
{
	if (file_read(path, ATT_SEAL_KEY, key))
		return -1;
	if (key->size == ATT_SEAL_KEY)
		return 0;
	att_bytes_free(key);
	complain("%s: a key has %u bytes", path, ATT_SEAL_KEY);
	return -1;
}

/* The two files of seal and open: the one is there only once it is whole. */
struct ends {
	int in, out;
	char *unfinished;
};

static int open_ends(const struct arguments *a, struct ends *e)
{
	e->out = -1;
	e->unfinished = NULL;
	e->in = open(a->in, O_RDONLY | O_CLOEXEC);
	if (e->in < 0) {
		complain("%s: %s", a->in, strerror(errno));
		return -1;
	}
	if (asprintf(&e->unfinished, "%s.XXXXXX", a->out) < 0)
		e->unfinished = NULL;
	else
		e->out = mkostemp(e->unfinished, O_CLOEXEC);
	if (e->out >= 0)
		return 0;
	complain("%s: %s", a->out, strerror(errno));
	free(e->unfinished);
	close(e->in);
	return -1;
}

static int close_ends(const struct arguments *a, struct ends *e, int failed)
{
	close(e->in);
	/* What was opened so far is worth nothing, and is not left for others to find. */
	if (failed && ftruncate(e->out, 0))
		complain("%s: %s", e->unfinished, strerror(errno));
	if (!failed && fsync(e->out) && errno != EINVAL)
		failed = errno;
	if (close(e->out) && !failed)
		failed = errno;
	if (!failed && rename(e->unfinished, a->out))
		failed = errno;
	if (failed > 0)
		complain("%s: %s", a->out, strerror(failed));
	if (failed)
		unlink(e->unfinished);
	free(e->unfinished);
	return failed ? EXIT_FAILED : EXIT_DONE;
}

static int seal(const struct arguments *a, const uint8_t *key, const struct ends *e,
		struct att_error *err)
{
	struct stat st;

	if (fstat(e->in, &st) || !S_ISREG(st.st_mode))
		return att_fail(err, ATT_E_IO, "it must be a regular file");
	return att_seal(key, a->context, e->in, (uint64_t)st.st_size, e->out, err);
}

static int seal_or_open(const struct arguments *a)
{
	struct att_error err = { 0 };
	struct att_bytes key;
	struct ends e;
	int ret;

	if (read_key(a->key, &key))
		return EXIT_FAILED;
	if (open_ends(a, &e)) {
		att_bytes_free(&key);
		return EXIT_FAILED;
	}
	if (!strcmp(a->command, "seal"))
		ret = seal(a, key.data, &e, &err);
	else
		ret = att_unseal(key.data, a->context, e.in, e.out, &err);
	att_bytes_free(&key);
	if (ret)
		report_error(a->in, &err);
	return close_ends(a, &e, ret);
}

static int seal_to(const struct arguments *a)
{
	uint8_t nonce[ATT_NONCE_MAX];
	struct att_bytes pem = { 0 }, in = { 0 };
	struct att_error err = { 0 };
	EVP_PKEY *to = NULL;
	char *jwe = NULL;
	int ret = EXIT_FAILED;
	size_t size;

	if (file_nonce(a->nonce, nonce, &size) || file_read(a->public, PEM_MAX, &pem) ||
	    file_read(a->in, ATT_SECRET_MAX, &in))
		goto out;
	to = att_key_from_pem((char *)pem.data, pem.size, true, &err);
	if (to)
		jwe = att_jwe_seal(to, nonce, size, in.data, in.size, &err);
	if (!jwe)
		report_error(a->public, &err);
	else
		ret = file_write(a->out, jwe, strlen(jwe), 0644) ? EXIT_FAILED : EXIT_DONE;
out:
	free(jwe);
	EVP_PKEY_free(to);
	att_bytes_free(&pem);
	att_bytes_free(&in);
	return ret;
}

/* ---- Options ---- */

static const struct command {
	const char *name;
	int (*run)(const struct arguments *a);
	const char *needs; /* options' letters */
} commands[] = {
	{ "key", make_key, "o" },
	{ "seal", seal_or_open, "kcio" },
	{ "open", seal_or_open, "kcio" },
	{ "to", seal_to, "pnio" },
};

static const char **option_of(struct arguments *a, int key)
{
	switch (key) {
	case OPT_KEY:
		return &a->key;
	case OPT_CONTEXT:
		return &a->context;
	case OPT_IN:
		return &a->in;
	case OPT_OUT:
		return &a->out;
	case OPT_NONCE:
		return &a->nonce;
	case OPT_PUBLIC:
		return &a->public;
	default:
		return NULL;
	}
}

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static void check(struct arguments *a, const struct argp_state *state)
{
	const struct command *c = find(a->command);
	size_t i;

	if (!c)
		argp_error(state, "one of the commands key, seal, open, to");
	for (i = 0; i < ARRAY_SIZE(options) - 1; i++) {
		bool given = *option_of(a, options[i].key);
		bool wanted = strchr(c->needs, options[i].key);

		if (given != wanted)
			argp_error(state, "%s %s --%s", c->name, wanted ? "needs" : "does not take",
				   options[i].name);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	const char **option = option_of(a, key);

	if (option) {
		*option = arg;
		return 0;
	}
	switch (key) {
	case ARGP_KEY_ARG:
		if (a->command)
			argp_error(state, "one command at a time, not '%s' after '%s'", arg,
				   a->command);
		a->command = arg;
		return 0;
	case ARGP_KEY_END:
		check(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "COMMAND", doc, NULL, NULL, NULL };
	struct arguments a = { 0 };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return find(a.command)->run(&a);
}
