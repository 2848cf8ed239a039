# SPDX-License-Identifier: Apache-2.0
# bash completion for hgverifyd(8)

_hgverifyd() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local word noun= verb=
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		serve | check | init | vouch | machine | reference | policy | secret | device | token | audit)
			if [[ -z $noun ]]; then noun=$word; elif [[ -z $verb ]]; then verb=$word; fi
			;;
		add | list | remove | revoke | restore | rekey | create) [[ -n $verb ]] || verb=$word ;;
		esac
	done
	case $prev in
	-c | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--label | --reference | --policy | --kind | --machine | --days) return ;;
	esac
	if [[ $cur == -* ]]; then
		local options='--config --json --help --version'
		case $noun-$verb in
		machine-add) options+=' --label' ;;
		reference-add) options+=' --replace' ;;
		policy-add) options+=' --reference --replace' ;;
		secret-add) options+=' --policy --replace' ;;
		device-add) options+=' --kind --machine' ;;
		token-create) options+=' --label --days' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ -z $noun ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'serve check init vouch machine reference policy secret device token audit' -- "$cur")
	elif [[ -z $verb ]]; then
		local verbs
		case $noun in
		machine) verbs='add list revoke restore remove' ;;
		secret) verbs='add list remove rekey' ;;
		reference | policy | device) verbs='add list remove' ;;
		token) verbs='create list remove' ;;
		audit) verbs='check' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "${verbs:-}" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -o filenames -F _hgverifyd hgverifyd
