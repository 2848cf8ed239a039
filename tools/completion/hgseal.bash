# SPDX-License-Identifier: Apache-2.0
# bash completion for hgseal(1)

_hgseal() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]}
	case $prev in
	--key | --public | --in | --out | -k | -p | -i | -o)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--context | --nonce | -c | -n) return ;;
	esac
	if ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'key seal open to' -- "$cur")
		return
	fi
	local options='--help --usage --version --out'
	case $command in
	seal | open) options+=' --key --context --in' ;;
	to) options+=' --public --nonce --in' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
}
complete -o filenames -F _hgseal hgseal
