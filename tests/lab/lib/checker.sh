# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# sparse, of the tree's release and run with the tree's C library: the host's may
# be too old for the kernel's headers.

checker_dir() {
	local version

	version=$(version_of "$TREE_SUITE" sparse) || die_unknown "sparse for $TREE_SUITE"
	echo "$CACHE/checker-${version//[!A-Za-z0-9.]/-}-$(recipe_key checker_fill </dev/null)"
}

checker_fill() {
	mkdir -p "$1/deb"
	download "$TREE_SUITE" "$1/deb" sparse
	dpkg-deb -x "$1"/deb/sparse_*.deb "$1/root"
	mv "$1/root/usr/bin/sparse" "$1/sparse"
	rm -rf "$1/deb" "$1/root"
}

checker_build() {
	make_product "$(checker_dir)" "sparse" 20 checker_fill
}

# The command line that is sparse.
checker_command() {
	local tree

	tree=$(tree_dir)
	echo "$tree/usr/lib64/ld-linux-x86-64.so.2 --library-path" \
		"$tree/usr/lib/x86_64-linux-gnu $(checker_dir)/sparse"
}
