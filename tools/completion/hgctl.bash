# SPDX-License-Identifier: Apache-2.0
# bash completion for hgctl(1)

_hgctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local word command=
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		doctor | status) command=$word ;;
		esac
	done
	if [[ $prev == --root ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	elif [[ $cur == -* ]]; then
		local options='--json --root --help --usage --version'
		[[ $command == doctor ]] || options+=' --all --watch'
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'doctor status' -- "$cur")
	fi
}
complete -F _hgctl hgctl
