/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hgctl gpu and hgctl attest: hggpu, hgrun, hgattest and hgverify, with what hypergpu.conf
 * says put before the arguments, so that these prevail.
 */
#ifndef HGCTL_FRONT_H
#define HGCTL_FRONT_H

/* @argv[0] is "gpu" or "attest". Returns only when nothing was started: 1, or 2 wrong usage. */
int gpu_main(int argc, char **argv);
int attest_main(int argc, char **argv);

/* hgctl config check and show. -> exit status. */
int config_main(int argc, char **argv);

#endif /* HGCTL_FRONT_H */
