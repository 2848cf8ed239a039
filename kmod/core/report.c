// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports on confidential VMs: what the guest asks for, and the port signs (report.h).
 *
 * The guest's call takes two entries. The first builds the report in the vCPU's own
 * memory and leaves the guest with HG_EXIT_REPORT, RIP still on the VMMCALL: to sign takes
 * milliseconds and may sleep, and here interrupts are off. Then hg_core_sign() asks the port.
 * The guest is entered again, makes the same call again, and is answered. If an interrupt comes
 * first, and its handler asks for another report on this vCPU, the first call begins anew.
 */
#include "core.h"
#include "arch.h"

/* The registers that carry data, in order. */
static const u8 carrier[HG_REPORT_BLOCK / 8] = {
	HG_RBX, HG_RCX, HG_RDX, HG_RSI, HG_RDI, HG_R8, HG_R9, HG_R10,
};

/* The last offset that any report has something at, as a mask. */
#define READ_MOST	(HG_MASK(8, 0) & ~(u64)(HG_REPORT_BLOCK - 1))
HG_STATIC_ASSERT(sizeof(struct hg_report) + HG_REPORT_SIGNATURE <= 512);

bool hg_report_is_call(const struct hg_vcpu *vcpu)
{
	return ((u32)vcpu->gpr[HG_RAX] & HG_REPORT_CALL_MASK) == HG_REPORT_CALL;
}

void hg_report_new_life(struct hg_domain *domain)
{
	domain->cvm.id = __atomic_add_fetch(&hg_core.cvm_ids, 1, __ATOMIC_RELAXED);
}

s64 hg_core_report_key(const struct hg_report_key *key)
{
	struct hg_report_key copy;

	if (!hg_core.backend)
		return HG_E_STATE;
	if (!key) {
		memset(&hg_core.report_key, 0, sizeof(hg_core.report_key));
		return HG_OK;
	}
	if (hg_core.report_key.algorithm)
		return HG_E_EXISTS;
	if (key->algorithm < HG_REPORT_P256 || key->algorithm > HG_REPORT_SM2)
		return HG_E_ARG;
	if (key->flags & ~HG_REPORT_DEVELOPMENT)
		return HG_E_FLAGS;
	/* A CVM may run already: it finds an algorithm once all else is there. */
	copy = *key;
	copy.algorithm = 0;
	hg_core.report_key = copy;
	__atomic_store_n(&hg_core.report_key.algorithm, key->algorithm, __ATOMIC_RELEASE);
	return HG_OK;
}

static u32 signature_size(u32 algorithm)
{
	return algorithm == HG_REPORT_P384 ? 96 : 64;
}

/*
 * May the CVM have a report now? Each pushes @report_due on by HG_REPORT_TICKS. Time is the
 * machine's counter, which no guest and no VMM sets; if it was set back (by a suspend), the
 * account begins anew. The domain is locked.
 */
static bool take_turn(struct hg_cvm *cvm)
{
	u64 now = hg_arch_rdtsc(), ahead = cvm->report_due - now;

	if ((s64)ahead < 0 || ahead > HG_REPORT_BURST * HG_REPORT_TICKS) {
		cvm->report_due = now;
		ahead = 0;
	}
	if (ahead > (HG_REPORT_BURST - 1) * HG_REPORT_TICKS)
		return false;
	cvm->report_due += HG_REPORT_TICKS;
	return true;
}

static void fill(struct hg_report *report, const struct hg_domain *domain, const u64 *data)
{
	const struct hg_report_key *key = &hg_core.report_key;
	const struct hg_cvm *cvm = &domain->cvm;

	memset(report, 0, sizeof(*report));
	report->magic = HG_REPORT_MAGIC;
	report->version = HG_REPORT_VERSION;
	report->size = sizeof(*report);
	report->algorithm = key->algorithm;
	report->flags = key->flags;
	report->cvm_id = cvm->id;
	report->policy = cvm->policy;
	report->vcpus = cvm->digest.vcpus;
	report->level = domain->parent ? HG_REPORT_LEVEL_NESTED : HG_REPORT_LEVEL_L0;
	report->digest_algorithm = HG_REPORT_SHA256;
	memcpy(report->launch_digest, cvm->launch, sizeof(cvm->launch));
	memcpy(report->report_data, data, sizeof(report->report_data));
	memcpy(report->boot_id, key->boot_id, sizeof(report->boot_id));
	memcpy(report->l0_version, key->l0_version, sizeof(report->l0_version));
	memcpy(report->key_id, key->key_id, sizeof(report->key_id));
}

/* HG_OK: it waits to be signed. */
static s64 begin(struct hg_vcpu *vcpu, const u64 *data)
{
	struct hg_domain *domain = vcpu->domain;
	s64 status = HG_OK;

	if (!__atomic_load_n(&hg_core.report_key.algorithm, __ATOMIC_ACQUIRE))
		return HG_E_UNSUPPORTED;
	hg_domain_lock(domain);
	if (domain->state != HG_DOMAIN_LIVE || domain->cvm.state != HG_CVM_RUNNING)
		status = HG_E_STATE;
	else if (!take_turn(&domain->cvm))
		status = HG_E_BUSY;
	else
		fill(&vcpu->report.report, domain, data);
	hg_domain_leave(domain);
	if (!status)
		vcpu->report.state = HG_REPORT_WAITS;
	return status;
}

/* Is what waits, or was just answered, what this call asks for? */
static bool same(const struct hg_report_buffer *buffer, const u64 *data)
{
	const u8 *want = (const u8 *)data;
	u32 i;

	if (buffer->state != HG_REPORT_WAITS && buffer->state != HG_REPORT_ANSWERED)
		return false;
	for (i = 0; i < HG_REPORT_BLOCK; i++)
		if (buffer->report.report_data[i] != want[i])
			return false;
	return true;
}

/* What the port said becomes the call's answer. */
static s64 finish(struct hg_report_buffer *buffer)
{
	if (buffer->answer < 0) {
		buffer->state = HG_REPORT_NONE;
		return buffer->answer;
	}
	buffer->size = (u32)(sizeof(buffer->report) + (u64)buffer->answer);
	buffer->state = HG_REPORT_READY;
	return buffer->size;
}

static int answer(struct hg_vcpu *vcpu, u32 length, s64 value)
{
	vcpu->gpr[HG_RAX] = (u64)value;
	hg_core.backend->vcpu_skip(vcpu, length);
	return -1;
}

static int ask(struct hg_vcpu *vcpu, u32 length)
{
	struct hg_report_buffer *buffer = &vcpu->report;
	u64 data[HG_ARRAY_SIZE(carrier)];
	s64 status;
	u32 i;

	for (i = 0; i < HG_ARRAY_SIZE(carrier); i++)
		data[i] = vcpu->gpr[carrier[i]];
	if (!same(buffer, data)) {
		status = begin(vcpu, data);
		if (status)
			return answer(vcpu, length, status);
	}
	if (buffer->state == HG_REPORT_WAITS)
		return HG_EXIT_REPORT;
	return answer(vcpu, length, finish(buffer));
}

static int read(struct hg_vcpu *vcpu, u32 length)
{
	const struct hg_report_buffer *buffer = &vcpu->report;
	u64 offset = vcpu->gpr[HG_RBX], data[HG_ARRAY_SIZE(carrier)] = { 0 }, left;
	u32 i;

	if (buffer->state != HG_REPORT_READY)
		return answer(vcpu, length, HG_E_ABSENT);
	if (offset % HG_REPORT_BLOCK)
		return answer(vcpu, length, HG_E_ALIGN);
	if (offset >= buffer->size)
		return answer(vcpu, length, HG_E_RANGE);
	/* The same where the CPU runs ahead of the check: what lies there is this vCPU's own. */
	offset &= READ_MOST;
	left = buffer->size - offset;
	memcpy(data, (const u8 *)&buffer->report + offset,
	       left < HG_REPORT_BLOCK ? left : HG_REPORT_BLOCK);
	for (i = 0; i < HG_ARRAY_SIZE(carrier); i++)
		vcpu->gpr[carrier[i]] = data[i];
	return answer(vcpu, length, HG_OK);
}

int hg_report_call(struct hg_vcpu *vcpu, u32 length)
{
	switch ((u32)vcpu->gpr[HG_RAX] & ~HG_REPORT_CALL_MASK) {
	case HG_REPORT_ASK:
		return ask(vcpu, length);
	case HG_REPORT_READ:
		return read(vcpu, length);
	}
	return answer(vcpu, length, HG_E_CALL);
}

void hg_report_sign(struct hg_vcpu *vcpu)
{
	struct hg_report_buffer *buffer = &vcpu->report;
	s64 bytes;

	if (buffer->state != HG_REPORT_WAITS)
		return;
	memset(buffer->signature, 0, sizeof(buffer->signature));
	bytes = hg_port_sign(&buffer->report, sizeof(buffer->report), buffer->signature);
	/* The guest is told what report.h knows, whatever the port says. */
	if (bytes != signature_size(buffer->report.algorithm) && bytes != HG_E_BUSY)
		bytes = HG_E_UNSUPPORTED;
	if (bytes < 0)
		memset(buffer->signature, 0, sizeof(buffer->signature));
	buffer->answer = bytes;
	buffer->state = HG_REPORT_ANSWERED;
}
