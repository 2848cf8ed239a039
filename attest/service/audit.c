// SPDX-License-Identifier: Apache-2.0
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alg.h"
#include "bytes.h"
#include "error.h"
#include "json.h"

struct audit {
	pthread_mutex_t lock;
	char *path;
	int fd;
	off_t size;
	struct audit_chain chain;
	bool broken; /* the last line could not be written */
	bool torn; /* and half of it is still there */
};

static int io_error(struct att_error *err, const char *path, const char *what)
{
	return att_fail(err, ATT_E_IO, "%s: %s: %s", path, what, strerror(errno));
}

/* ---- Checking ---- */

static int check_line(const char *line, size_t size, struct audit_chain *chain,
		      struct att_error *err)
{
	json_t *o = att_json_parse(line, size, AUDIT_LINE_MAX, err);
	uint8_t prev[AUDIT_HASH];
	uint64_t seq;
	int bad;

	if (!o)
		return -1;
	bad = att_json_uint(o, "seq", INT64_MAX, &seq, err) ||
	      att_json_hex(o, "prev", prev, sizeof(prev), err);
	json_decref(o);
	if (bad)
		return -1;
	if (!chain->started && seq == 1) {
		memset(chain->hash, 0, sizeof(chain->hash));
	} else if (!chain->started) {
		/* It goes on from a file that is not here: believed so far. */
		memcpy(chain->hash, prev, sizeof(prev));
		chain->next = seq;
	}
	if (!chain->started)
		chain->first = seq;
	chain->started = true;
	if (seq != chain->next)
		return att_fail(err, ATT_E_FORMAT,
				"line number %" PRIu64 " where %" PRIu64
				" was due: lines were removed or added",
				seq, chain->next);
	if (memcmp(prev, chain->hash, sizeof(prev)))
		return att_fail(err, ATT_E_FORMAT,
				"not the hash of the line before, which was changed or removed");
	if (att_sha256(line, size, chain->hash))
		return att_fail_crypto(err, "SHA-256");
	chain->next++;
	chain->lines++;
	return 0;
}

int audit_check_text(const char *text, size_t size, struct audit_chain *chain,
		     struct att_error *err)
{
	char where[40];
	uint64_t line = 1;

	chain->torn = 0;
	if (!chain->next)
		chain->next = 1;
	for (; size; line++) {
		const char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) : size;

		if (!end) {
			chain->torn = size;
			return 0;
		}
		if (check_line(text, length, chain, err)) {
			snprintf(where, sizeof(where), "line %" PRIu64, line);
			return att_prefix(err, where);
		}
		text += length + 1;
		size -= length + 1;
	}
	return 0;
}

static int check_file(int fd, const char *path, struct audit_chain *chain, off_t *size,
		      struct att_error *err)
{
	struct stat st;
	void *text;
	int ret;

	chain->torn = 0;
	if (fstat(fd, &st))
		return io_error(err, path, "cannot be read");
	if (!S_ISREG(st.st_mode))
		return att_fail(err, ATT_E_IO, "%s: not a regular file", path);
	*size = st.st_size;
	if (!st.st_size)
		return 0;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return io_error(err, path, "cannot be read");
	ret = audit_check_text(text, (size_t)st.st_size, chain, err);
	munmap(text, (size_t)st.st_size);
	return ret ? att_prefix(err, path) : 0;
}

int audit_check(const char *path, struct audit_chain *chain, struct att_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;
	off_t size;

	if (fd < 0)
		return io_error(err, path, "cannot be opened");
	ret = check_file(fd, path, chain, &size, err);
	close(fd);
	return ret;
}

/* ---- Writing ---- */

/* Half a line is taken back: the next one must not be written behind it. */
static int take_back(struct audit *a, struct att_error *err)
{
	a->torn = ftruncate(a->fd, a->size) != 0;
	return a->torn ? io_error(err, a->path, "half a line stays, which cannot be removed") : 0;
}

static int append(struct audit *a, const char *text, size_t size, struct att_error *err)
{
	size_t done = 0;

	if (a->torn && take_back(a, err))
		return -1;
	while (done < size) {
		ssize_t n = write(a->fd, text + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done == size) {
		a->size += (off_t)size;
		a->broken = false;
		return 0;
	}
	io_error(err, a->path, "cannot be written");
	a->broken = true;
	take_back(a, err);
	return -1;
}

static int set_text(json_t *o, const char *name, const char *text)
{
	return text && *text ? json_object_set_new(o, name, json_string(text)) : 0;
}

static int set_number(json_t *o, const char *name, int64_t n)
{
	return json_object_set_new(o, name, json_integer((json_int_t)n));
}

static int set_nonce(json_t *o, const struct audit_entry *e)
{
	uint8_t digest[32];

	if (!e->nonce_size)
		return 0;
	return att_sha256(e->nonce, e->nonce_size, digest) ||
			       att_json_set_hex(o, "nonce_sha256", digest, sizeof(digest))
		       ? -1
		       : 0;
}

/* All of it, or NULL: a line that lacks something would be a wrong one. */
static json_t *line_of(const struct audit *a, const struct audit_entry *e)
{
	json_t *o = json_object();
	int bad = !o;

	bad |= set_number(o, "seq", (int64_t)a->chain.next);
	bad |= set_number(o, "time", e->time);
	bad |= set_text(o, "event", e->event);
	bad |= set_text(o, "request", e->request);
	bad |= set_text(o, "remote", e->remote);
	bad |= set_text(o, "identity", e->identity);
	bad |= set_text(o, "ak", e->ak);
	bad |= set_text(o, "policy", e->policy);
	bad |= set_nonce(o, e);
	if (e->verdict >= 0)
		bad |= set_number(o, "verdict", e->verdict);
	bad |= set_text(o, "claim", e->claim);
	bad |= set_text(o, "error", e->error);
	bad |= set_text(o, "secret", e->secret);
	if (e->secret)
		bad |= json_object_set_new(o, "released", json_boolean(e->released));
	bad |= att_json_set_hex(o, "prev", a->chain.hash, sizeof(a->chain.hash));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

/*
 * Under the lock. Takes @o. The text is made in memory that is there: without
 * memory, json_dumps() may leave a name out and say nothing.
 */
static int write_line(struct audit *a, json_t *o, struct att_error *err)
{
	char text[AUDIT_LINE_MAX];
	size_t size = json_dumpb(o, text, sizeof(text), JSON_COMPACT | JSON_ENSURE_ASCII);
	uint8_t hash[AUDIT_HASH];

	json_decref(o);
	if (!size || size >= sizeof(text) || att_sha256(text, size, hash))
		return att_fail(err, ATT_E_MEMORY, "an audit line cannot be made");
	text[size] = '\n';
	if (append(a, text, size + 1, err))
		return -1;
	memcpy(a->chain.hash, hash, sizeof(hash));
	a->chain.next++;
	a->chain.lines++;
	return 0;
}

int audit_write(struct audit *a, const struct audit_entry *e, bool durable, struct att_error *err)
{
	int ret;

	pthread_mutex_lock(&a->lock);
	ret = write_line(a, line_of(a, e), err);
	/* Under the lock, so that a file is not closed meanwhile. */
	if (!ret && durable && fdatasync(a->fd)) {
		ret = io_error(err, a->path, "cannot be written to the disk");
		a->broken = true;
	}
	pthread_mutex_unlock(&a->lock);
	return ret;
}

bool audit_works(struct audit *a)
{
	bool works;

	pthread_mutex_lock(&a->lock);
	works = !a->broken;
	pthread_mutex_unlock(&a->lock);
	return works;
}

static int write_start(struct audit *a, int64_t now, uint64_t torn, struct att_error *err)
{
	const struct audit_entry e = { .event = "start", .time = now, .verdict = -1 };
	json_t *o = line_of(a, &e);

	if (torn && set_number(o, "cut", (int64_t)torn)) {
		json_decref(o);
		o = NULL;
	}
	if (write_line(a, o, err))
		return -1;
	return fsync(a->fd) ? io_error(err, a->path, "cannot be written to the disk") : 0;
}

/* Opens @path for this program alone and follows its chain from @chain. */
static int open_file(struct audit *a, struct audit_chain *chain, int64_t now, struct att_error *err)
{
	int fd = open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	off_t size = 0;

	if (fd < 0)
		return io_error(err, a->path, "cannot be opened");
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return att_fail(err, ATT_E_IO, "%s: another hgverifyd has it", a->path);
	}
	if (check_file(fd, a->path, chain, &size, err)) {
		close(fd);
		return -1;
	}
	/* A line that a crash cut short was never acted on. */
	if (chain->torn && ftruncate(fd, size - (off_t)chain->torn)) {
		close(fd);
		return io_error(err, a->path, "cannot be shortened");
	}
	if (a->fd >= 0)
		close(a->fd);
	a->fd = fd;
	a->size = size - (off_t)chain->torn;
	a->torn = false;
	a->chain = *chain;
	return write_start(a, now, chain->torn, err);
}

struct audit *audit_open(const char *path, int64_t now, struct att_error *err)
{
	struct audit_chain chain = { .next = 1 };
	struct audit *a = calloc(1, sizeof(*a));

	if (!a) {
		att_no_memory(err);
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	a->fd = -1;
	a->path = strdup(path);
	if (a->path && !open_file(a, &chain, now, err))
		return a;
	if (!a->path)
		att_no_memory(err);
	audit_close(a);
	return NULL;
}

int audit_reopen(struct audit *a, int64_t now, struct att_error *err)
{
	struct audit_chain chain;
	struct stat old, new;
	int ret = 0;

	pthread_mutex_lock(&a->lock);
	chain = a->chain;
	chain.started = true;
	/* Nobody moved it: there is nothing to do. */
	if (stat(a->path, &new) || fstat(a->fd, &old) || new.st_dev != old.st_dev ||
	    new.st_ino != old.st_ino)
		ret = open_file(a, &chain, now, err);
	pthread_mutex_unlock(&a->lock);
	return ret;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
