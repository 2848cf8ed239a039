// SPDX-License-Identifier: Apache-2.0
/* What an ELF program says about where its libraries are. Each part is read once. */
#include "hgrun.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 128
#define ENTRIES_MAX  512

struct image {
	int fd;
	unsigned int count;
	Elf64_Phdr segments[SEGMENTS_MAX];
};

static int read_at(int fd, void *to, size_t size, uint64_t at)
{
	if (at > (uint64_t)INT64_MAX - size)
		return -1;
	return pread(fd, to, size, (off_t)at) == (ssize_t)size ? 0 : -1;
}

static const Elf64_Phdr *find_segment(const struct image *m, uint32_t type)
{
	unsigned int i;

	for (i = 0; i < m->count; i++)
		if (m->segments[i].p_type == type)
			return &m->segments[i];
	return NULL;
}

static int read_segments(struct image *m)
{
	Elf64_Ehdr e;

	if (read_at(m->fd, &e, sizeof(e), 0) || e.e_phentsize != sizeof(Elf64_Phdr) ||
	    e.e_phnum > SEGMENTS_MAX)
		return -1;
	m->count = e.e_phnum;
	return read_at(m->fd, m->segments, m->count * sizeof(Elf64_Phdr), e.e_phoff);
}

/* A string of at most @room bytes with its end. */
static int read_string(const struct image *m, uint64_t at, size_t room, char to[PATH_MAX])
{
	ssize_t n;

	if (room > PATH_MAX)
		room = PATH_MAX;
	if (at > (uint64_t)INT64_MAX - room)
		return -1;
	n = pread(m->fd, to, room, (off_t)at);
	return n > 0 && memchr(to, 0, (size_t)n) ? 0 : -1;
}

/* Where in the file what the program has at @address is, and how much follows it there. */
static int file_offset(const struct image *m, uint64_t address, uint64_t *at, uint64_t *room)
{
	unsigned int i;

	for (i = 0; i < m->count; i++) {
		const Elf64_Phdr *p = &m->segments[i];

		if (p->p_type != PT_LOAD || address < p->p_vaddr ||
		    address - p->p_vaddr >= p->p_filesz)
			continue;
		*room = p->p_filesz - (address - p->p_vaddr);
		return __builtin_add_overflow(p->p_offset, address - p->p_vaddr, at) ? -1 : 0;
	}
	return -1;
}

static int read_rpath(const struct image *m, const Elf64_Phdr *dynamic, char to[PATH_MAX])
{
	Elf64_Dyn entries[ENTRIES_MAX];
	uint64_t strings = 0, rpath = 0, at, room, i, count = dynamic->p_filesz / sizeof(*entries);
	bool has = false;

	if (count > ENTRIES_MAX ||
	    read_at(m->fd, entries, count * sizeof(*entries), dynamic->p_offset))
		return -1;
	for (i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
		if (entries[i].d_tag == DT_STRTAB)
			strings = entries[i].d_un.d_ptr;
		if (entries[i].d_tag == DT_RPATH) {
			rpath = entries[i].d_un.d_val;
			has = true;
		}
	}
	if (!has)
		return 0;
	if (__builtin_add_overflow(strings, rpath, &at) || file_offset(m, at, &at, &room))
		return -1;
	return read_string(m, at, room, to);
}

int elf_read(int fd, struct program_elf *elf)
{
	struct image m = { .fd = fd };
	const Elf64_Phdr *p;

	elf->interpreter[0] = elf->rpath[0] = '\0';
	if (read_segments(&m))
		return -1;
	p = find_segment(&m, PT_INTERP);
	if (p && read_string(&m, p->p_offset, p->p_filesz, elf->interpreter))
		return -1;
	p = find_segment(&m, PT_DYNAMIC);
	return p ? read_rpath(&m, p, elf->rpath) : 0;
}
