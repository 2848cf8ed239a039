// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/sev: the platform commands (SEV API 0.24, chapter 5) that VMMs and
 * libvirt ask before they offer confidential VMs.
 *
 * There is no AMD firmware behind it and no key of AMD's. What a certificate or
 * an identity would be trusted for, the answers say in words: trust is rooted in
 * the machine's TPM (docs/sev-interface.md).
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/atomic.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/psp-sev.h>
#include <linux/uaccess.h>

#include "cvm.h"
#include "sev.h"

/* The version of the interface that is spoken, not of a firmware. */
#define API_MAJOR	0
#define API_MINOR	24
#define BUILD		1

static const char no_certificate[] =
	"HyperGPU: no certificate. SEV's interface in software; trust is rooted in the TPM.\n";
static const char no_identity[] =
	"HyperGPU: no chip identity. Trust is rooted in the TPM.\n";

static atomic_t guests = ATOMIC_INIT(0);

void hgl_sev_count(int by)
{
	atomic_add(by, &guests);
}

static long refuse(struct sev_issue_cmd *cmd, u32 error)
{
	cmd->error = error;
	return -EIO;
}

static long platform_status(struct sev_issue_cmd *cmd)
{
	int count = atomic_read(&guests);
	struct sev_user_data_status status = {
		.api_major = API_MAJOR,
		.api_minor = API_MINOR,
		.state = count ? SEV_STATE_WORKING : SEV_STATE_INIT,
		.flags = 0,	/* self-owned, no encrypted state */
		.build = BUILD,
		.guest_count = count,
	};

	return copy_to_user((void __user *)cmd->data, &status, sizeof(status)) ? -EFAULT : 0;
}

/* Lengths first, then the bytes, as the firmware does. */
static long pdh_cert_export(struct sev_issue_cmd *cmd)
{
	struct sev_user_data_pdh_cert_export export;
	const u32 length = sizeof(no_certificate) - 1;
	bool fits;

	if (copy_from_user(&export, (void __user *)cmd->data, sizeof(export)))
		return -EFAULT;
	fits = export.pdh_cert_len >= length && export.cert_chain_len >= length;
	export.pdh_cert_len = length;
	export.cert_chain_len = length;
	if (fits && (copy_to_user((void __user *)export.pdh_cert_address, no_certificate, length) ||
		     copy_to_user((void __user *)export.cert_chain_address, no_certificate,
				  length)))
		return -EFAULT;
	if (copy_to_user((void __user *)cmd->data, &export, sizeof(export)))
		return -EFAULT;
	return fits ? 0 : refuse(cmd, SEV_RET_INVALID_LEN);
}

static long get_id2(struct sev_issue_cmd *cmd)
{
	const u32 length = sizeof(no_identity) - 1;
	struct sev_user_data_get_id2 id;
	bool fits;

	if (copy_from_user(&id, (void __user *)cmd->data, sizeof(id)))
		return -EFAULT;
	fits = id.length >= length;
	id.length = length;
	if (fits && copy_to_user((void __user *)id.address, no_identity, length))
		return -EFAULT;
	if (copy_to_user((void __user *)cmd->data, &id, sizeof(id)))
		return -EFAULT;
	return fits ? 0 : refuse(cmd, SEV_RET_INVALID_LEN);
}

static long command(struct sev_issue_cmd *cmd)
{
	switch (cmd->cmd) {
	case SEV_PLATFORM_STATUS:
		return platform_status(cmd);
	case SEV_PDH_CERT_EXPORT:
		return pdh_cert_export(cmd);
	case SEV_GET_ID2:
		return get_id2(cmd);
	case SEV_FACTORY_RESET:
	case SEV_PEK_GEN:
	case SEV_PEK_CSR:
	case SEV_PDH_GEN:
	case SEV_PEK_CERT_IMPORT:
	case SEV_GET_ID:
		return refuse(cmd, SEV_RET_UNSUPPORTED);
	}
	return -EINVAL;
}

static long sev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sev_issue_cmd issue;
	long ret;

	if (cmd != SEV_ISSUE_CMD)
		return -EINVAL;
	if (copy_from_user(&issue, (void __user *)arg, sizeof(issue)))
		return -EFAULT;
	issue.error = SEV_RET_SUCCESS;
	ret = command(&issue);
	if (copy_to_user((void __user *)arg, &issue, sizeof(issue)))
		return -EFAULT;
	return ret;
}

static const struct file_operations sev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = sev_ioctl,
	.llseek = noop_llseek,
};

bool hgl_sev_dev_is(int fd)
{
	struct fd f = fdget(fd);
	bool ours;

	if (!f.file)
		return false;
	ours = f.file->f_op == &sev_fops;
	fdput(f);
	return ours;
}

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "sev",
	.fops = &sev_fops,
};
static bool registered;

/* Without it ordinary VMs run as ever, so its absence stops nothing. */
int hgl_sev_dev_init(void)
{
	struct path path;
	int ret;

	if (!kern_path("/dev/sev", 0, &path)) {
		path_put(&path);
		pr_warn("/dev/sev is taken (by ccp?): no confidential VMs; rmmod ccp and load again\n");
		return 0;
	}
	ret = misc_register(&device);
	registered = !ret;
	return ret;
}

void hgl_sev_dev_exit(void)
{
	if (registered)
		misc_deregister(&device);
}
