/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhgattest: evidence of a HyperGPU machine, and its appraisal.
 * docs/attestation.md says what the evidence means; this header how to call.
 *
 * Conventions. A function that can fail returns 0 or -1 (a pointer: NULL) and
 * then fills @err, which may be NULL: a code that programs can tell apart and
 * one sentence for people. What is handed out belongs to the caller, who frees
 * it with the function of its name; strings that belong to an object live as
 * long as it does. Sizes are in bytes, times in seconds since 1970. Nothing
 * here is shared between threads: an object is one thread's at a time.
 */
#ifndef HG_ATTEST_H
#define HG_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum att_code {
	ATT_OK = 0,
	ATT_E_IO, /* a file cannot be read or written */
	ATT_E_FORMAT, /* bytes or JSON that are not what they should be */
	ATT_E_UNSUPPORTED, /* well-formed, but this library does not know it */
	ATT_E_CRYPTO, /* OpenSSL refused, or a signature or tag does not match */
	ATT_E_TPM, /* the TPM, or the way to it, answered with an error */
	ATT_E_REFUSED, /* a rule says no: a policy, or the order of steps */
	ATT_E_MEMORY,
};

struct att_error {
	enum att_code code;
	char text[480];
};

struct att_bytes {
	uint8_t *data;
	size_t size;
};

/* Wipes and frees what @b holds; @b itself is the caller's, and empty then. */
void att_bytes_free(struct att_bytes *b);

#define ATT_NONCE_MIN	16u /* a shorter nonce can be guessed, or repeat */
#define ATT_NONCE_MAX	64u /* as much as a TPM quotes */
#define ATT_REPORT_DATA 64u

/* ---- Evidence ---------------------------------------------------------- */

struct att_evidence;

/* At most ATT_EVIDENCE_MAX bytes of JSON. ATT_E_FORMAT, ATT_E_MEMORY. */
#define ATT_EVIDENCE_MAX (8u << 20)
struct att_evidence *att_evidence_parse(const char *text, size_t size, struct att_error *err);
/* -> JSON that the caller frees with free(); NULL without memory. */
char *att_evidence_dump(const struct att_evidence *ev);
void att_evidence_free(struct att_evidence *ev);

/* ---- Policy and reference values --------------------------------------- */

struct att_policy;

/* ATT_E_FORMAT: the message names the member. ATT_E_REFUSED: rules that defeat the purpose. */
struct att_policy *att_policy_parse(const char *text, size_t size, struct att_error *err);
/* Adds the reference values of a file of their own. @policy is unchanged after a failure. */
int att_policy_add_reference(struct att_policy *policy, const char *text, size_t size,
			     struct att_error *err);
/*
 * The same from a CoRIM; @key_pem: of who must have signed it, NULL if nobody has. ATT_E_FORMAT,
 * ATT_E_UNSUPPORTED: it has what is not understood. ATT_E_CRYPTO, ATT_E_REFUSED: the signature.
 */
int att_policy_add_corim(struct att_policy *policy, const void *data, size_t size,
			 const struct att_bytes *key_pem, struct att_error *err);
/* Does a file of reference values begin as a CoRIM does? Else it is JSON. */
bool att_is_corim(const void *data, size_t size);
/* JSON of reference values as CoRIM; signed, if there is a key, in the name of @signer. */
int att_reference_to_corim(const char *text, size_t size, const struct att_bytes *key_pem,
			   const char *signer, struct att_bytes *corim, struct att_error *err);
/* Adds the attestation key of an enrolment record. As above. */
int att_policy_add_enrolled(struct att_policy *policy, const char *text, size_t size,
			    struct att_error *err);
void att_policy_free(struct att_policy *policy);

/* What a boot is made of. Files that are not there have no data. */
struct att_boot_files {
	const char *name; /* of the boot, 32 bytes at most */
	struct att_bytes kernel; /* a PE image that UEFI starts */
	struct att_bytes initrd; /* as the kernel's EFI stub gets it by LoadFile2 */
	const char *append; /* the whole command line, as the kernel gets it; may be NULL */
	const char *firmware_name;
	struct att_bytes firmware_log; /* of a machine that one trusts, with that firmware */
};

/*
 * Computes the reference values of that boot, event by event: JSON for
 * att_policy_add_reference(). ATT_E_FORMAT: a file that is none of its kind;
 * ATT_E_MEMORY.
 */
int att_boot_reference(const struct att_boot_files *files, struct att_bytes *json,
		       struct att_error *err);

/* ---- Appraisal ---------------------------------------------------------- */

enum att_status {
	ATT_PASS,
	ATT_FAIL,
	ATT_UNCHECKED, /* what it builds on failed */
	ATT_WARN, /* passes; whoever reads should know */
};

/* What went wrong first, by kind; these are hgverify's exit statuses, too. */
enum att_verdict {
	ATT_V_PASS = 0,
	ATT_V_FORMAT = 10, /* a part of the evidence is malformed */
	ATT_V_TRUST_ROOT = 11, /* not a key that is trusted, or not a TPM's */
	ATT_V_FRESHNESS = 12, /* another nonce */
	ATT_V_QUOTE = 13, /* signature, bank or selection of the quote */
	ATT_V_LOG = 14, /* an event log does not give the quoted PCRs */
	ATT_V_REFERENCE = 15, /* measured, but not among the reference values */
	ATT_V_REPORT = 16, /* not signed by the measured report key, or of another boot */
	ATT_V_LAUNCH = 17, /* the CVM is not one that the policy accepts */
	ATT_V_BINDING = 18, /* the CVM's key is not the one in the report */
};

struct att_claim {
	const char *name;
	enum att_status status;
	const char *expected;
	const char *found;
	const char *cause; /* of a failure, likely; else "" */
};

struct att_result;

/*
 * Appraises @ev. NULL only when that was not possible at all (ATT_E_MEMORY,
 * ATT_E_REFUSED: a nonce out of limits); evidence that fails gives a result
 * which says so. @now goes into the result; nothing else depends on it.
 */
struct att_result *att_appraise(const struct att_evidence *ev, const struct att_policy *policy,
				const uint8_t *nonce, size_t nonce_size, int64_t now,
				struct att_error *err);
/*
 * The same with more attestation keys than fit a policy: @lookup is asked once
 * for the one of the evidence, by its TPM name. ATT_AK_TRUSTED comes with the
 * SHA-256 of the EK certificate that it was enrolled with. What it says goes
 * before the policy's own list, so that a revoked key is refused in any case.
 * A policy that is only appraised with may be shared between threads.
 */
enum att_ak_trust { ATT_AK_UNKNOWN, ATT_AK_TRUSTED, ATT_AK_REVOKED, ATT_AK_UNREADABLE };
typedef enum att_ak_trust att_ak_lookup(void *opaque, const uint8_t *name, size_t size,
					uint8_t ek[32]);
struct att_result *att_appraise_with(const struct att_evidence *ev, const struct att_policy *policy,
				     att_ak_lookup *lookup, void *opaque, const uint8_t *nonce,
				     size_t nonce_size, int64_t now, struct att_error *err);
enum att_verdict att_result_verdict(const struct att_result *res);
size_t att_result_count(const struct att_result *res);
const struct att_claim *att_result_claim(const struct att_result *res, size_t index);
void att_result_table(const struct att_result *res, FILE *to);
/* -> JSON that the caller frees with free(); NULL without memory. */
char *att_result_json(const struct att_result *res);
void att_result_free(struct att_result *res);

/*
 * The result as EAR in a JWT, signed with the private key in @pem: P-256 gives
 * ES256, P-384 gives ES384. -> a string for free(). ATT_E_CRYPTO, ATT_E_UNSUPPORTED.
 */
char *att_result_ear(const struct att_result *res, const char *pem, size_t pem_size,
		     struct att_error *err);

/* ---- Secrets ------------------------------------------------------------ */

#define ATT_SECRET_MAX (64u << 10)

/*
 * Seals @secret to the CVM's key of the evidence that gave @res: a JWE in
 * compact form, a string for free(). ATT_E_REFUSED unless everything passed and
 * there was a report that binds the key.
 */
char *att_release(const struct att_result *res, const uint8_t *secret, size_t secret_size,
		  struct att_error *err);

/*
 * Opens what att_release() made with the CVM's private key. With @nonce, only
 * if it was released for that nonce. ATT_E_FORMAT, ATT_E_CRYPTO, ATT_E_REFUSED.
 */
int att_open(const char *jwe, size_t size, const char *pem, size_t pem_size, const uint8_t *nonce,
	     size_t nonce_size, struct att_bytes *secret, struct att_error *err);

/* A new key of the CVM's: P-256, as PEM without a password. */
int att_cvm_key(struct att_bytes *pem, struct att_error *err);
/* Its public half, as PEM. */
int att_cvm_public(const struct att_bytes *pem, struct att_bytes *public, struct att_error *err);
/* What the report must carry for this nonce and this key (private or public PEM). */
int att_report_data(const uint8_t *nonce, size_t nonce_size, const char *pem, size_t pem_size,
		    uint8_t out[ATT_REPORT_DATA], struct att_error *err);

/* ---- The report, in the CVM ---------------------------------------------- */

/*
 * Asks L0 for a report on the confidential VM that this process runs in, with
 * @data as its report data; no privilege is needed. Pins the calling thread to
 * its processor meanwhile, and handles SIGILL and SIGSEGV of the process for a
 * moment: no other thread may be here at the same time. May sleep when L0 is
 * busy. The signature is not checked: the CVM knows no key of L0's.
 * ATT_E_UNSUPPORTED: this is no such VM. ATT_E_REFUSED: L0 gives none.
 */
int att_guest_report(const uint8_t data[ATT_REPORT_DATA], struct att_bytes *report,
		     struct att_error *err);

/* ---- The trust root, on the machine ------------------------------------- */

struct att_root;

/* Called before each step, with its name; for time limits and messages. */
typedef void att_step(void *opaque, const char *name);

/* @tcti as tpm2-tss names them: "device:/dev/tpmrm0", "swtpm:path=...", "tabrmd". ATT_E_TPM. */
struct att_root *att_root_tpm(const char *tcti, att_step *step, void *opaque,
			      struct att_error *err);
/*
 * For development only: a key in a file that anybody can copy, and PCRs that
 * nothing protects. Its evidence says "software".
 */
struct att_root *att_root_software(att_step *step, void *opaque, struct att_error *err);
/*
 * The password of a hierarchy of the TPM's, "owner" or "endorsement", where it is not empty.
 * ATT_E_REFUSED: this root has none. ATT_E_FORMAT: too long.
 */
int att_root_auth(struct att_root *root, const char *hierarchy, const uint8_t *auth, size_t size,
		  struct att_error *err);
void att_root_free(struct att_root *root);

/*
 * A new attestation key; @type is "rsa2048", "rsa3072", "p256", "p384", "sm2" (with SM3) or
 * "sm2-sha256". It is to be enrolled with the endorsement key @ek: "l-1" (RSA-2048), "l-2" (P-256),
 * "h-1" (RSA-2048), "h-2" (P-256), "h-3" (P-384), or NULL: the first of them that has a
 * certificate. -> its JSON file. ATT_E_UNSUPPORTED: the TPM does not offer it.
 */
int att_ak_create(struct att_root *root, const char *type, const char *ek, struct att_bytes *ak,
		  struct att_error *err);

struct att_gather {
	const uint8_t *nonce;
	size_t nonce_size;
	const char *bank; /* "sha256", "sha384", "sm3_256", "sha1" */
	uint32_t pcrs; /* bit n: PCR n */
	struct att_bytes ak; /* what att_ak_create() gave */
	struct att_bytes boot_log; /* may be empty, as the following */
	struct att_bytes l0_log;
	struct att_bytes report;
	struct att_bytes cvm_key; /* PEM, public or private */
};

/* Evidence for a nonce. Nothing is taken from the caller but copies. */
struct att_evidence *att_gather(struct att_root *root, const struct att_gather *g,
				struct att_error *err);

/* ---- Enrolment: credential activation ----------------------------------- */

/* On the machine: what the verifier needs to know of its keys, as JSON. */
int att_enrol_request(struct att_root *root, const struct att_bytes *ak, struct att_bytes *request,
		      struct att_error *err);
/*
 * At the verifier: checks the EK certificate against the vendors' roots
 * (@roots: PEM, one or many) at time @now, and the attestation key's
 * attributes; -> the challenge to send, and the state to keep (it is secret).
 * ATT_E_REFUSED: the message says which check.
 */
int att_enrol_challenge(const struct att_bytes *request, const struct att_bytes *roots, int64_t now,
			struct att_bytes *challenge, struct att_bytes *state,
			struct att_error *err);
/*
 * The same, and none of the certificates may be revoked: for each CA of the chain there must be
 * a list in @crls (PEM, one or many) that is valid at @now.
 */
int att_enrol_challenge_crls(const struct att_bytes *request, const struct att_bytes *roots,
			     const struct att_bytes *crls, int64_t now, struct att_bytes *challenge,
			     struct att_bytes *state, struct att_error *err);
/* On the machine: only the TPM that holds both keys can. */
int att_enrol_activate(struct att_root *root, const struct att_bytes *ak,
		       const struct att_bytes *challenge, struct att_bytes *response,
		       struct att_error *err);
/* At the verifier: -> the enrolment record. ATT_E_REFUSED when the answer is wrong. */
int att_enrol_finish(const struct att_bytes *state, const struct att_bytes *response, int64_t now,
		     struct att_bytes *record, struct att_error *err);

/* ---- The verifier as a service: hgverifyd -------------------------------- */

struct att_server {
	const char *url; /* https://HOST:PORT */
	const char *ca; /* file of PEM: who may have signed its certificate, or that itself */
	const char *certificate, *key; /* files of PEM: this client's own; may be NULL */
	const char *token; /* for an enrolment; may be NULL */
	unsigned int timeout; /* seconds for one request; 0: 30 */
};

struct att_client;

/*
 * Nothing is sent before the first request; SIGPIPE must be ignored. TLS 1.3 only, the
 * server's certificate is checked against @ca and no other, and its answers are bounded
 * in size and time.
 * Below: ATT_E_IO the way to it, ATT_E_CRYPTO not the server that was meant,
 * ATT_E_FORMAT not an answer, ATT_E_REFUSED it refused; the text says why.
 */
struct att_client *att_client_new(const struct att_server *server, struct att_error *err);
void att_client_free(struct att_client *c);

/* A nonce of @size bytes, good once and for so many seconds. */
int att_client_challenge(struct att_client *c, uint8_t *nonce, size_t size,
			 unsigned int *expires_in, struct att_error *err);

struct att_answer {
	enum att_verdict verdict;
	char *result; /* as att_result_json() writes it */
	char *ear;
	char *jwe; /* the released secret; NULL unless asked for and all passed */
	char request[64]; /* how the server's audit log calls it */
};

/*
 * Sends evidence for that nonce. @policy may be NULL: the server's usual one, or
 * that of the secret. @secret is its name, or NULL. 0 also when the evidence was
 * refused: @answer says so then.
 */
int att_client_submit(struct att_client *c, const uint8_t *nonce, size_t nonce_size,
		      const char *policy, const char *secret, const struct att_bytes *evidence,
		      struct att_answer *answer, struct att_error *err);
void att_answer_free(struct att_answer *answer);

/* The two steps of an enrolment; @session is freed by the caller, as are texts. */
int att_client_enrol(struct att_client *c, const struct att_bytes *request, char **session,
		     struct att_bytes *challenge, struct att_error *err);
/* -> the name of the enrolled key, for free(). @label may be NULL. */
int att_client_enrol_finish(struct att_client *c, const char *session,
			    const struct att_bytes *response, const char *label, char **machine,
			    struct att_error *err);

#endif
