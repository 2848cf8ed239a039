# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian's libvirt in the bench; sourced by the scripts that run there, as root.

# The bench has neither AppArmor, nor D-Bus, nor a cgroup of libvirt's.
start_libvirt() {
	mkdir -p /run/libvirt /var/lib/libvirt/images
	printf '%s\n' 'security_driver = "none"' 'user = "root"' 'group = "root"' \
		'cgroup_controllers = [ ]' >/etc/libvirt/qemu.conf
	virtlogd -d && libvirtd -d || return 1
	timeout 60 sh -c 'until virsh -q list >/dev/null 2>&1; do sleep 1; done'
}

stop_libvirt() {
	pkill -x libvirtd
	pkill -x virtlogd
	sleep 1
}

# domain_xml KIND DISK KERNEL INITRD CMDLINE LOG TAP: the example tools/libvirt/KIND.xml
# with these, on the processors that may run VMs, with the loader of this tree.
domain_xml() {
	local cpus
	cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
	sed -e "s|/var/lib/libvirt/images/$1.img|$2|" \
		-e "s|placement='static'|placement='static' cpuset='$cpus'|" \
		-e "s|/usr/local/share/hypergpu/hgloader.fd|$HG_TOP/vmm/build/hgloader.fd|" \
		-e "s|<kernel>.*</kernel>|<kernel>$3</kernel>|" \
		-e "s|<initrd>.*</initrd>|<initrd>$4</initrd>|" \
		-e "s|<cmdline>.*</cmdline>|<cmdline>$5</cmdline>|" \
		-e "s|<serial type='pty'/>|<serial type='pty'><log file='$6'/></serial>|" \
		-e "s|<interface type='user'>|<interface type='ethernet'><target dev='$7' managed='no'/>|" \
		"tools/libvirt/$1.xml"
}
