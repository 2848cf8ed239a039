# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# What goes into an image: $WORK/root and $WORK/initrd, by a recipe. Files of Debian packages
# are what the package's checksums say, from this system or out of the packages themselves.
# $WORK/packages has a line for each package, $WORK/sources one for each other file.

# Small programs of the image's own, and the project's, if they are not there yet.
build_programs() {
	local build=$PARTS/build

	mkdir -p "$build" || die "cannot write to $build"
	make -s -C "$PARTS" || die "the image's own programs cannot be built"
}

# Debian's merged /usr.
start_trees() {
	local d

	mkdir -p "$WORK"/{root,initrd,debs,image} "$WORK"/root/{dev,etc,proc,run,sys,tmp,usr} ||
		die "cannot write to $WORK"
	mkdir -p "$WORK"/root/usr/{bin,sbin,lib,lib64} "$WORK"/initrd/{bin,mod}
	for d in bin sbin lib lib64; do
		ln -s usr/$d "$WORK/root/$d"
	done
	: >"$WORK/packages"
	: >"$WORK/sources"
}

read_recipe() {
	local kind rest line=0

	set -f	# the recipe's patterns are not for this shell
	while read -r kind rest; do
		line=$((line + 1))
		# shellcheck disable=SC2086 # words
		case $kind in
		'' | '#'*) ;;
		root | initrd) take_package "$kind" $rest ;;
		module) take_modules $rest ;;
		file) take_file $rest ;;
		link) take_link $rest ;;
		*) die "$RECIPE:$line: unknown kind '$kind'" ;;
		esac
	done <"$RECIPE"
	set +f
}

# ---- packages ----

# fits PATH PATTERN...
fits() {
	local path=$1 pattern

	shift
	for pattern; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ $path == $pattern ]] && return 0
	done
	return 1
}

# take_package TREE PACKAGE PATTERN...
take_package() {
	local tree=$WORK/$1 package=$2 files=$WORK/files from path taken=0

	shift 2
	if [ -n "$DEBS" ]; then
		from=$WORK/debs/$package
		unpack_deb "$package" "$from"
	else
		from=
		installed "$package"
	fi
	: >"$files"
	while IFS= read -r path; do
		fits "$path" "$@" || continue
		[ ! -d "$from$path" ] || [ -L "$from$path" ] || continue
		case $path in
		/usr/share/doc/* | /usr/share/man/* | /usr/share/lintian/*) continue ;;
		esac
		copy "$from$path" "$tree$path"
		echo "$path" >>"$files"
		taken=$((taken + 1))
	done <"$WORK/list"
	[ $taken -gt 0 ] || die "$package has no file that fits: $*"
	checked "$package" "$from" "$files"
}

# A file or a link, with no owner, time or privilege of its own.
copy() {
	mkdir -p "${2%/*}" && cp -P --no-preserve=all "$1" "$2" || die "$1: cannot be copied"
	[ -L "$2" ] || { [ -x "$1" ] && chmod 755 "$2" || chmod 644 "$2"; }
}

# installed PACKAGE: $WORK/list and $WORK/sums of it.
installed() {
	local info=/var/lib/dpkg/info name=$1 said

	said=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version} ${Architecture}\n' "$name" \
		2>/dev/null) && [[ $said == ii* ]] ||
		die "the package $name is not installed here; install it, or see --debs"
	[ "$(wc -l <<<"$said")" = 1 ] || die "$name is installed for more than one architecture"
	cut -d' ' -f2- <<<"${said/ii  /ii }" | sed 's/^ *//; s/$/ -/' >>"$WORK/packages"
	dpkg-query -L "$name" | sed '/^diverted by/d; /^\/\.$/d' | sort >"$WORK/list"
	[ -e "$info/$name.md5sums" ] || name=$name:$(dpkg --print-architecture)
	[ -r "$info/$name.md5sums" ] || die "dpkg has no checksums of $name"
	{
		sed 's|  |  /|' "$info/$name.md5sums"
		dpkg-query -W -f '${Conffiles}\n' "${name%:*}" | awk 'NF >= 2 { print $2 "  " $1 }'
	} >"$WORK/sums"
}

# unpack_deb PACKAGE TO: the same, out of the package, which is noted with its hash.
unpack_deb() {
	local deb found

	set +f
	found=("$DEBS/$1"_*.deb)
	set -f
	[ ${#found[@]} -eq 1 ] && [ -r "${found[0]}" ] || die "there must be one $1_*.deb in $DEBS"
	deb=${found[0]}
	[ "$(dpkg-deb -f "$deb" Package)" = "$1" ] || die "$deb is another package"
	[ -d "$2" ] || dpkg-deb -x "$deb" "$2" || die "$deb: cannot be unpacked"
	echo "$1 $(dpkg-deb -f "$deb" Version) $(dpkg-deb -f "$deb" Architecture)" \
		"$(sha256sum <"$deb" | cut -d' ' -f1)" >>"$WORK/packages"
	(cd "$2" && find . -mindepth 1 | sed 's/^\.//' | sort) >"$WORK/list"
	dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./md5sums 2>/dev/null | sed 's|  |  /|' >"$WORK/sums"
	(cd "$2" && find etc -type f -exec md5sum {} + 2>/dev/null | sed 's|  |  /|') >>"$WORK/sums"
}

# checked PACKAGE FROM FILES: what was taken is what the package had.
checked() {
	awk -v from="$2" '
		NR == FNR { sum[$2] = $1; next }
		{
			path = $1
			if (system("test -L \"" from path "\"") == 0) next
			if (!(path in sum)) { print "no checksum of " path > "/dev/stderr"; bad = 1; next }
			print sum[path] "  " from path
		}
		END { exit bad }' "$WORK/sums" "$3" >"$WORK/check" &&
		{ [ ! -s "$WORK/check" ] || md5sum --check --strict --quiet "$WORK/check" >&2; } ||
		die "$1: its files are not what the package has"
}

# ---- other files ----

# take_modules NAME...: with what they need; /mod/order is the order to load them in.
take_modules() {
	local name path

	for name; do
		modprobe -d "${MODULES%/lib/modules/*}" -S "${MODULES##*/}" --show-depends "$name" ||
			die "the kernel ${MODULES##*/} has no module $name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$WORK/modules" || exit 1
	while read -r path; do
		name=${path##*/}
		cp --no-preserve=all "$path" "$WORK/initrd/mod/$name" &&
			echo "$name" >>"$WORK/initrd/mod/order" || die "$path: cannot be copied"
	done <"$WORK/modules"
}

# place SOURCE TREE PATH MODE
place() {
	[[ $3 == /* && $3 != */../* && $3 != *' '* ]] || die "$3: not a path in the image"
	[ -f "$1" ] || die "$1: no such file; run make first"
	mkdir -p "$2${3%/*}" && cp --no-preserve=all "$1" "$2$3" && chmod "$4" "$2$3" ||
		die "$1: cannot be copied"
}

take_file() { # TREE SOURCE PATH MODE
	place "$TOP/$2" "$WORK/$1" "$3" "$4"
	echo "$1 $3 $(sha256sum <"$TOP/$2" | cut -d' ' -f1)" >>"$WORK/sources"
}

take_link() { # PATH TARGET
	mkdir -p "$WORK/root${1%/*}" && ln -s "$2" "$WORK/root$1" || die "$1: no link"
}

# add_files TREE FILE:PATH...
add_files() {
	local tree=$1 spec mode

	shift
	for spec; do
		[[ $spec == *:/* ]] || die "$spec: not FILE:PATH"
		mode=644
		[ ! -x "${spec%:/*}" ] || mode=755
		place "${spec%:/*}" "$tree" "/${spec##*:/}" $mode
		[ "$tree" != "$WORK/root" ] || echo "root /${spec##*:/}" \
			"$(sha256sum <"${spec%:/*}" | cut -d' ' -f1)" >>"$WORK/sources"
	done
}

# Every library that a program or library of the root wants is in the root, and every link leads
# to something there.
check_libraries() {
	local there=$WORK/there missing link target

	while IFS= read -r link; do
		target=$(readlink "$link")
		[[ $target == /* ]] && target=$WORK/root$target || target=${link%/*}/$target
		[ -e "$target" ] || die "${link#"$WORK/root"} leads to $(readlink "$link"), which is not in the root"
	done < <(find "$WORK/root" -type l)
	find "$WORK/root" -name '*.so*' -printf '%f\n' | sort -u >"$there"
	missing=$(find "$WORK/root" -type f \( -perm /111 -o -name '*.so*' \) -exec readelf -d {} + 2>/dev/null |
		awk '/^File: / { file = $2 }
			/\(NEEDED\)/ { gsub(/[][]/, "", $NF); print $NF, file }' | sort |
		join -v 1 - "$there")
	[ -z "$missing" ] || die "libraries are missing in the root:"$'\n'"${missing//$WORK\/root/}"
}
