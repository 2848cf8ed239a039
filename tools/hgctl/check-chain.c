// SPDX-License-Identifier: Apache-2.0
/*
 * The rest of the chain, from the configuration file to the verifier: what only shows when
 * it is tried is tried by the programs that will do it.
 */
#include "doctor.h"

#include "probe.h"
#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRY_SECONDS 30
#define SOME_NONCE "00000000000000000000000000000000"

static struct check chain(const char *id, const char *title)
{
	return (struct check){ "Chain", id, title, LEVEL_OK, OPTIONAL };
}

static bool check_config(const struct machine *m, struct report *r, struct settings *conf)
{
	struct check f = chain("config", "configuration");
	char path[PATH_MAX];
	int err;

	if (m->real)
		snprintf(path, sizeof(path), "%s/" SITE_FILE, site_dir(NULL));
	else
		snprintf(path, sizeof(path), "%.3000s" SITE_DIR "/" SITE_FILE, m->fs.root);
	err = settings_read(conf, path);
	if (err == -ENOENT) {
		report_add(r, f, "no %s: everything is as usual", path);
	} else if (err) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "%s", conf->error);
		report_remedy(r, "correct that line, see hypergpu.conf(5); hgctl config check");
	} else {
		report_add(r, f, "%s is right", path);
	}
	return !err || err == -ENOENT;
}

static void check_log(const struct machine *m, struct report *r, const char *id, const char *title,
		      const char *path, const char *absent)
{
	struct check f = chain(id, title);
	int err = fs_access(&m->fs, path, R_OK);

	if (!err) {
		report_add(r, f, "%s", path);
		return;
	}
	f.level = err == -ENOENT ? LEVEL_MISSING : LEVEL_WARN;
	report_add(r, f, "%s: %s", path, strerror(-err));
	report_remedy(r, "%s", err == -ENOENT ? absent :
		      "only root may read it: hgctl attest gather as root");
}

/* Runs another program of ours. -> whether it exited with 0; @f is reported in any case. */
static bool try(struct report *r, struct check f, const char *const *argv, const char *good,
		const char *remedy)
{
	char text[512] = "";
	int status = probe_run(argv, text, sizeof(text), TRY_SECONDS);

	if (!status) {
		report_add(r, f, "%s", good);
		return true;
	}
	f.level = LEVEL_MISSING;
	if (status == -ETIMEDOUT)
		report_add(r, f, "%s: no answer within %d s", argv[0], TRY_SECONDS);
	else
		report_add(r, f, "%s", *text ? text : "it failed, and did not say why");
	report_remedy(r, "%s", remedy);
	return false;
}

/* The path of a program, or NULL after a finding. */
static const char *program(struct report *r, struct check f, const char *name, char path[PATH_MAX])
{
	if (site_find(name, path))
		return path;
	f.level = LEVEL_MISSING;
	report_add(r, f, "%s is not installed", name);
	report_remedy(r, "install it beside hgctl (make install)");
	return NULL;
}

/* A quote needs all of it: the TPM, the way to it, the key. */
static void check_quote(struct report *r, const struct settings *conf, const char *ak)
{
	struct check f = chain("attest.quote", "TPM quotes");
	char path[PATH_MAX];
	const char *tcti = settings_get(conf, "attest", "tcti");
	const char *argv[] = { path, "gather", "--tcti", tcti, "--ak", ak, "--nonce", SOME_NONCE,
			       "--boot-log", "none", "--l0-log", "none",
			       "--out", "-", NULL };

	if (program(r, f, "hgattest", path))
		try(r, f, argv, "with that key",
		    "see [attest] tcti and ak in hypergpu.conf; is the user in the group tss?");
}

static void check_ak(const struct machine *m, struct report *r, const struct settings *conf)
{
	struct check f = chain("attest.ak", "attestation key");
	const char *ak = settings_get(conf, "attest", "ak");
	int err = ak ? fs_access(&m->fs, ak, R_OK) : 0;

	if (!ak || err) {
		f.level = ak ? LEVEL_MISSING : LEVEL_WARN;
		report_add(r, f, "%s%s%s", ak ? ak : "none is named", err ? ": " : "",
			   err ? strerror(-err) : "");
		report_remedy(r, ak ? "hgctl attest ak" :
			      "name a file as [attest] ak in hypergpu.conf, then hgctl attest ak");
		return;
	}
	report_add(r, f, "%s", ak);
	if (m->real)
		check_quote(r, conf, ak);
}

static void check_verifier(const struct machine *m, struct report *r, const struct settings *conf)
{
	struct check f = chain("attest.server", "verifier");
	const char *server = settings_get(conf, "attest", "server");
	const char *ca = settings_get(conf, "attest", "ca");
	const char *cert = settings_get(conf, "attest", "client_certificate");
	const char *key = settings_get(conf, "attest", "client_key");
	char path[PATH_MAX];
	const char *argv[] = { path, "challenge", "--out", "-", "--server", server, "--ca", ca,
			       cert && key ? "--client-cert" : NULL, cert, "--client-key", key,
			       NULL };

	if (!server) {
		report_add(r, f, "none is configured");
	} else if (!ca) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "%s, but no certificate to know it by", server);
		report_remedy(r, "name its CA's file as [attest] ca in hypergpu.conf");
	} else if (m->real && program(r, f, "hgattest", path)) {
		try(r, f, argv, server, "does hgverifyd run there? curl --cacert the CA's file "
		    "SERVER/healthz; see docs/hgverifyd.md");
	}
}

static void check_record(const struct machine *m, struct report *r, const struct settings *conf)
{
	struct check f = chain("gpu.record", "GPU record");
	const char *record = settings_get(conf, "gpu", "record");
	const char *signer = settings_get(conf, "gpu", "signer");
	char path[PATH_MAX];
	const char *argv[] = { path, "check", "--record", record, "--trust", signer, NULL };

	if (!record) {
		f.level = LEVEL_WARN;
		report_add(r, f, "none is named: programs must go without the GPU's key");
		report_remedy(r, "hgctl gpu enroll; then name [gpu] record and signer in "
				 "hypergpu.conf");
	} else if (!signer) {
		f.level = LEVEL_MISSING;
		report_add(r, f, "%s, but nobody is named whose signature counts", record);
		report_remedy(r, "name the enroller's public key as [gpu] signer in hypergpu.conf");
	} else if (m->real && program(r, f, "hggpu", path)) {
		try(r, f, argv, record, "enrol the GPU anew: hgctl gpu enroll; or is [gpu] signer "
		    "another's key?");
	}
}

/* hgrun asks this machine's loader in the way that counts: with the layer. */
static void check_layer(struct report *r)
{
	struct check f = chain("gpu.layer", "OpenCL layer");
	char path[PATH_MAX];
	const char *argv[] = { path, "--anonymous", "--", "/bin/true", NULL };

	if (program(r, f, "hgrun", path))
		try(r, f, argv, "installed, and the OpenCL loader takes it",
		    "install ocl-icd-libopencl1 of at least 2.3, a driver of the GPU's, and "
		    "hgrun with its layer");
}

void check_chain(const struct machine *m, struct report *r)
{
	struct settings conf = { .rules = conf_rules };
	bool right = check_config(m, r, &conf);

	check_log(m, r, "attest.boot-log", "firmware's event log",
		  "/sys/kernel/security/tpm0/binary_bios_measurements",
		  "there is none without a TPM of the firmware's; else mount securityfs");
	check_log(m, r, "attest.l0-log", "module's event log",
		  "/sys/kernel/security/hypergpu/event_log", "load hypergpu.ko");
	/* Of a file that is wrong, half is not used. */
	if (right) {
		check_ak(m, r, &conf);
		check_verifier(m, r, &conf);
		check_record(m, r, &conf);
	}
	if (m->real)
		check_layer(r);
	settings_free(&conf);
}
