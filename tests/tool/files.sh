#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# -o and --html: a file that others read is the old one or the new one, never a part.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
i=0
while [ $((i += 1)) -le 40 ]; do
	make_type "$tmp/host" nic nic-v$i https://example.org/nic v$i 3 "mtu:uint:0:$i:0-9000"
done
"$tool" export --root "$tmp/host" >"$tmp/whole"
mkdir "$tmp/d"

# only NAME...: these are the files of the folder, hidden ones too.
only() {
	ls -A "$tmp/d" >"$tmp/out"
	printf '%s\n' "$@" | sort | cmp -s - "$tmp/out"
}

# export_to FILE
export_to() { "$tool" export --root "$tmp/host" -o "$@"; }

(umask 027 && export_to "$tmp/d/new")
# same FILE FILE: but for when they were made.
same() { sed '/"taken":/d' "$1" | cmp - "$tmp/timeless"; }
sed '/"taken":/d' "$tmp/whole" >"$tmp/timeless"
run 0 "a new file" same "$tmp/d/new"
run 0 "... with the rights that a new one gets" test "$(stat -c %a "$tmp/d/new")" = 640
run 0 "... and nothing beside it" only new

echo old >"$tmp/d/old"
chmod 604 "$tmp/d/old"
ln "$tmp/d/old" "$tmp/d/reader"
exec 3<"$tmp/d/old"
run 0 "in the place of an old one" export_to "$tmp/d/old"
run 0 "... is all of it" same "$tmp/d/old"
run 0 "... who has the old one open reads that" test "$(cat <&3)" = old
run 0 "... which another name still has" test "$(cat "$tmp/d/reader")" = old
run 0 "... with the rights of the old one" test "$(stat -c %a "$tmp/d/old")" = 604
exec 3<&-
ln -s ../d/reader "$tmp/d/link"
run 0 "to a link" export_to "$tmp/d/link"
run 0 "... which stays one" test -L "$tmp/d/link"
run 0 "... and leads to the new one" same "$tmp/d/reader"
ln -s nowhere "$tmp/d/dangling"
run 0 "to a link to nothing" export_to "$tmp/d/dangling"
run 0 "... which is there then" same "$tmp/d/nowhere"
run 0 "... and nothing beside all these" only new old reader link dangling nowhere

# The disk is full: a file may have a block or two here, and the signal is not taken.
full() { (trap '' XFSZ && ulimit -f 2 && "$@"); }
rm -r "$tmp/d"
mkdir "$tmp/d"
echo old >"$tmp/d/old"
run 2 "no room on the disk" full "$tool" export --root "$tmp/host" -o "$tmp/d/old"
says "... is said" "cannot write .*/d/old: File too large"
run 0 "... and the old one is there" test "$(cat "$tmp/d/old")" = old
run 2 "no room for the page" full "$tool" matrix --html "$tmp/d/old" "$tmp/whole"
run 0 "... likewise" test "$(cat "$tmp/d/old")" = old
run 2 "no room for a new one" full "$tool" export --root "$tmp/host" -o "$tmp/d/new"
run 0 "... and nothing is left" only old
run 2 "a folder that is not there" export_to "$tmp/d/no/where"
says "... is named" "cannot create .*/d/no/where: No such file"
run 2 "a folder" export_to "$tmp/d"

# What is no file is written to as it is.
run 0 "a device" export_to /dev/null
mkfifo "$tmp/d/pipe"
cat "$tmp/d/pipe" >"$tmp/piped" &
run 0 "a pipe" timeout 30 "$tool" export --root "$tmp/host" -o "$tmp/d/pipe"
wait
run 0 "... gets all of it" same "$tmp/piped"
run 0 "standard output" sh -c "'$tool' export --root '$tmp/host' -o - | sed '/\"taken\":/d' | cmp - '$tmp/timeless'"
finish
