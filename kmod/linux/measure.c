// SPDX-License-Identifier: GPL-2.0-only
/*
 * See measure.h.
 *
 *	/sys/kernel/security/hypergpu/event_log		the log of PCR 13, binary
 *	/sys/kernel/security/hypergpu/public_key	X || Y, binary
 *	/sys/kernel/security/hypergpu/state		lines "name: value"
 *
 * First the module is measured, then the key is made and measured, and only then does the core
 * hear of the key: at no time is there a report by a key that the TPM does not know.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <crypto/sha2.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "../core/report.h"
#include "core_start.h"
#include "measure.h"
#include "nest.h"
#include "report_key.h"
#include "tpm_log.h"

#define EVENT_L0	0x48470001
#define EVENT_KEY	0x48470002
#define EVENT_UNLOADED	0x48470003
#define EVENT_VERSION	1

struct event_l0 {
	__le32 version;
	u8 l0_version[32];
	u8 build_id[32];
	u8 srcversion[32];
} __packed;

struct event_key {
	__le32 version;
	__le32 algorithm;
	u8 boot_id[32];
	__le32 size;
	u8 public[HGL_REPORT_PUBLIC_MAX];	/* as much as @size says */
} __packed;

struct event_unloaded {
	__le32 version;
	u8 boot_id[32];
} __packed;

static char *report = "tpm";
module_param(report, charp, 0444);
MODULE_PARM_DESC(report, "what stands behind reports on confidential VMs: tpm (default); development: nothing, and they say so; off: none are given");

static char *report_key = "p256";
module_param(report_key, charp, 0444);
MODULE_PARM_DESC(report_key, "what reports are signed with: p256 (default), p384, sm2");

static struct hg_report_key key;	/* algorithm 0: there is none */
static const struct hgl_report_scheme *scheme;
static u8 public[HGL_REPORT_PUBLIC_MAX];
static u32 public_size;
static const char *why_not;		/* no key: the reason, for people */
static bool extended;			/* the TPM may have the key: it must hear of its end */
static bool ended;			/* the machine goes down: no key any more */
static DEFINE_MUTEX(end);		/* the key's, and its beginning's */

/* ---- who this is ---- */

/*
 * The linker puts the module's build id into a section of this name; whether before or after
 * what is here, which has no length, is its choice.
 */
#define BUILD_ID_SIZE	20
struct build_id_note {
	u32 name_size, size, type;
	char name[4];
	u8 id[BUILD_ID_SIZE];
};
asm(".pushsection .note.gnu.build-id, \"a\", @note\n"
    ".balign 4\n"
    ".globl hgl_build_id_note\n"
    "hgl_build_id_note:\n"
    ".popsection\n");
extern const struct build_id_note hgl_build_id_note[];

static bool is_build_id(const struct build_id_note *note)
{
	return note->name_size == 4 && note->size == BUILD_ID_SIZE && note->type == 3 &&
	       !memcmp(note->name, "GNU", 4);
}

static void find_build_id(u8 *id)
{
	const struct build_id_note *note = hgl_build_id_note;

	/* To the compiler there is nothing but that label. */
	OPTIMIZER_HIDE_VAR(note);
	if (!is_build_id(note))
		note--;
	if (is_build_id(note))
		memcpy(id, note->id, BUILD_ID_SIZE);
	else
		pr_warn("the module has no build id: a verifier cannot tell which build it is\n");
}

/* As ASCII, padded; the structure is all zeros. */
static void put_string(u8 *to, const char *string)
{
	if (string)
		strscpy(to, string, 32);
}

/* ---- securityfs ---- */

static struct dentry *files[4];		/* the directory first */

static ssize_t log_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	u8 chunk[256];
	size_t bytes = hgl_tpm_log_read(chunk, min(size, sizeof(chunk)), *offset);

	if (copy_to_user(to, chunk, bytes))
		return -EFAULT;
	*offset += bytes;
	return bytes;
}

static const struct file_operations log_fops = {
	.owner = THIS_MODULE,
	.read = log_read,
	.llseek = default_llseek,
};

static ssize_t public_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	return simple_read_from_buffer(to, size, offset, public,
				       key.algorithm ? public_size : 0);
}

static const struct file_operations public_fops = {
	.owner = THIS_MODULE,
	.read = public_read,
	.llseek = default_llseek,
};

static int state_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "reports: %s\n", !key.algorithm ? "none" :
		   key.flags & HG_REPORT_DEVELOPMENT ? "development" : "tpm");
	if (why_not)
		seq_printf(m, "why: %s\n", why_not);
	if (!key.algorithm)
		return 0;
	seq_printf(m, "algorithm: %s\n", hgl_report_scheme_name(scheme));
	seq_printf(m, "boot_id: %*phN\n", (int)sizeof(key.boot_id), key.boot_id);
	seq_printf(m, "key_id: %*phN\n", (int)sizeof(key.key_id), key.key_id);
	if (extended)
		seq_printf(m, "pcr: %u\n", HGL_TPM_PCR);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

/* Without securityfs there are no files, and reports nevertheless. */
static void make_files(void)
{
	files[0] = securityfs_create_dir("hypergpu", NULL);
	if (IS_ERR(files[0])) {
		pr_warn("no files in securityfs: error %ld\n", PTR_ERR(files[0]));
		files[0] = NULL;
		return;
	}
	files[1] = securityfs_create_file("event_log", 0440, files[0], NULL, &log_fops);
	files[2] = securityfs_create_file("public_key", 0444, files[0], NULL, &public_fops);
	files[3] = securityfs_create_file("state", 0444, files[0], NULL, &state_fops);
}

static void remove_files(void)
{
	int i;

	for (i = ARRAY_SIZE(files) - 1; i >= 0; i--) {
		if (!IS_ERR_OR_NULL(files[i]))
			securityfs_remove(files[i]);
		files[i] = NULL;
	}
}

/* ---- the events ---- */

static int measure_l0(void)
{
	struct event_l0 event = { .version = cpu_to_le32(EVENT_VERSION) };

	put_string(event.l0_version, THIS_MODULE->version);
	find_build_id(event.build_id);
	put_string(event.srcversion, THIS_MODULE->srcversion);
	return hgl_tpm_log_extend(EVENT_L0, &event, sizeof(event));
}

static int measure_key(void)
{
	struct event_key event = {
		.version = cpu_to_le32(EVENT_VERSION),
		.algorithm = cpu_to_le32(hgl_report_scheme_algorithm(scheme)),
		.size = cpu_to_le32(public_size),
	};

	memcpy(event.boot_id, key.boot_id, sizeof(event.boot_id));
	memcpy(event.public, public, public_size);
	return hgl_tpm_log_extend(EVENT_KEY, &event,
				  offsetof(struct event_key, public) + public_size);
}

static void measure_end(void)
{
	struct event_unloaded event = { .version = cpu_to_le32(EVENT_VERSION) };

	memcpy(event.boot_id, key.boot_id, sizeof(event.boot_id));
	if (!hgl_tpm_log_extend(EVENT_UNLOADED, &event, sizeof(event)))
		pr_info("the report key is gone, and PCR %u says so\n", HGL_TPM_PCR);
}

/* ---- the key ---- */

/* Under @end. */
static void drop_key(void)
{
	hgl_report_key_wipe();
	if (extended)
		measure_end();
	extended = false;
}

static int make_key(void)
{
	int ret;

	ret = hgl_report_key_make(scheme, public);
	if (ret)
		return ret;
	public_size = hgl_report_scheme_size(scheme);
	/* The key waited until there was randomness. */
	get_random_bytes(key.boot_id, sizeof(key.boot_id));
	put_string(key.l0_version, THIS_MODULE->version);
	sha256(public, public_size, key.key_id);
	return 0;
}

/* From now on there are reports; unless the core takes no such key, which it says. */
static int use_key(u32 flags)
{
	s64 status;

	key.algorithm = hgl_report_scheme_algorithm(scheme);
	key.flags = flags;
	status = hg_core_report_key(&key);
	if (!WARN(status, "hypergpu: the core took no report key: status %lld\n", status))
		return 0;
	key.algorithm = 0;
	why_not = "internal error";
	return -EIO;
}

/* The log names the key to verifiers that are told to do without a TPM, too. */
static void start_development(void)
{
	if (hgl_tpm_log_open(false) || measure_l0() || make_key() || measure_key() ||
	    use_key(HG_REPORT_DEVELOPMENT)) {
		hgl_report_key_wipe();
		memset(public, 0, sizeof(public));
		hgl_tpm_log_close();
		why_not = why_not ?: "the key could not be made";
		return;
	}
	pr_warn("reports are for development only: nothing stands behind their key, and each says so\n");
}

/* 0, or the TPM is of no use. */
static int start_tpm(void)
{
	int replays, ret = hgl_tpm_log_open(true) ?: measure_l0();

	if (ret) {
		why_not = "no TPM 2.0, or it failed";
		return ret;
	}
	ret = make_key();
	if (ret) {
		why_not = "the key could not be made";
		return ret;
	}
	/* An extend that failed may have been done. */
	extended = true;
	ret = measure_key();
	if (!ret)
		ret = hgl_tpm_log_replays();
	if (ret < 0) {
		why_not = "the TPM failed";
		return ret;
	}
	replays = ret;
	ret = use_key(0);
	if (ret)
		return ret;
	if (!replays)
		pr_warn("PCR %u holds more than this load of the module: no verifier will believe reports until the machine has been booted anew\n",
			HGL_TPM_PCR);
	else
		pr_info("reports are signed by a key that PCR %u of the TPM names\n", HGL_TPM_PCR);
	return 0;
}

/* Under @end. */
static void start(void)
{
	scheme = hgl_report_scheme(report_key);
	if (!scheme) {
		why_not = "the parameter report_key is none of " HGL_REPORT_SCHEMES;
		pr_err("report_key=%s: known are " HGL_REPORT_SCHEMES "; there are no reports\n",
		       report_key);
	} else if (!strcmp(report, "development")) {
		start_development();
	} else if (!strcmp(report, "off")) {
		why_not = "switched off";
		pr_info("reports on confidential VMs are switched off\n");
	} else if (strcmp(report, "tpm")) {
		why_not = "the parameter report is none of tpm, development, off";
		pr_err("report=%s: known are tpm, development, off\n", report);
	} else if (start_tpm()) {
		drop_key();
		memset(public, 0, sizeof(public));
		pr_err("reports on confidential VMs are refused until the TPM works and the module is loaded again; for development without one: report=development\n");
	}
}

void hgl_measure_init(void)
{
	/* A guest's reports come from the core beneath, with its key. */
	if (static_branch_unlikely(&hgl_nested))
		return;
	/* A reboot may be under way; one that comes waits until there is a key that it can end. */
	mutex_lock(&end);
	if (ended)
		why_not = "the machine is going down";
	else
		start();
	mutex_unlock(&end);
	make_files();
}

/* ---- the end ---- */

static void end_key(void)
{
	mutex_lock(&end);
	ended = true;
	drop_key();
	mutex_unlock(&end);
}

void hgl_measure_exit(void)
{
	if (static_branch_unlikely(&hgl_nested))
		return;
	remove_files();
	if (key.algorithm)
		hg_core_report_key(NULL);
	end_key();
	hgl_tpm_log_close();
}

void hgl_measure_reboot(void)
{
	end_key();
}
