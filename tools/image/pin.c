// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into programs that use PoCL, so that what its compiler makes depends on the program
 * alone: it compiles for a plain x86-64 whatever processor it finds, and its temporary files,
 * whose names end up in what it keeps, have the same names each time. What was compiled on one
 * machine then is what another would compile. docs/cvm-image.md says what that is good for.
 *
 * Of LLVM 15, as Debian 12 has it: the two functions of its StringMap below, and its layout,
 * which is checked as far as it shows.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LETTERS 6u /* XXXXXX */
#define NAMES	1000000u

/* llvm::StringRef, llvm::StringMapEntry<bool>, llvm::StringMapImpl. */
struct text {
	const char *data;
	size_t size;
};

struct entry { /* its key follows, with a zero */
	size_t size;
	bool value;
};

struct map {
	struct entry **bucket;
	unsigned int buckets, items, graves, item_size;
};

typedef unsigned int lookup_bucket(struct map *map, struct text key);
typedef unsigned int rehash_table(struct map *map, unsigned int bucket);

#define LLVM	 "libLLVM-15.so.1"
#define LOOKUP	 "_ZN4llvm13StringMapImpl15LookupBucketForENS_9StringRefE"
#define REHASH	 "_ZN4llvm13StringMapImpl11RehashTableEj"
#define FEATURES _ZN4llvm3sys18getHostCPUFeaturesERNS_9StringMapIbNS_15MallocAllocatorEEE
#define CPU_NAME _ZN4llvm3sys14getHostCPUNameEv

bool FEATURES(struct map *map);
struct text CPU_NAME(void);

static void __attribute__((noreturn)) give_up(const char *why)
{
	fprintf(stderr, "hypergpu: PoCL cannot be pinned to one processor: %s\n", why);
	abort();
}

static lookup_bucket *lookup;
static rehash_table *rehash;

/* PoCL is loaded by the OpenCL loader, out of sight of what is linked here. */
static void find_llvm(void)
{
	void *llvm = dlopen(LLVM, RTLD_LAZY | RTLD_NOLOAD);

	if (!llvm)
		give_up("there is no " LLVM);
	lookup = (lookup_bucket *)dlsym(llvm, LOOKUP);
	rehash = (rehash_table *)dlsym(llvm, REHASH);
	dlclose(llvm);
	if (!lookup || !rehash)
		give_up("this is another LLVM");
}

static void add(struct map *map, const char *name)
{
	struct text key = { name, strlen(name) };
	unsigned int at = lookup(map, key);
	struct entry *e;

	if (map->bucket[at])
		give_up("a feature is there already");
	e = calloc(1, sizeof(*e) + key.size + 1);
	if (!e)
		give_up("no memory");
	e->size = key.size;
	e->value = true;
	memcpy(e + 1, name, key.size);
	map->bucket[at] = e;
	map->items++;
	rehash(map, at);
}

/* llvm::sys::getHostCPUFeatures() */
bool FEATURES(struct map *map)
{
	static const char *const of_all[] = { "64bit", "cmov", "cx8", "fxsr",
					      "mmx",   "sse",  "sse2" };
	size_t i;

	find_llvm();
	if (map->item_size != sizeof(struct entry) || map->items || map->graves)
		give_up("this is another LLVM");
	for (i = 0; i < sizeof(of_all) / sizeof(of_all[0]); i++)
		add(map, of_all[i]);
	return true;
}

/* llvm::sys::getHostCPUName() */
struct text CPU_NAME(void)
{
	return (struct text){ "x86-64", 6 };
}

/* The first name that is free, by @make; -1 with errno. */
static int first_free(char *template, size_t after, int flags, int (*make)(const char *, int))
{
	size_t size = strlen(template);
	unsigned int n;
	char *at, digits[LETTERS + 1];
	int ret;

	if (size < LETTERS || after > size - LETTERS) {
		errno = EINVAL;
		return -1;
	}
	at = template + size - after - LETTERS;
	if (memcmp(at, "XXXXXX", LETTERS)) {
		errno = EINVAL;
		return -1;
	}
	for (n = 0; n < NAMES; n++) {
		snprintf(digits, sizeof(digits), "%06u", n);
		memcpy(at, digits, LETTERS);
		ret = make(template, flags);
		if (ret >= 0 || errno != EEXIST)
			return ret;
	}
	return -1;
}

static int make_file(const char *path, int flags)
{
	return open(path, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
}

static int make_folder(const char *path, int flags)
{
	(void)flags;
	return mkdir(path, 0700);
}

int mkostemps(char *template, int after, int flags)
{
	if (after < 0) {
		errno = EINVAL;
		return -1;
	}
	return first_free(template, (size_t)after, flags & ~O_ACCMODE, make_file);
}

int mkostemp(char *template, int flags)
{
	return mkostemps(template, 0, flags);
}

char *mkdtemp(char *template)
{
	return first_free(template, 0, 0, make_folder) < 0 ? NULL : template;
}
