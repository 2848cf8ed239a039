/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhypergpu: a GPU behind a bus that is not trusted. It tells which GPU is there, agrees on keys
 * with code that runs on it, and moves data there and back as authenticated ciphertext.
 * libhypergpu(3) and docs/gpu-library.md explain; this file is the reference.
 *
 * What it does not do: it starts no kernels of yours on the memory it moves. Unmodified OpenCL
 * and CUDA programs, which do, go through the layer and the shim (hgrun(1)).
 *
 * Results. Functions that can fail return an enum hg_gpu_result: HG_GPU_SUCCESS or why not. All
 * take a struct hg_gpu_failure, which may be NULL; else it gets the same result and a text (""
 * after success). After a failure nothing has changed but what the function says, and what it
 * was to create is NULL. A session ends with the first failure of its channel:
 * HG_GPU_FAIL_TAMPERED, HG_GPU_FAIL_REFUSED, or another one in the middle of a transfer, as nobody
 * knows then what arrived. Each later call but close, free and statistics fails with that one's
 * result and text.
 *
 * Objects. Each is opaque and has a function that frees it; NULL is allowed there. They may be
 * freed in any order: what another needs stays until that one is freed, too. Texts
 * and sizes: texts end with a zero; sizes, offsets and lengths are in bytes, times in the unit that
 * their name has. Memory that you pass is read, or written, during the call only.
 *
 * Threads. Any function may be called by any thread, on the same object too, with one
 * exception: an object must not be freed while another thread is in a call with it. The
 * library calls no function of yours, and none may be called in a child after fork() with
 * an object that was made before.
 *
 * Structures begin with struct_size, which you set to sizeof the structure (hg_gpu_clear()
 * does): that is how the library knows which version of this file you were compiled with. Any other
 * value fails with HG_GPU_FAIL_VERSION. A flag that this version does not know, and a reserved
 * member that is not 0, fail with HG_GPU_FAIL_ARGUMENT.
 */
#ifndef HYPERGPU_HYPERGPU_H
#define HYPERGPU_HYPERGPU_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HG_GPU_PUBLIC __attribute__((visibility("default")))
#else
#define HG_GPU_PUBLIC
#endif

/* Zeros, which are the defaults, and the size. @s: address of one of the structures below. */
#define hg_gpu_clear(s) (memset((s), 0, sizeof(*(s))), (void)((s)->struct_size = sizeof(*(s))))

/* ---- Results ------------------------------------------------------------- */

enum hg_gpu_result {
	HG_GPU_SUCCESS = 0,
	HG_GPU_FAIL_MEMORY = 1,	      /* no memory on the host */
	HG_GPU_FAIL_ARGUMENT = 2,     /* an argument is wrong; the text says which */
	HG_GPU_FAIL_DEVICE = 3,	      /* the driver or the device failed */
	HG_GPU_FAIL_KNOWN_ANSWER = 4, /* the device computes wrongly */
	HG_GPU_FAIL_CRYPTO = 5,	      /* OpenSSL failed */
	HG_GPU_FAIL_TAMPERED = 6,     /* what came over the bus is not what was sent: final */
	HG_GPU_FAIL_REFUSED = 7,      /* the device refused what came to it: final */
	HG_GPU_FAIL_IDENTITY = 8,     /* not the device of the record */
	HG_GPU_FAIL_LIMIT = 9,	      /* too much or too many */
	HG_GPU_FAIL_UNSUPPORTED = 10, /* this device, driver or build cannot */
	HG_GPU_FAIL_RANGE = 11,	      /* outside of the buffer, or no such index */
	HG_GPU_FAIL_CLOSED = 12,      /* the session was closed */
	HG_GPU_FAIL_RECORD = 13,      /* the record is of no use: form, signature, kind */
	HG_GPU_FAIL_NOT_FOUND = 14,   /* no such provider, or no such device */
	HG_GPU_FAIL_VERSION = 15      /* struct_size is not one that this version knows */
};

struct hg_gpu_failure {
	int code;	/* enum hg_gpu_result */
	char text[320]; /* printable ASCII, for people; may change */
};

/* "range" and the like; "unknown" for what is no result. Never NULL, never freed. */
HG_GPU_PUBLIC const char *hg_gpu_result_name(int code);

/* The library's version, "0.1". Never freed. */
HG_GPU_PUBLIC const char *hg_gpu_version(void);

/* ---- Devices ------------------------------------------------------------- */

/*
 * Providers:
 *   "opencl"     a device of an OpenCL driver; the loader, libOpenCL.so.1, is opened when needed.
 *                Selector: its number in the list, or its PCI address ("0000:01:00.0")
 *   "cuda"       a device of NVIDIA's driver, libcuda.so.1, opened when needed. Selector: its
 *                number. It has no fingerprint: its sessions are anonymous. No GPU has run it yet
 *   "simulated"  no device: everything happens in this process, and nothing of it is a secret. For
 *                tests and trying out. Its description, records, verdicts and statistics say
 *                so. Selector: its serial number, decimal
 */
struct hg_gpu_info {
	size_t struct_size;
	char provider[16];
	char selector[24]; /* that opens this device again */
	char name[128];
	char description[320]; /* a line for people; begins with "SIMULATED" where anything is */
	char pci[16];	       /* "0000:01:00.0"; "" if unknown */
	uint64_t memory;       /* bytes; 0 if unknown */
	uint32_t units;	       /* compute units; 0 if unknown */
	uint32_t simulated;    /* 1: the device or its behaviour is simulated, no claim holds */
};

struct hg_gpu_list;

/*
 * The devices of a provider, or with NULL of all: there, a provider whose driver is missing has
 * none. The list is never changed after. HG_GPU_FAIL_NOT_FOUND: no such provider;
 * HG_GPU_FAIL_UNSUPPORTED: its driver is missing; HG_GPU_FAIL_DEVICE, _MEMORY, _ARGUMENT.
 */
HG_GPU_PUBLIC int hg_gpu_list_create(const char *provider, struct hg_gpu_list **list,
				     struct hg_gpu_failure *failure);
/* How many; 0 for NULL. */
HG_GPU_PUBLIC size_t hg_gpu_list_count(const struct hg_gpu_list *list);
/* HG_GPU_FAIL_RANGE: @index is not below the count. _VERSION, _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_list_at(const struct hg_gpu_list *list, size_t index,
				 struct hg_gpu_info *info, struct hg_gpu_failure *failure);
HG_GPU_PUBLIC void hg_gpu_list_free(struct hg_gpu_list *list);

/* Read the expansion ROM as part of the identity; needs root, and a device that is idle. */
#define HG_GPU_OPEN_ROM UINT64_C(1)
/*
 * "opencl" only: a simulated device of @serial stands in for the behaviour, for tests where the
 * real one cannot be measured. Identity and records are those of a simulated device then.
 */
#define HG_GPU_OPEN_SIMULATED_BEHAVIOUR UINT64_C(2)

struct hg_gpu_open_options {
	size_t struct_size;
	uint64_t flags;
	const char *provider;
	const char *selector; /* NULL: the only device there is; of "simulated", serial number 1 */
	uint64_t serial;      /* with HG_GPU_OPEN_SIMULATED_BEHAVIOUR, else 0 */
};

struct hg_gpu;

/*
 * Holds a device and gathers its identity; compiles and runs nothing yet.
 * HG_GPU_FAIL_NOT_FOUND: no such provider or device, or several and no selector;
 * HG_GPU_FAIL_UNSUPPORTED: its driver is missing or too old; _VERSION, _ARGUMENT,
 * _DEVICE, _MEMORY.
 */
HG_GPU_PUBLIC int hg_gpu_open(const struct hg_gpu_open_options *options, struct hg_gpu **gpu,
			      struct hg_gpu_failure *failure);
/* Sessions of it stay usable. */
HG_GPU_PUBLIC void hg_gpu_close(struct hg_gpu *gpu);
/* _VERSION, _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_get_info(const struct hg_gpu *gpu, struct hg_gpu_info *info,
				  struct hg_gpu_failure *failure);

/* ---- Fingerprint --------------------------------------------------------- */

/* One thing that the device says of itself. */
struct hg_gpu_member {
	size_t struct_size;
	char name[64];	  /* "pci.serial": docs/gpu-fingerprint.md has the table */
	char kind[16];	  /* "stable", "software" or "placement": what a change of it means */
	char value[160];
};

struct hg_gpu_fingerprint;

/*
 * What was gathered when the device was opened; it is never changed after.
 * HG_GPU_FAIL_UNSUPPORTED: the provider has none; _CRYPTO, _MEMORY, _ARGUMENT.
 */
HG_GPU_PUBLIC int hg_gpu_fingerprint_collect(struct hg_gpu *gpu,
					     struct hg_gpu_fingerprint **fingerprint,
					     struct hg_gpu_failure *failure);
/* Members; 0 for NULL. */
HG_GPU_PUBLIC size_t hg_gpu_fingerprint_count(const struct hg_gpu_fingerprint *fingerprint);
/* Sorted by name. HG_GPU_FAIL_RANGE, _VERSION, _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_fingerprint_at(const struct hg_gpu_fingerprint *fingerprint, size_t index,
					struct hg_gpu_member *member,
					struct hg_gpu_failure *failure);
/* SHA-256 of the stable members, 32 bytes, as records have it. _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_fingerprint_hash(const struct hg_gpu_fingerprint *fingerprint,
					  uint8_t hash[32], struct hg_gpu_failure *failure);
HG_GPU_PUBLIC void hg_gpu_fingerprint_free(struct hg_gpu_fingerprint *fingerprint);

/* The identity alone: what drivers that give kernels no clock (PoCL) can do. */
#define HG_GPU_ENROL_IDENTITY_ONLY UINT64_C(1)

struct hg_gpu_enrol_options {
	size_t struct_size;
	uint64_t flags;
	const char *key; /* PEM: the enroller's private key on P-256, without a password */
	size_t key_size;
	uint64_t lifetime_s; /* seconds that it is good for, at most 100 years; 0: for ever */
	uint32_t readings;   /* of the behaviour: 3 to 64; 0: 8 */
	uint32_t reserved;
};

/*
 * Measures the device and signs what it is: @record, of @size bytes without the zero behind them,
 * JSON that hggpu(1) reads too; to be freed by hg_gpu_text_free(). It holds no secret.
 * Only the enroller's machine may do it: what was measured comes to the host in clear.
 * HG_GPU_FAIL_UNSUPPORTED: no behaviour can be measured here, or it does not tell devices apart
 * or is too noisy, or the provider has no fingerprint; _ARGUMENT (the key, too), _VERSION,
 * _DEVICE, _CRYPTO, _MEMORY.
 */
HG_GPU_PUBLIC int hg_gpu_enrol(struct hg_gpu *gpu, const struct hg_gpu_enrol_options *options,
			       char **record, size_t *size, struct hg_gpu_failure *failure);
HG_GPU_PUBLIC void hg_gpu_text_free(char *text);

/* Another driver than at enrolment fails, too. */
#define HG_GPU_VERIFY_STRICT UINT64_C(1)

struct hg_gpu_verify_options {
	size_t struct_size;
	uint64_t flags;
	const char *record; /* what hg_gpu_enrol() or hggpu wrote; at most 64 KiB */
	size_t record_size;
	const char *signer; /* PEM: the public key of whoever must have signed it */
	size_t signer_size;
};

struct hg_gpu_verdict_info {
	size_t struct_size;
	uint32_t passed;    /* 1: the device of the record */
	uint32_t simulated; /* 1: the record or the device is simulated: it proves nothing */
	uint32_t behaviour; /* 1: the record has behaviour. Where it cannot be measured now that is
			     * a difference that fails */
	uint32_t members;   /* stable members of the record */
	uint32_t alike;	    /* and those that are the same now */
	uint32_t score_ppm; /* millionths of the behaviour's bits that came out as enrolled; 0 if
			     * it failed or is not in the record */
};

struct hg_gpu_difference {
	size_t struct_size;
	char name[64]; /* of a member, or "behaviour", "simulated", "expires", "created" */
	char kind[16]; /* as of members, or "behaviour", "record" */
	char expected[160];
	char found[160];
	uint32_t fails; /* 1: a reason not to pass; 0: a note */
	uint32_t reserved;
};

struct hg_gpu_verdict;

/*
 * Whether this is the device of a record. That it is not is no failure: it is in the verdict,
 * with a difference for each reason. The verdict is never changed after.
 * HG_GPU_FAIL_RECORD: the record is malformed, altered, or signed by another; _UNSUPPORTED:
 * the provider has no fingerprint; _ARGUMENT, _VERSION, _DEVICE, _CRYPTO, _MEMORY.
 */
HG_GPU_PUBLIC int hg_gpu_verify(struct hg_gpu *gpu, const struct hg_gpu_verify_options *options,
				struct hg_gpu_verdict **verdict, struct hg_gpu_failure *failure);
/* _VERSION, _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_verdict_get(const struct hg_gpu_verdict *verdict,
				     struct hg_gpu_verdict_info *info,
				     struct hg_gpu_failure *failure);
/* Differences; 0 for NULL. */
HG_GPU_PUBLIC size_t hg_gpu_verdict_count(const struct hg_gpu_verdict *verdict);
/* HG_GPU_FAIL_RANGE, _VERSION, _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_verdict_at(const struct hg_gpu_verdict *verdict, size_t index,
				    struct hg_gpu_difference *difference,
				    struct hg_gpu_failure *failure);
HG_GPU_PUBLIC void hg_gpu_verdict_free(struct hg_gpu_verdict *verdict);

/* ---- Sessions ------------------------------------------------------------ */

enum hg_gpu_suite {
	HG_GPU_SUITE_DEFAULT = 0, /* AES-256-GCM */
	HG_GPU_SUITE_AES_256_GCM = 1,
	HG_GPU_SUITE_CHACHA20_POLY1305 = 2,
	HG_GPU_SUITE_SM4_CTR_HMAC_SM3 = 3
};

enum hg_gpu_curve {
	HG_GPU_CURVE_DEFAULT = 0, /* X25519; with SM4 that of SM2 */
	HG_GPU_CURVE_X25519 = 1,
	HG_GPU_CURVE_P256 = 2,
	HG_GPU_CURVE_SM2 = 3
};

/*
 * Go without a key of the GPU's: who listens at the bus is kept out, who stands in for the GPU is
 * not. Needed where there is no record, and where the record has an identity only, which is
 * checked all the same. With a record of a behaviour its key is used in spite of this.
 */
#define HG_GPU_SESSION_ANONYMOUS UINT64_C(1)
/* Another driver than at enrolment fails. */
#define HG_GPU_SESSION_STRICT UINT64_C(2)
/* Each write leaves at once. Otherwise those of up to 16 KiB may wait for others, or for a sync. */
#define HG_GPU_SESSION_NO_COALESCING UINT64_C(4)

struct hg_gpu_session_options {
	size_t struct_size;
	uint64_t flags;
	uint32_t suite; /* enum hg_gpu_suite */
	uint32_t curve; /* enum hg_gpu_curve */
	const char *record; /* as of hg_gpu_verify(); NULL: none */
	size_t record_size;
	const char *signer; /* with a record, and only then */
	size_t signer_size;
	const uint8_t *cvm;   /* identity of this confidential VM, 32 bytes that the keys are
			       * bound to; NULL: zeros */
	uint64_t rekey_bytes; /* new keys after so many bytes, 2^36 at most; 0: 2^36 */
	uint32_t threads;     /* that seal and open besides the caller; at most 16 */
	uint32_t reserved;
};

struct hg_gpu_session;

/*
 * Compiles the session program for the device (the first time, with the suite), tests it by known
 * answers, checks that the device is that of the record, agrees on keys with it, opens
 * the channel. May take seconds, and minutes where a driver compiles for the first time; other
 * calls with the same struct hg_gpu wait. Any number of sessions of a device may be open.
 * HG_GPU_FAIL_IDENTITY: another device than the record's, and the text names what differs first;
 * HG_GPU_FAIL_RECORD: as hg_gpu_verify(), or it has an identity only and the flag is missing;
 * HG_GPU_FAIL_TAMPERED: the answer does not fit; HG_GPU_FAIL_REFUSED: the device gives none;
 * _UNSUPPORTED: the build or the provider cannot do it; _KNOWN_ANSWER, _ARGUMENT, _VERSION,
 * _DEVICE, _CRYPTO, _MEMORY.
 */
HG_GPU_PUBLIC int hg_gpu_session_open(struct hg_gpu *gpu,
				      const struct hg_gpu_session_options *options,
				      struct hg_gpu_session **session,
				      struct hg_gpu_failure *failure);
/*
 * A receipt for all that was written so far, then the end: keys are wiped here and on the device,
 * whatever the receipt says. The result is that of the receipt, as hg_gpu_session_sync(). What
 * may be called after: statistics, and what frees. Waits for other threads' calls.
 */
HG_GPU_PUBLIC int hg_gpu_session_close(struct hg_gpu_session *session,
				       struct hg_gpu_failure *failure);
/* Closes it, where that was not done, without a receipt: writes may be lost that wait. */
HG_GPU_PUBLIC void hg_gpu_session_free(struct hg_gpu_session *session);
/*
 * Waits for a receipt: all that was written so far has arrived unaltered. Without it a write
 * that succeeded has been sent, or waits. HG_GPU_FAIL_TAMPERED, _REFUSED, _CLOSED, _DEVICE,
 * _CRYPTO, _MEMORY, _ARGUMENT.
 */
HG_GPU_PUBLIC int hg_gpu_session_sync(struct hg_gpu_session *session,
				      struct hg_gpu_failure *failure);
/* New keys now. Fails as hg_gpu_session_sync(). */
HG_GPU_PUBLIC int hg_gpu_session_rekey(struct hg_gpu_session *session,
				       struct hg_gpu_failure *failure);

/* All but the first three count, from the session's beginning. */
struct hg_gpu_statistics {
	size_t struct_size;
	uint64_t simulated; /* 1: as of struct hg_gpu_info */
	uint64_t result;    /* HG_GPU_SUCCESS, or what ended the session */
	uint64_t writes, reads, syncs;		/* calls that got as far as the channel */
	uint64_t bytes_written, bytes_read;	/* of yours */
	uint64_t records_sent, records_received;	/* receipts included */
	uint64_t bus_bytes_sent, bus_bytes_received; /* headers and receipts included */
	uint64_t crossings; /* transfers and launches on the bus, receipts included */
	uint64_t launches;  /* of the session program */
	uint64_t coalesced; /* writes that travelled together with others */
	uint64_t waits;	    /* for room to send */
	uint64_t rekeys;
	uint64_t receipts; /* that were right */
	uint64_t verdicts; /* against the bus; one ends the session, so 0 or 1 */
	uint64_t seal_ns;  /* nanoseconds that threads, added up, spent on sealing */
	uint64_t open_ns;  /* and on opening */
};

/* Also of a session that is closed or failed. _VERSION, _ARGUMENT. */
HG_GPU_PUBLIC int hg_gpu_session_statistics(struct hg_gpu_session *session,
					    struct hg_gpu_statistics *statistics,
					    struct hg_gpu_failure *failure);

/* ---- Memory of the device ------------------------------------------------ */

typedef struct hg_gpu_buffer hg_gpu_buffer;

/*
 * @size bytes, 1 at least. What they hold before they are written is undefined.
 * HG_GPU_FAIL_LIMIT: 4095 are there already, or it is larger than devices are; _TAMPERED, _REFUSED,
 * _CLOSED, _DEVICE (no memory there), _MEMORY, _ARGUMENT.
 */
HG_GPU_PUBLIC int hg_gpu_buffer_create(struct hg_gpu_session *session, size_t size,
				       hg_gpu_buffer **buffer, struct hg_gpu_failure *failure);
/* Writes zeros over it before; at a bus that drops them nothing helps. */
HG_GPU_PUBLIC void hg_gpu_buffer_free(hg_gpu_buffer *buffer);
/* 0 for NULL. */
HG_GPU_PUBLIC size_t hg_gpu_buffer_size(const hg_gpu_buffer *buffer);
/*
 * @size bytes at @offset; 0 bytes are nothing. On return @data is yours again, see
 * hg_gpu_session_sync() for what is known then. HG_GPU_FAIL_RANGE: not within the buffer, and
 * nothing was written; HG_GPU_FAIL_TAMPERED, _REFUSED, _CLOSED, _DEVICE, _CRYPTO, _MEMORY,
 * _ARGUMENT.
 */
HG_GPU_PUBLIC int hg_gpu_buffer_write(hg_gpu_buffer *buffer, size_t offset, const void *data,
				      size_t size, struct hg_gpu_failure *failure);
/*
 * The same the other way: @data has only what was verified. It is untouched after _RANGE,
 * _CLOSED and _ARGUMENT, and zeros after every other failure. A read also is a receipt for what
 * was written before.
 */
HG_GPU_PUBLIC int hg_gpu_buffer_read(hg_gpu_buffer *buffer, size_t offset, void *data, size_t size,
				     struct hg_gpu_failure *failure);

#ifdef __cplusplus
}
#endif

#endif
