/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports: what the core states of a confidential VM, to whoever asks the guest for it,
 * and how the guest asks (docs/report.md).
 *
 * The call: VMMCALL at any CPL, EAX = HG_REPORT_CALL | enum hg_report_nr. HG_REPORT_BLOCK bytes
 * travel in RBX, RCX, RDX, RSI, RDI, R8, R9, R10, little-endian, in this order. RAX is
 * the answer: a value or an enum hg_status. A refusal changes nothing but RAX.
 */
#ifndef HG_CORE_REPORT_H
#define HG_CORE_REPORT_H

#include "types.h"

struct hg_domain;
struct hg_vcpu;

#define HG_REPORT_CALL		0x48475200U	/* "HGR" */
#define HG_REPORT_CALL_MASK	0xffffff00U
#define HG_REPORT_BLOCK		64U

enum hg_report_nr {
	HG_REPORT_ASK,		/* the bytes are report_data -> size of the report */
	HG_REPORT_READ,		/* RBX: offset -> 0, and the bytes from there */
};

enum hg_report_algorithm {
	HG_REPORT_P256 = 1,	/* ECDSA on P-256, SHA-256 */
	HG_REPORT_P384,		/* ECDSA on P-384, SHA-384 */
	HG_REPORT_SM2,		/* SM2, SM3 */
};

#define HG_REPORT_DEVELOPMENT	1U	/* no TPM stands behind the key */

#define HG_REPORT_MAGIC		0x50524748U	/* "HGRP" */
#define HG_REPORT_VERSION	1
#define HG_REPORT_SHA256	1U
#define HG_REPORT_LEVEL_L0	1U
#define HG_REPORT_LEVEL_NESTED	2U

/* The part that is signed; little-endian, without padding. The signature, r || s, follows. */
struct hg_report {
	u32 magic;
	u16 version;
	u16 size;
	u32 algorithm;
	u32 flags;
	u64 cvm_id;
	u32 policy;
	u32 vcpus;
	u32 level;
	u32 digest_algorithm;
	u8 launch_digest[64];
	u8 report_data[HG_REPORT_BLOCK];
	u8 boot_id[32];
	u8 l0_version[32];
	u8 key_id[32];
	u32 devices;
	u32 reserved;
	u8 devices_digest[32];
};
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, algorithm) == 8);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, cvm_id) == 16);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, policy) == 24);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, launch_digest) == 40);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, report_data) == 104);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, boot_id) == 168);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, l0_version) == 200);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, key_id) == 232);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, devices) == 264);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report, devices_digest) == 272);
HG_STATIC_ASSERT(sizeof(struct hg_report) == 304);

#define HG_REPORT_SIGNATURE	96	/* at most */

/* What the core is told of the key that the port signs with; the key itself it never sees. */
struct hg_report_key {
	u32 algorithm;		/* enum hg_report_algorithm; 0: there is none */
	u32 flags;		/* HG_REPORT_DEVELOPMENT */
	u8 boot_id[32];
	u8 l0_version[32];
	u8 key_id[32];
};

/*
 * A CVM may ask for one report in HG_REPORT_TICKS of the machine's own counter (some
 * 30 ms), and for HG_REPORT_BURST at once if it has been quiet: signing is a thousand times as
 * dear as the call.
 */
#define HG_REPORT_TICKS		HG_BIT(26)
#define HG_REPORT_BURST		16

enum hg_report_state {
	HG_REPORT_NONE,
	HG_REPORT_WAITS,	/* for the port */
	HG_REPORT_ANSWERED,	/* by the port; the guest's call has not ended yet */
	HG_REPORT_READY,	/* for the guest to read */
};

/* A vCPU's own. */
struct hg_report_buffer {
	u32 state;		/* enum hg_report_state */
	u32 size;		/* READY: of report and signature */
	s64 answer;		/* ANSWERED: bytes of the signature, or a status */
	struct hg_report report;
	u8 signature[HG_REPORT_SIGNATURE];
};
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_report_buffer, signature) ==
		 HG_OFFSETOF(struct hg_report_buffer, report) + sizeof(struct hg_report));

/*
 * is_call	does a confidential guest's VMMCALL ask for a report?
 * call		carry it out: -1, or HG_EXIT_REPORT with RIP still on the VMMCALL
 * sign		have the port sign what waits; the vCPU is claimed. May sleep
 * new_life	the CVM starts, or starts anew: it gets an id that none has had; it is locked
 */
bool hg_report_is_call(const struct hg_vcpu *vcpu);
int hg_report_call(struct hg_vcpu *vcpu, u32 length);
void hg_report_sign(struct hg_vcpu *vcpu);
void hg_report_new_life(struct hg_domain *domain);

#endif /* HG_CORE_REPORT_H */
