# SPDX-License-Identifier: Apache-2.0
# bash completion for hgvmm(1)

_hgvmm() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='--kernel --initrd --append --smp --mem --hugepages --irqchip --dev --reboot
		--cvm --cvm-policy --dump-cpuid --serial --console --disk --net --share --vsock --rng
		--status --debug-exit --sandbox --chroot --uid --no-irqfd --no-ioeventfd --help
		--version'
	case $prev in
	--kernel | --initrd | --dev | --status | --dump-cpuid)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--chroot)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	--irqchip)
		mapfile -t COMPREPLY < <(compgen -W 'on split' -- "$cur")
		;;
	--sandbox)
		mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur")
		;;
	--reboot)
		mapfile -t COMPREPLY < <(compgen -W 'restart exit' -- "$cur")
		;;
	--serial | --console)
		mapfile -t COMPREPLY < <(compgen -W 'stdio pty file: none' -- "$cur")
		;;
	--append | --smp | --mem | --cvm-policy | --disk | --net | --share | --vsock | \
		--debug-exit | --uid) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		;;
	esac
}
complete -o filenames -F _hgvmm hgvmm
