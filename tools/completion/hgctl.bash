# SPDX-License-Identifier: Apache-2.0
# bash completion for hgctl(1)

_hgctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local word command=
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		doctor | status | measure) command=$word ;;
		esac
	done
	case $prev in
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--kernel | --initrd | --cpuid | --firmware)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--irqchip)
		mapfile -t COMPREPLY < <(compgen -W 'on split' -- "$cur")
		return
		;;
	--append | --smp | --mem | --policy)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		local options='--json --help --usage --version'
		[[ $command == measure ]] || options+=' --root'
		[[ -n $command && $command != status ]] || options+=' --all --watch'
		[[ -n $command && $command != measure ]] ||
			options+=' --kernel --initrd --append --smp --mem --irqchip --policy --cpuid --firmware'
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'doctor status measure' -- "$cur")
	fi
}
complete -o filenames -F _hgctl hgctl
