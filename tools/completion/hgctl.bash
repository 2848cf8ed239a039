# SPDX-License-Identifier: Apache-2.0
# bash completion for hgctl(1)

# The names of the VMs that are defined.
_hgctl_vms() {
	local dir=${HYPERGPU_CONFIG_DIR:-/etc/hypergpu}/vms f
	for f in "$dir"/*.conf; do
		[[ -e $f ]] || continue
		f=${f##*/}
		echo "${f%.conf}"
	done
}

_hgctl_words() { # CURRENT WORD...
	local cur=$1
	shift
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

# After `hgctl cvm`: $3 is its command, "" while there is none.
_hgctl_cvm() { # CURRENT PREVIOUS COMMAND
	case $2 in
	--kernel | --initrd | --cpuid | --dev)
		mapfile -t COMPREPLY < <(compgen -f -- "$1")
		return
		;;
	--irqchip) _hgctl_words "$1" on split; return ;;
	--reboot) _hgctl_words "$1" restart exit; return ;;
	--console) _hgctl_words "$1" serial virtio; return ;;
	--disk) _hgctl_words "$1" path=; return ;;
	--net) _hgctl_words "$1" tap= socket=; return ;;
	--append | --smp | --mem | --policy | --uid | --share | --vsock | --timeout) return ;;
	esac
	case $3 in
	'') _hgctl_words "$1" create start stop list console show digest delete run --dir --help ;;
	create)
		_hgctl_words "$1" --kernel --initrd --append --smp --mem --disk --net --share --vsock \
			--irqchip --policy --reboot --hugepages --rng --dev --uid --cpuid --console --ordinary
		;;
	list) _hgctl_words "$1" --json ;;
	stop)
		if [[ $1 == -* ]]; then
			_hgctl_words "$1" --timeout --force
		else
			_hgctl_words "$1" "$(_hgctl_vms)"
		fi
		;;
	*) _hgctl_words "$1" "$(_hgctl_vms)" ;;
	esac
}

# Commands with commands of their own. -> whether it was one.
_hgctl_sub() { # CURRENT PREVIOUS COMMAND SUBCOMMAND
	case $3 in
	cvm) _hgctl_cvm "$1" "$2" "$4" ;;
	gpu) [[ -n $4 ]] || _hgctl_words "$1" list identify enroll verify check run --dir --help ;;
	attest)
		[[ -n $4 ]] || _hgctl_words "$1" ak enrol activate key report-data report gather open \
			challenge submit remote join verify --dir --help
		;;
	config) [[ -n $4 ]] || _hgctl_words "$1" check show --dir --help ;;
	metrics) _hgctl_words "$1" --out --dir --root --help ;;
	*) return 1 ;;
	esac
	[[ -n ${COMPREPLY[*]} ]] || [[ $1 == -* || $3 == cvm ]] || mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_hgctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local word command='' sub='' skip=
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ -n $skip ]]; then
			skip=
		elif [[ $word == --dir ]]; then
			skip=1
		elif [[ $word == -* ]]; then
			:
		elif [[ -z $command ]]; then
			command=$word
		elif [[ -z $sub ]]; then
			sub=$word
		fi
	done
	case $prev in
	--root | --dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--out)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	_hgctl_sub "$cur" "$prev" "$command" "$sub" && return
	case $prev in
	--kernel | --initrd | --cpuid | --firmware)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--irqchip) _hgctl_words "$cur" on split; return ;;
	--append | --smp | --mem | --policy) return ;;
	esac
	if [[ $cur == -* ]]; then
		local options='--json --help --usage --version'
		[[ $command == measure ]] || options+=' --root'
		[[ -n $command && $command != status ]] || options+=' --all --watch'
		[[ -n $command && $command != measure ]] ||
			options+=' --kernel --initrd --append --smp --mem --irqchip --policy --cpuid --firmware'
		_hgctl_words "$cur" "$options"
	elif [[ -z $command ]]; then
		_hgctl_words "$cur" doctor status measure cvm gpu attest config metrics
	fi
}
complete -o filenames -F _hgctl hgctl
