# SPDX-License-Identifier: Apache-2.0
# bash completion for hgimage(1)

_hgimage() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	case $prev in
	--out | --debs | --modules | verify)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--recipe | --kernel | --add | --warm-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--warm) return ;;
	esac
	local words='build verify --help --version'
	[[ ${COMP_WORDS[1]} != build ]] || ((COMP_CWORD == 1)) ||
		words='--out --recipe --debs --kernel --modules --add --warm --warm-file --keep'
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _hgimage hgimage tools/hgimage
