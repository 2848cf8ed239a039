// SPDX-License-Identifier: Apache-2.0
/* The guest's first state: registers, descriptor and page tables. */
#include "hgt.h"

extern const uint8_t hgt_stubs[], hgt_stubs_end[];

#define PTE_P	0x1
#define PTE_W	0x2
#define PTE_U	0x4
#define PTE_PS	0x80

#define CR0_PE	0x1
#define CR0_MP	0x2
#define CR0_ET	0x10
#define CR0_NE	0x20
#define CR0_PG	0x80000000u
#define CR4_PAE	0x20
#define CR4_OSFXSR	0x200
#define CR4_OSXMMEXCPT	0x400
#define EFER_SCE	0x1
#define EFER_LME	0x100
#define EFER_LMA	0x400

static void build_gdt(struct hgt_vm *vm)
{
	uint64_t *gdt = hgt_ptr(vm, HGT_GDT, 0x50);

	memset(gdt, 0, 0x50);
	gdt[HGT_CS64 / 8] = 0x00af9b000000ffffull;
	gdt[HGT_DS / 8] = 0x00cf93000000ffffull;
	gdt[HGT_CS32 / 8] = 0x00cf9b000000ffffull;
	/* An available 64-bit TSS of 0x68 bytes (AMD APM 2, 4.8.3). */
	gdt[HGT_TR / 8] = 0x0000890000000067ull | ((uint64_t)HGT_TSS << 16);
	gdt[HGT_UCS32 / 8] = 0x00cffb000000ffffull;
	gdt[HGT_UDS / 8] = 0x00cff3000000ffffull;
	gdt[HGT_UCS64 / 8] = 0x00affb000000ffffull;
}

static void build_idt(struct hgt_vm *vm)
{
	uint64_t *idt = hgt_ptr(vm, HGT_IDT, 4096);
	unsigned int v;

	hgt_copy_in(vm, HGT_STUBS, hgt_stubs, (size_t)(hgt_stubs_end - hgt_stubs));
	for (v = 0; v < 256; v++) {
		uint64_t stub = HGT_STUBS + v * 16;

		/* 64-bit interrupt gate, DPL 0 (AMD APM 2, 4.8.4). */
		idt[2 * v] = (stub & 0xffff) | (HGT_CS64 << 16) |
			     0x8e0000000000ull | (stub >> 16) << 48;
		idt[2 * v + 1] = 0;
	}
}

static void build_page_tables(struct hgt_vm *vm)
{
	uint64_t *pml4 = hgt_ptr(vm, HGT_PML4, 4096);
	uint64_t *pdpt = hgt_ptr(vm, HGT_PDPT, 4096);
	uint64_t *pd = hgt_ptr(vm, HGT_PD, 4 * 4096);
	uint64_t *pt = hgt_ptr(vm, HGT_PT, 4096);
	uint64_t i, all = PTE_P | PTE_W | PTE_U;

	pml4[0] = HGT_PDPT | all;
	for (i = 0; i < 4; i++)
		pdpt[i] = (HGT_PD + i * 4096) | all;
	for (i = 0; i < 2048; i++)
		pd[i] = i << 21 | PTE_PS | all;
	pd[0] = HGT_PT | all;
	for (i = 0; i < 512; i++)
		pt[i] = i << 12 | all;
}

static void flat(struct kvm_segment *s, uint16_t sel, uint8_t type)
{
	memset(s, 0, sizeof(*s));
	s->selector = sel;
	s->limit = 0xffffffff;
	s->type = type;
	s->present = 1;
	s->s = 1;
	s->db = 1;
	s->g = 1;
}

static void flat_data(struct kvm_sregs *s)
{
	flat(&s->ds, HGT_DS, 3);
	s->es = s->fs = s->gs = s->ss = s->ds;
}

static void task_register(struct hgt_vm *vm, struct kvm_sregs *s)
{
	uint64_t *rsp0 = hgt_ptr(vm, HGT_TSS + 4, 8);
	uint16_t *iomap = hgt_ptr(vm, HGT_TSS + 0x66, 2);

	*rsp0 = HGT_STACKS + 0x1000;
	*iomap = 0x68;
	memset(&s->tr, 0, sizeof(s->tr));
	s->tr.selector = HGT_TR;
	s->tr.base = HGT_TSS;
	s->tr.limit = 0x67;
	s->tr.type = 11;
	s->tr.present = 1;
}

static void first_regs(struct hgt_vcpu *vcpu, uint64_t rip)
{
	struct kvm_regs r = {
		.rip = rip,
		.rsp = HGT_STACKS + (vcpu->id % 32 + 1) * 0x1000,
		.rflags = 2,
	};

	hgt_set_regs(vcpu, &r);
}

static void real_segment(struct kvm_segment *s, uint16_t sel, uint8_t type)
{
	memset(s, 0, sizeof(*s));
	s->selector = sel;
	s->base = (uint64_t)sel << 4;
	s->limit = 0xffff;
	s->type = type;
	s->present = 1;
	s->s = 1;
}

void hgt_mode_real(struct hgt_vcpu *vcpu)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = 0, .rsp = 0xfff0, .rflags = 2 };

	hgt_get_sregs(vcpu, &s);
	s.cr0 = CR0_ET;
	s.cr3 = 0;
	s.cr4 = 0;
	s.efer = 0;
	real_segment(&s.cs, HGT_CODE >> 4, 11);
	real_segment(&s.ss, HGT_STACKS >> 4, 3);
	real_segment(&s.ds, 0, 3);
	s.es = s.fs = s.gs = s.ds;
	s.idt.base = 0;
	s.idt.limit = 0xffff;
	hgt_set_sregs(vcpu, &s);
	hgt_set_regs(vcpu, &r);
}

void hgt_mode_prot(struct hgt_vcpu *vcpu)
{
	struct kvm_sregs s;

	build_gdt(vcpu->vm);
	hgt_get_sregs(vcpu, &s);
	flat_data(&s);
	flat(&s.cs, HGT_CS32, 11);
	s.gdt.base = HGT_GDT;
	s.gdt.limit = 0x4f;
	s.idt.base = 0;
	s.idt.limit = 0;
	s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE;
	s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	hgt_set_sregs(vcpu, &s);
	first_regs(vcpu, HGT_CODE);
}

void hgt_mode_long(struct hgt_vcpu *vcpu)
{
	struct kvm_sregs s;

	build_gdt(vcpu->vm);
	build_idt(vcpu->vm);
	build_page_tables(vcpu->vm);
	hgt_get_sregs(vcpu, &s);
	flat_data(&s);
	flat(&s.cs, HGT_CS64, 11);
	s.cs.db = 0;
	s.cs.l = 1;
	task_register(vcpu->vm, &s);
	s.gdt.base = HGT_GDT;
	s.gdt.limit = 0x4f;
	s.idt.base = HGT_IDT;
	s.idt.limit = 0xfff;
	s.cr0 = CR0_PG | CR0_PE | CR0_MP | CR0_ET | CR0_NE;
	s.cr3 = HGT_PML4;
	s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s.efer = EFER_LME | EFER_LMA | EFER_SCE;
	hgt_set_sregs(vcpu, &s);
	first_regs(vcpu, HGT_CODE);
}
