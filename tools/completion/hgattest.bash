# SPDX-License-Identifier: Apache-2.0
# bash completion for hgattest(1)

_hgattest() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local word command=
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		ak | enrol | activate | key | report-data | report | gather | open | challenge | submit | remote | join)
			command=$word
			;;
		--open) command=open ;;
		esac
	done
	case $prev in
	--ak | --boot-log | --l0-log | --report | --key | --public | --challenge | --open | --out | \
		--owner-auth | --endorsement-auth | --ca | --client-cert | --client-key | --token | --evidence | \
		--ear | --cvm)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--type)
		mapfile -t COMPREPLY < <(compgen -W 'rsa2048 rsa3072 p256 p384 sm2 sm2-sha256' -- "$cur")
		return
		;;
	--ek)
		mapfile -t COMPREPLY < <(compgen -W 'l-1 l-2 h-1 h-2 h-3' -- "$cur")
		return
		;;
	--bank)
		mapfile -t COMPREPLY < <(compgen -W 'sha256 sha384 sm3_256' -- "$cur")
		return
		;;
	--root)
		mapfile -t COMPREPLY < <(compgen -W 'tpm software' -- "$cur")
		return
		;;
	--tcti)
		mapfile -t COMPREPLY < <(compgen -W 'device:/dev/tpmrm0 swtpm:path= tabrmd' -- "$cur")
		return
		;;
	--server)
		mapfile -t COMPREPLY < <(compgen -W 'https://' -- "$cur")
		return
		;;
	--nonce | --pcrs | --tpm-timeout | --policy | --secret | --label | --bytes)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		local options='--out --help --usage --version'
		local tpm=' --tcti --root --tpm-timeout --owner-auth --endorsement-auth'
		local net=' --server --ca --client-cert --client-key'
		case $command in
		'') options+=' --open' ;;
		ak) options+="$tpm --type --ek" ;;
		enrol) options+="$tpm --ak" ;;
		activate) options+="$tpm --ak --challenge" ;;
		key) options+=' --public' ;;
		report-data) options='--nonce --key' ;;
		report) options+=' --nonce --key' ;;
		gather) options+="$tpm --nonce --ak --bank --pcrs --boot-log --l0-log --report --key" ;;
		open) options+=' --open --key --nonce' ;;
		challenge) options+="$net --bytes" ;;
		submit) options+="$net --nonce --evidence --policy --secret --key --ear --json" ;;
		remote) options+="$tpm$net --ak --bank --pcrs --boot-log --l0-log --cvm --policy --secret --ear --json" ;;
		join) options+="$tpm$net --ak --token --label" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'ak enrol activate key report-data report gather open challenge submit remote join' -- "$cur")
	fi
}
complete -o filenames -F _hgattest hgattest
