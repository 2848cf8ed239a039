// SPDX-License-Identifier: Apache-2.0
/*
 * CPU virtualization. AMD (and Hygon): APM volume 2, 15.4 and appendix E of
 * volume 3. Intel (and Zhaoxin): SDM volume 3, 24.6 and appendix A.
 */
#include "doctor.h"

#include <string.h>

#define GROUP "CPU"

#define MSR_FEATURE_CONTROL	0x3a		/* Intel */
#define MSR_VMX_PROCBASED_CTLS	0x482
#define MSR_VMX_PROCBASED_CTLS2	0x48b
#define MSR_VM_CR		0xc0010114	/* AMD */

#define BIT(n) (1ULL << (n))

enum vendor { VENDOR_SVM, VENDOR_VMX, VENDOR_OTHER };

static enum vendor vendor_of(const struct machine *m, char name[13])
{
	static const struct {
		const char *name;
		enum vendor vendor;
	} known[] = {
		{ "AuthenticAMD", VENDOR_SVM }, { "HygonGenuine", VENDOR_SVM },
		{ "GenuineIntel", VENDOR_VMX }, { "CentaurHauls", VENDOR_VMX },
		{ "  Shanghai  ", VENDOR_VMX },
	};
	struct cpuid c = machine_cpuid(m, 0, 0);

	memcpy(name, &c.ebx, 4);
	memcpy(name + 4, &c.edx, 4);
	memcpy(name + 8, &c.ecx, 4);
	name[12] = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].vendor;
	return VENDOR_OTHER;
}

/* The remedy for a CPU feature that does not show. */
static void remedy_absent(const struct machine *m, struct report *r, const char *bare)
{
	if (machine_is_virtual(m))
		report_remedy(r, "this is a virtual machine: let its hypervisor offer nested "
				 "virtualization (QEMU: -cpu host, or -cpu max under TCG)");
	else
		report_remedy(r, "%s", bare);
}

static void svm_switch(const struct machine *m, struct report *r)
{
	struct check f = { GROUP, "cpu.firmware", "firmware switch", LEVEL_OK, REQUIRED };
	uint64_t vm_cr;
	int err = machine_rdmsr(m, MSR_VM_CR, &vm_cr);

	if (err) {
		f.level = LEVEL_WARN;
		report_add(r, f, "unknown: cannot read MSR VM_CR (%s)", strerror(-err));
		report_remedy(r, "as root: modprobe msr; hgctl doctor");
	} else if (vm_cr & BIT(4)) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "SVM is disabled (VM_CR.SVMDIS%s)",
			   vm_cr & BIT(3) ? ", locked" : "");
		report_remedy(r,
			      "enable SVM (also \"AMD-V\") in the firmware setup");
	} else {
		report_add(r, f, "SVM is not disabled");
	}
}

/* What makes exits cheaper; the module does without (it decodes in software). */
static void svm_assists(const struct machine *m, struct report *r)
{
	static const struct {
		const char *id, *title;
		unsigned int bit;
		const char *without;
	} assist[] = {
		{ "cpu.nrips", "next-RIP save", 3, "instruction lengths are decoded in software" },
		{ "cpu.decode", "decode assists", 7,
		  "instructions are decoded in software" },
		{ "cpu.flush-by-asid", "flush by ASID", 6, "a TLB flush takes a fresh ASID" },
		{ "cpu.vmcb-clean", "VMCB clean bits", 5, "each entry loads the whole VMCB" },
	};
	uint32_t edx = machine_cpuid(m, 0x8000000a, 0).edx;

	for (size_t i = 0; i < sizeof(assist) / sizeof(assist[0]); i++) {
		bool has = edx & BIT(assist[i].bit);
		struct check f = { GROUP, assist[i].id, assist[i].title,
				     has ? LEVEL_OK : LEVEL_WARN, OPTIONAL };

		report_add(r, f, "%s%s", has ? "yes" : "no: ", has ? "" : assist[i].without);
	}
}

static void check_svm(const struct machine *m, struct report *r, const char *vendor)
{
	bool svm = machine_cpuid(m, 0x80000001, 0).ecx & BIT(2);
	struct cpuid c = machine_cpuid(m, 0x8000000a, 0);
	struct check f = { GROUP, "cpu.virt", "virtualization",
			     svm ? LEVEL_OK : LEVEL_MISSING, REQUIRED };

	if (!svm) {
		report_add(r, f, "%s without SVM", vendor);
		remedy_absent(m, r, "this CPU cannot run hypergpu.ko");
		return;
	}
	report_add(r, f, "SVM revision %u, %u ASIDs (%s)", c.eax & 0xff, c.ebx, vendor);
	svm_switch(m, r);

	f = (struct check){ GROUP, "cpu.npt", "nested paging",
			      c.edx & BIT(0) ? LEVEL_OK : LEVEL_MISSING, REQUIRED };
	report_add(r, f, c.edx & BIT(0) ? "NPT" : "no NPT");
	if (f.level != LEVEL_OK)
		remedy_absent(m, r, "this CPU cannot run hypergpu.ko");
	svm_assists(m, r);
}

static void vmx_switch(const struct machine *m, struct report *r)
{
	struct check f = { GROUP, "cpu.firmware", "firmware switch", LEVEL_OK, REQUIRED };
	uint64_t control;
	int err = machine_rdmsr(m, MSR_FEATURE_CONTROL, &control);

	if (err) {
		f.level = LEVEL_WARN;
		report_add(r, f, "unknown: cannot read MSR IA32_FEATURE_CONTROL (%s)",
			   strerror(-err));
		report_remedy(r, "as root: modprobe msr; hgctl doctor");
	} else if ((control & BIT(0)) && !(control & BIT(2))) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "VMX is disabled and locked");
		report_remedy(r,
			      "enable VT-x (\"Intel Virtualization\") in the firmware setup");
	} else {
		report_add(r, f, "VMX is not disabled");
	}
}

static void check_ept(const struct machine *m, struct report *r)
{
	struct check f = { GROUP, "cpu.npt", "nested paging", LEVEL_OK, REQUIRED };
	uint64_t ctls, ctls2;
	int err = machine_rdmsr(m, MSR_VMX_PROCBASED_CTLS, &ctls);

	/* The high half tells what may be 1. Bit 31 says that the second
	 * register exists; there, bit 1 is EPT and bit 7 unrestricted guest.
	 */
	if (!err && (ctls & BIT(63)))
		err = machine_rdmsr(m, MSR_VMX_PROCBASED_CTLS2, &ctls2);
	else if (!err)
		ctls2 = 0;
	if (err) {
		f.level = LEVEL_WARN;
		report_add(r, f, "unknown: cannot read the VMX capability MSRs (%s)",
			   strerror(-err));
		report_remedy(r, "as root: modprobe msr; hgctl doctor");
	} else if (ctls2 & BIT(33)) {
		report_add(r, f, "EPT%s", ctls2 & BIT(39) ? ", unrestricted guest" : "");
	} else {
		f.level = LEVEL_MISSING;
		report_add(r, f, "no EPT");
		remedy_absent(m, r, "this CPU cannot run hypergpu.ko");
	}
}

static void check_vmx(const struct machine *m, struct report *r, const char *vendor)
{
	bool vmx = machine_cpuid(m, 1, 0).ecx & BIT(5);
	struct check f = { GROUP, "cpu.virt", "virtualization", LEVEL_MISSING, REQUIRED };

	if (!vmx) {
		report_add(r, f, "%s without VMX", vendor);
		remedy_absent(m, r, "this CPU cannot run hypergpu.ko");
		return;
	}
	report_add(r, f, "VMX (%s), for which this version of hypergpu.ko has no back end", vendor);
	report_remedy(r, "use a CPU with AMD SVM, or the bench: tools/hgbench run");
	vmx_switch(m, r);
	check_ept(m, r);
}

/* What the module wants of any CPU: it saves guests' state with XSAVE. */
static void check_common(const struct machine *m, struct report *r)
{
	bool xsave = machine_cpuid(m, 1, 0).ecx & BIT(26);
	bool nx = machine_cpuid(m, 0x80000001, 0).edx & BIT(20);
	struct check f = { GROUP, "cpu.common", "XSAVE and NX",
			   xsave && nx ? LEVEL_OK : LEVEL_MISSING, REQUIRED };

	report_add(r, f, "%s", !xsave ? "no XSAVE" : !nx ? "no NX" : "yes");
	if (f.level != LEVEL_OK)
		report_remedy(r, "choose a CPU model that has them; NX may be off in the firmware");
}

void check_cpu(const struct machine *m, struct report *r)
{
	struct check f = { GROUP, "cpu.virt", "virtualization", LEVEL_MISSING, REQUIRED };
	char vendor[13];

	switch (vendor_of(m, vendor)) {
	case VENDOR_SVM:
		check_svm(m, r, vendor);
		check_common(m, r);
		break;
	case VENDOR_VMX:
		check_vmx(m, r, vendor);
		check_common(m, r);
		break;
	case VENDOR_OTHER:
		report_add(r, f, "unknown CPU vendor \"%s\"", vendor);
		report_remedy(r, "HyperGPU knows AMD, Hygon, Intel and Zhaoxin");
		break;
	}
}
