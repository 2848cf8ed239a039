# SPDX-License-Identifier: Apache-2.0
# bash completion for hgverify(1)

_hgverify() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	case $prev in
	--evidence | --policy | --reference | --reference-key | --enrolled | --ear | --ear-key | --release | \
		--out | --enrol | --roots | --crls | --challenge | --state | --enrol-finish | --to-corim | \
		--sign-key | --kernel | --initrd | --firmware-log)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--nonces)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	--nonce | --time | --signer | --append | --name) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--evidence --nonce --policy --reference --reference-key
			--enrolled --json --ear --ear-key --release --out --nonces --new-nonce --enrol --roots
			--crls --challenge --state --enrol-finish --to-corim --sign-key --signer
			--boot-reference --kernel --initrd --append --firmware-log --name --time --help
			--usage --version' -- "$cur")
		;;
	esac
}
complete -o filenames -F _hgverify hgverify
