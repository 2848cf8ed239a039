// SPDX-License-Identifier: Apache-2.0
/*
 * PVH boot of an ELF kernel: entered in 32-bit flat mode at the address in its
 * XEN_ELFNOTE_PHYS32_ENTRY note, EBX pointing at a start_info block (Xen
 * documentation, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h).
 */
#include <elf.h>
#include <errno.h>

#include "boot.h"
#include "util.h"

#define NOTE_PHYS32_ENTRY	18
#define START_MAGIC		0x336ec578u

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct start_module {
	uint64_t paddr, size, cmdline, reserved;
};

struct start_memmap {
	uint64_t addr, size;
	uint32_t type, reserved;
};

struct start_page {
	struct start_info info;
	struct start_module module;
	struct start_memmap map[BOOT_RANGES_MAX];
};

/* True when [off, off + len) lies inside the image. */
static bool inside(const struct image *k, uint64_t off, uint64_t len)
{
	return off <= k->size && len <= k->size - off;
}

/* Look for the entry note in one PT_NOTE segment. 0 when it is not there. */
static uint64_t find_entry(const struct image *k, uint64_t off, uint64_t len)
{
	while (len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		uint64_t name, desc, total;

		memcpy(&n, k->data + off, sizeof(n));
		name = align_up(n.n_namesz, 4);
		desc = align_up(n.n_descsz, 4);
		total = sizeof(n) + name + desc;
		if (total > len)
			return 0;
		if (n.n_type == NOTE_PHYS32_ENTRY && n.n_namesz == 4 && n.n_descsz >= 4 &&
		    !memcmp(k->data + off + sizeof(n), "Xen", 4))
			return get_le32(k->data + off + sizeof(n) + name);
		off += total;
		len -= total;
	}
	return 0;
}

static int load_segment(const struct guest_mem *mem, const struct image *k,
			const Elf64_Phdr *ph, uint64_t *end)
{
	uint8_t *dst;

	if (!ph->p_memsz)
		return 0;
	if (ph->p_filesz > ph->p_memsz || !inside(k, ph->p_offset, ph->p_filesz)) {
		hg_err("the ELF kernel has a damaged program header");
		return -EINVAL;
	}
	dst = ph->p_paddr < BOOT_HIGH ? NULL : guest_ptr(mem, ph->p_paddr, ph->p_memsz);
	if (!dst) {
		hg_err("an ELF segment at 0x%llx (%llu KiB) does not fit; raise --mem",
		       (unsigned long long)ph->p_paddr, (unsigned long long)(ph->p_memsz >> 10));
		return -E2BIG;
	}
	memcpy(dst, k->data + ph->p_offset, ph->p_filesz);
	memset(dst + ph->p_filesz, 0, ph->p_memsz - ph->p_filesz);
	if (ph->p_paddr + ph->p_memsz > *end)
		*end = ph->p_paddr + ph->p_memsz;
	return 0;
}

static int load_segments(const struct guest_mem *mem, const struct image *k,
			 uint64_t *entry, uint64_t *end)
{
	Elf64_Ehdr eh;
	unsigned int i;
	int ret;

	if (k->size < sizeof(eh))
		return -EINVAL;
	memcpy(&eh, k->data, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64 ||
	    eh.e_phentsize != sizeof(Elf64_Phdr) ||
	    !inside(k, eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr))) {
		hg_err("the ELF kernel is not a whole 64-bit x86 file");
		return -ENOEXEC;
	}
	for (i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, k->data + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		ret = 0;
		if (ph.p_type == PT_LOAD)
			ret = load_segment(mem, k, &ph, end);
		else if (ph.p_type == PT_NOTE && !*entry && inside(k, ph.p_offset, ph.p_filesz))
			*entry = find_entry(k, ph.p_offset, ph.p_filesz);
		if (ret)
			return ret;
	}
	return 0;
}

static int fill_start_page(const struct guest_mem *mem, const struct boot_source *src,
			   uint64_t initrd)
{
	struct start_page *sp = guest_ptr(mem, BOOT_PVH_INFO, sizeof(*sp));
	struct boot_range map[BOOT_RANGES_MAX];
	unsigned int n = boot_memory_map(mem, map), i;

	if (!sp)
		return -E2BIG;
	memset(sp, 0, sizeof(*sp));
	sp->info = (struct start_info){
		.magic = START_MAGIC, .version = 1, .cmdline = BOOT_CMDLINE, .rsdp = src->rsdp,
		.memmap = BOOT_PVH_INFO + offsetof(struct start_page, map), .memmap_entries = n,
	};
	if (src->initrd->data) {
		sp->info.nr_modules = 1;
		sp->info.modlist = BOOT_PVH_INFO + offsetof(struct start_page, module);
		sp->module = (struct start_module){ .paddr = initrd, .size = src->initrd->size };
	}
	for (i = 0; i < n; i++)
		sp->map[i] = (struct start_memmap){ map[i].base, map[i].size, map[i].type, 0 };
	return 0;
}

int boot_load_elf(const struct guest_mem *mem, const struct boot_source *src,
		  struct boot_entry *entry)
{
	uint64_t rip = 0, end = BOOT_HIGH, initrd = 0;
	int ret = load_segments(mem, src->kernel, &rip, &end);

	if (ret)
		return ret;
	if (!rip) {
		hg_err("the ELF kernel has no PVH entry note; build it with CONFIG_PVH=y or "
		       "use its bzImage");
		return -ENOEXEC;
	}
	ret = boot_place_cmdline(mem, src->cmdline, BOOT_CMDLINE_MAX);
	if (!ret && src->initrd->data)
		ret = boot_place_initrd(mem, src->initrd, end, MEM_LOW_LIMIT, &initrd);
	if (!ret)
		ret = fill_start_page(mem, src, initrd);
	if (ret)
		return ret;
	*entry = (struct boot_entry){
		.mode = BOOT_PVH32, .rip = rip, .arg = BOOT_PVH_INFO, .gdt = BOOT_GDT,
	};
	return 0;
}
