/* SPDX-License-Identifier: Apache-2.0 */
/* Memory types: Linux without MTRRs does without its PAT, and as an SEV guest it needs that. */
#ifndef HG_LOADER_MTRR_H
#define HG_LOADER_MTRR_H

/* Devices below 4 GiB are not cached, all else is; Linux gives its other CPUs the same. */
void mtrr_init(void);

#endif
