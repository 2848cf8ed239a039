// SPDX-License-Identifier: Apache-2.0
/*
 * The confidential VM asks L0 for a report (docs/report.md): a VMMCALL that works
 * in any ring, so that no driver is needed. Where there is no such L0, the
 * instruction faults, or another hypervisor refuses it in its own way.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "error.h"

#define CALL_REPORT 0x48475200u
#define CALL_READ   0x48475201u

#define BLOCK	    64u
#define WORDS	    (BLOCK / 8)
#define REPORT_MAX  512u
#define DATA_AT	    104u /* report_data, in the report */

/* What L0 may answer instead of a size. */
#define E_ABSENT      (-9)
#define E_BUSY	      (-12)
#define E_UNSUPPORTED (-14)

#define TRIES	 8u
#define BUSY_MS	 100u
#define BUSY_MAX 100u /* ten seconds: L0 lets a CVM have many reports a second */

#ifdef __x86_64__

static sigjmp_buf no_call;

static void illegal(int signal)
{
	(void)signal;
	siglongjmp(no_call, 1);
}

/*
 * One call: eight registers carry a block in, and out. Between those that are
 * named and the instruction there is nothing that a compiler makes a call of.
 */
static int64_t vmmcall(uint32_t number, uint64_t block[WORDS])
{
	uint64_t a = block[5], b = block[6], c = block[7];
	register uint64_t r8 asm("r8") = a;
	register uint64_t r9 asm("r9") = b;
	register uint64_t r10 asm("r10") = c;
	int64_t status = number;

	asm volatile("vmmcall"
		     : "+a"(status), "+b"(block[0]), "+c"(block[1]), "+d"(block[2]),
		       "+S"(block[3]), "+D"(block[4]), "+r"(r8), "+r"(r9), "+r"(r10)
		     :
		     : "memory");
	a = r8;
	b = r9;
	c = r10;
	block[5] = a;
	block[6] = b;
	block[7] = c;
	return status;
}

/*
 * Reading changes nothing, whoever answers. A fault is SIGILL; SIGSEGV where the
 * hypervisor would have another processor's instruction there and cannot write it.
 */
static int probe(struct att_error *err)
{
	struct sigaction caught = { .sa_handler = illegal }, ill, segv;
	uint64_t block[WORDS] = { 0 };
	volatile bool faulted = true;

	if (sigaction(SIGILL, &caught, &ill))
		return att_fail(err, ATT_E_IO, "cannot catch a fault: %s", strerror(errno));
	if (sigaction(SIGSEGV, &caught, &segv)) {
		sigaction(SIGILL, &ill, NULL);
		return att_fail(err, ATT_E_IO, "cannot catch a fault: %s", strerror(errno));
	}
	if (!sigsetjmp(no_call, 1)) {
		vmmcall(CALL_READ, block);
		faulted = false;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGILL, &ill, NULL);
	if (!faulted)
		return 0;
	return att_fail(err, ATT_E_UNSUPPORTED,
			"this is no confidential VM of HyperGPU: there is no VMMCALL here");
}

static int64_t ask(const uint8_t data[ATT_REPORT_DATA])
{
	const struct timespec pause = { 0, BUSY_MS * 1000000L };
	uint64_t block[WORDS];
	unsigned int times = 0;
	int64_t status;

	do {
		if (times)
			nanosleep(&pause, NULL);
		memcpy(block, data, sizeof(block));
		status = vmmcall(CALL_REPORT, block);
	} while (status == E_BUSY && ++times < BUSY_MAX);
	return status;
}

/* -> 0, or what L0 said. */
static int64_t read_report(uint8_t *to, size_t size)
{
	uint64_t block[WORDS];
	size_t at, left;
	int64_t status;

	for (at = 0; at < size; at += BLOCK) {
		memset(block, 0, sizeof(block));
		block[0] = at;
		status = vmmcall(CALL_READ, block);
		if (status)
			return status;
		left = size - at;
		memcpy(to + at, block, left < BLOCK ? left : BLOCK);
	}
	return 0;
}

static int refused(int64_t status, struct att_error *err)
{
	switch (status) {
	case E_UNSUPPORTED:
		return att_fail(err, ATT_E_REFUSED,
				"L0 gives no reports: it has no TPM, or that failed; on L0, "
				"/sys/kernel/security/hypergpu/state says why");
	case E_BUSY:
		return att_fail(err, ATT_E_REFUSED, "L0 is busy with other reports; try again");
	}
	return att_fail(err, ATT_E_UNSUPPORTED,
			"this is no confidential VM of HyperGPU: the hypervisor answered %lld",
			(long long)status);
}

/*
 * The report stays in a buffer of the processor's: somebody else's request on
 * the same one may replace it in between. Then all begins anew.
 */
static int get(const uint8_t data[ATT_REPORT_DATA], struct att_bytes *report, struct att_error *err)
{
	uint8_t buffer[REPORT_MAX];
	unsigned int i;
	int64_t size, status;

	for (i = 0; i < TRIES; i++) {
		size = ask(data);
		if (size <= DATA_AT + ATT_REPORT_DATA || size > REPORT_MAX)
			return refused(size, err);
		status = read_report(buffer, (size_t)size);
		if (status && status != E_ABSENT)
			return refused(status, err);
		if (!status && !memcmp(buffer + DATA_AT, data, ATT_REPORT_DATA))
			return att_bytes_set(report, buffer, (size_t)size) ? att_no_memory(err) : 0;
	}
	return att_fail(err, ATT_E_REFUSED, "others ask for reports all the time; try again");
}

/* On one processor: see get(). */
static int get_here(const uint8_t data[ATT_REPORT_DATA], struct att_bytes *report,
		    struct att_error *err)
{
	cpu_set_t before, here;
	int cpu = sched_getcpu(), ret;

	CPU_ZERO(&here);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(before), &before))
		return att_fail(err, ATT_E_IO, "cannot stay on one processor: %s", strerror(errno));
	CPU_SET(cpu, &here);
	if (sched_setaffinity(0, sizeof(here), &here))
		return att_fail(err, ATT_E_IO, "cannot stay on one processor: %s", strerror(errno));
	ret = get(data, report, err);
	sched_setaffinity(0, sizeof(before), &before);
	return ret;
}

int att_guest_report(const uint8_t data[ATT_REPORT_DATA], struct att_bytes *report,
		     struct att_error *err)
{
	return probe(err) ? -1 : get_here(data, report, err);
}

#else

int att_guest_report(const uint8_t data[ATT_REPORT_DATA], struct att_bytes *report,
		     struct att_error *err)
{
	(void)data;
	(void)report;
	return att_fail(err, ATT_E_UNSUPPORTED, "only an x86-64 VM can ask for a report");
}

#endif
