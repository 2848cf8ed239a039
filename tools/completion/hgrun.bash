# SPDX-License-Identifier: Apache-2.0
# bash completion for hgrun(1)

_hgrun() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	local options='--gpu --signer --anonymous --simulated --report --suite --allow-binaries'
	options+=' --strict --no-rewrite --null --cuda --cuda-driver --no-cuda --layer --verbose --help --version'
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			i=$((i + 1))
			break
			;;
		--gpu | --signer | --simulated | --report | --suite | --layer | --cuda-driver) i=$((i + 1)) ;;
		-g | -r | -s) i=$((i + 1)) ;;
		-*) ;;
		*) break ;;
		esac
	done
	# The program and its arguments, completed as if hgrun were not there.
	if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
		_command_offset "$i"
		return
	fi
	case $prev in
	--gpu | --signer | --report | --layer | --cuda-driver | -g | -r)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--simulated) ;;
	--suite | -s) mapfile -t COMPREPLY < <(compgen -W 'aes-256-gcm chacha20-poly1305 sm4-ctr-hmac-sm3' -- "$cur") ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	esac
}
complete -o filenames -F _hgrun hgrun
