// SPDX-License-Identifier: Apache-2.0
/* scan-process PID: how often the secret of guest.h is found in a process, for scripts. */
#include <stdlib.h>

#include "cvm.h"
#include "scan.h"

int main(int argc, char **argv)
{
	int by_file, by_call;

	if (argc != 2) {
		fprintf(stderr, "usage: scan-process PID\n");
		return 2;
	}
	by_file = scan_process(atoi(argv[1]), SCAN_PROC_MEM);
	by_call = scan_process(atoi(argv[1]), SCAN_READV);
	if (by_file < 0 || by_call < 0) {
		fprintf(stderr, "scan-process: cannot read process %s\n", argv[1]);
		return 1;
	}
	printf("%d\n", by_file + by_call);
	return 0;
}
