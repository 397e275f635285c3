# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Putting the products together.

product_or_die() {
	[ -d "${1:-/nonexistent}" ] ||
		die "the product '$2' is not there yet: run 'tests/lab/lab setup $2' first"
}

# wanted_products PART...: "function release argument" of each product
wanted_products() {
	local part release

	for part in "$@"; do
		release=$RELEASE
		case $part in
		*@*) release=${part#*@} part=${part%@*} ;;
		esac
		case $part in
		tree | guest | display | edk2 | checker | consumers) echo "${part}_build $release" ;;
		stock-* | libvirt-*) echo "${part%%-*}_build $release ${part#*-}" ;;
		all) wanted_products tree guest checker fast debug smp ;;
		*)
			is_flavour "$part" ||
				die "there is nothing called '$part' to set up: fast, fastsmp, debug, smp, tree, guest, display, edk2, checker, consumers or all"
			echo "source_build $release"
			echo "source_build newest"
			echo "kernel_build $release $part"
			;;
		esac
	done
}

# for_release RELEASE FUNCTION...: as if it were the one asked for.
for_release() (
	[ "$RELEASE" = "$1" ] || {
		export LAB_RELEASE=$1
		RELEASE=$1
		unset SRC_VERSION
	}
	shift
	"$@"
)

product_exists() {
	local dir

	case $1 in
	kernel_build) dir=$(kernel_dir "$2") ;;
	stock_build | libvirt_build) dir=$("${1%_build}_dir" "$2") ;;
	*) dir=$("${1%_build}_dir") ;;
	esac
	[ -n "$dir" ] && [ -d "$dir" ]
}

# What is not there yet, given the versions we know of.
missing_products() {
	local product release argument

	echo "$1" | while read -r product release argument; do
		for_release "$release" product_exists "$product" "$argument" ||
			echo "$product $release $argument"
	done
}

build_queue() {
	local product release argument

	while read -r product release argument; do
		[ -z "$product" ] ||
			for_release "$release" "$product" ${argument:+"$argument"} || exit 1
	done <<<"$1"
}

# suites_of PRODUCTS: where their packages come from.
suites_of() {
	local suite release

	echo "$1" | awk '$1 == "libvirt_build" { print $3 }
		$1 == "consumers_build" { print "bookworm\ntrixie\nforky" }'
	for suite in $(echo "$1" | awk '$1 == "libvirt_build" { print $3 }'); do
		libvirt_backports "$suite"
	done
	for suite in $(echo "$1" | awk '$1 == "stock_build" { print $3 }'); do
		stock_suites "$suite"
	done
	echo "$1" | grep -qvE '^(stock|libvirt)_build' || return 0
	for release in $(echo "$1" | awk '{ print $2 }' | sort -u); do
		for_release "$release" release_lines | head -n 1 | cut -d' ' -f1
	done
	echo "$TREE_SUITE"
}

lab_setup() {
	local wanted missing suite pids=() pid failed=

	[ $# -gt 0 ] || set -- all
	need_root
	check_plain_path "$CACHE"
	wanted=$(wanted_products "$@") || exit 1
	wanted=$(echo "$wanted" | awk '!seen[$0]++')
	# Who has all does not wait for another's setup.
	if [ -z "$(host_missing)" ] &&
		(release_choose && [ -z "$(missing_products "$wanted")" ]) 2>/dev/null; then
		return 0
	fi
	lock_cache
	host_setup
	mkdir -p "$CACHE/tmp" "$CACHE/index"
	export LAB_ONLINE=1
	release_choose
	missing=$(missing_products "$wanted") || exit 1
	[ -n "$missing" ] || return 0

	# Something is to be built: of today's packages then.
	while read -r suite _; do
		index_refresh "$suite"
	done < <( (suites_of "$missing") | sort -u)
	unset SRC_VERSION
	release_choose
	missing=$(missing_products "$wanted") || exit 1

	# Downloads and trees while kernels compile: a queue for each kind.
	build_queue "$(echo "$missing" | grep -E '^(tree|guest|display|edk2|checker|consumers)')" &
	pids+=($!)
	build_queue "$(echo "$missing" | grep -E '^(source|kernel)')" &
	pids+=($!)
	build_queue "$(echo "$missing" | grep -E '^(stock|libvirt)')" &
	pids+=($!)
	trap 'for pid in "${pids[@]}"; do kill_tree "$pid"; done; exit 130' INT TERM
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	trap - INT TERM
	[ -z "$failed" ] || die "setup is not complete: see the step that failed above"
	rm -rf "$CACHE"/index/*/cache/archives/*.deb
}

lab_refresh() {
	local suite

	need_root
	export LAB_ONLINE=1
	lock_cache
	mkdir -p "$CACHE/tmp" "$CACHE/index"
	for suite in $( (release_lines | head -n 1 | cut -d' ' -f1; echo "$TREE_SUITE") | sort -u); do
		step "package index of $suite" index_update "$suite" ||
			die "the mirror $MIRROR does not answer"
	done
}

lab_path() {
	local dir

	case ${1:-} in
	src) dir=$(source_dir)/linux ;;
	headers) dir=$(source_dir)/headers ;;
	kernel) check_flavour "${2:-}"; dir=$(kernel_dir "$2") ;;
	tree) dir=$(tree_dir) ;;
	guest) dir=$(guest_dir) ;;
	display) dir=$(display_dir) ;;
	edk2) dir=$(edk2_dir) ;;
	checker) checker_command; return ;;
	consumers) dir=$(consumers_dir) ;;
	ccache) mkdir -p "$CCACHE_DIR" && dir=$CCACHE_DIR ;;
	guest-kernel) dir=$(guest_dir)/vmlinux ;;
	guest-initrd) dir=$(guest_dir)/initrd ;;
	stock-* | libvirt-*) dir=$("${1%%-*}_dir" "${1#*-}") ;;
	*) die "say what: src, headers, kernel FLAVOUR, tree, guest, display, edk2, checker, consumers, ccache, stock-SUITE, libvirt-SUITE, guest-kernel or guest-initrd" ;;
	esac
	case $dir in
	/*) ;;
	*) exit 1 ;;
	esac
	[ -e "$dir" ] || say "$dir is not there yet: run 'tests/lab/lab setup'"
	echo "$dir"
}
