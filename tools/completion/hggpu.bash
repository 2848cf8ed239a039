# SPDX-License-Identifier: Apache-2.0
# bash completion for hggpu(1)

_hggpu() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word command=
	case $prev in
	--key | --out | --record | --trust | --distinct-from)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--pci)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /sys/bus/pci/devices 2>/dev/null && echo *)" -- "$cur")
		return
		;;
	--device | --simulated | --noise | --readings | --days)
		return
		;;
	esac
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		list | identify | enroll | verify) command=$word ;;
		esac
	done
	word='--device --pci --rom --simulated --noise'
	case $command in
	list) word='--json' ;;
	identify) word+=' --json' ;;
	enroll) word+=' --key --out --identity-only --readings --days --trust --distinct-from' ;;
	verify) word+=' --record --trust --strict --json' ;;
	*) word='list identify enroll verify --help --usage --version' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
}
complete -o filenames -F _hggpu hggpu
