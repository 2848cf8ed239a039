// SPDX-License-Identifier: Apache-2.0
#include "doctor.h"

#include "term.h"

void doctor_examine(const struct machine *m, struct report *r)
{
	check_cpu(m, r);
	check_iommu(m, r);
	check_tpm(m, r);
	check_memory(m, r);
	check_kernel(m, r);
	check_module(m, r);
	check_gpus(m, r);
	if (m->real)
		check_compute(m, r);
	check_chain(m, r);
}

int doctor_main(const char *root, bool json)
{
	struct report r = { 0 };
	struct machine m;
	int err, status;

	machine_init(&m, root);
	doctor_examine(&m, &r);
	err = json ? report_print_json(&r, stdout) :
		     report_print(&r, stdout, term_colour(stdout));
	status = err ? 2 : report_ready(&r) ? 0 : 1;
	if (err)
		fputs("hgctl: cannot write the report\n", stderr);
	report_free(&r);
	return status;
}
