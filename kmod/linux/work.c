// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work of the host's that is due before a guest is entered: rescheduling, task
 * work, restartable sequences.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>

#include "work.h"

/*
 * The kernel's helper takes a struct kvm_vcpu, of which it touches the exit
 * reason and a counter when it finds a signal. Nobody reads them here.
 */
static struct kvm_run unread_run;
static struct kvm_vcpu unread_vcpu = { .run = &unread_run };

int hgl_host_work(void)
{
	return xfer_to_guest_mode_handle_work(&unread_vcpu);
}
