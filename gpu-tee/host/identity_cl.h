/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenCL's driver says of a device. */
#ifndef HG_IDENTITY_CL_H
#define HG_IDENTITY_CL_H

#include "clapi.h"
#include "identity.h"

/* Adds the cl members to @id; extensions that a driver lacks leave theirs out. */
int hg_cl_identity(const struct hg_clapi *api, cl_device_id device, struct hg_fp_identity *id,
		   struct hg_gpu_error *err);

/* Where the device sits, by cl_khr_pci_bus_info. -1 if the driver does not tell. */
int hg_cl_pci_address(const struct hg_clapi *api, cl_device_id device, char *to, size_t size);

#endif
