#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What names on the command line stand for: types below several parents, parts of
# snapshots, files and what is not one; and what is said about names that do not fit.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1 streamer=$1-stream
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
uri=https://mdev-migrate.org/devices/test-pooled
source=model=$uri,units=8
types=class/mdev_bus/pool

# pool HOST FREE0 FREE1: two parents with the same types.
pool() {
	for n in 0 1; do
		eval "free=\$$((n + 2))"
		# shellcheck disable=SC2154
		make_type "$tmp/$1" pool.$n pool-v1 $uri v1 "$free" "units:uint:1:1:1-64"
		make_type "$tmp/$1" pool.$n pool-v2 $uri v2 "$free" "units:uint:1:8:1-64"
	done
	"$tool" export --compact --root "$tmp/$1" -o "$tmp/$1.json"
}
pool lab 0 6
pool full 0 0
pool roomy 2 3
make_type "$tmp/single" net net-v1 https://example.org/net v1 3 "mtu:uint:0:0:0-9000"
"$tool" export --compact --root "$tmp/single" -o "$tmp/single.json"
cat "$tmp/lab.json" "$tmp/full.json" >"$tmp/fleet.json"

# lacks NAME REGEX: the last command's output, on neither channel, has it.
lacks() {
	if cat "$tmp/out" "$tmp/err" | grep -qE -- "$2"; then fail "$1"; else pass "$1"; fi
}

# A TYPE is that of any parent.
run 0 "TYPE, the first parent is full" "$tool" check --root "$tmp/lab" $source pool-v2
says "... the answer names the parent" "^identical: .* -> pool.1/pool-v2 on lab$"
run 0 "FILE:TYPE likewise" "$tool" check $source "$tmp/lab.json:pool-v2"
says "... and the parent" "-> pool.1/pool-v2 on lab$"
run 0 "FILE:HOST/TYPE likewise" "$tool" check $source "$tmp/fleet.json:lab/pool-v2"
says "... and the parent" "-> pool.1/pool-v2 on lab$"
run 0 "... in JSON" "$tool" check --json $source "$tmp/lab.json:pool-v2"
says "... and the parent" '"parent": "pool.1"'
run 0 "plan for a TYPE" "$tool" plan $source "$tmp/lab.json:pool-v1"
says "... is for that parent" "^type='/sys/$types.1/mdev_supported_types/pool-v1'$"
run 1 "TYPE, all parents are full" "$tool" check $source "$tmp/full.json:pool-v2"
says "... says so of the best" "-> pool.[01]/pool-v2 on full$"
says "... and why" "no more devices of this type can be made"
says "... the fix is none that is wrong for pools" "fix: remove a device .*migration/params"
run 1 "TYPE, of none can be made what is asked for" "$tool" check "model=$uri,units=65" "$tmp/lab.json:pool-v2"
says "... says why" "units: the source has 65, the destination allows 1-64"
run 1 "PARENT/TYPE is that one only" "$tool" check --root "$tmp/lab" $source pool.0/pool-v2
says "... and is named" "-> pool.0/pool-v2 on lab$"
run 0 "the one with the most room" "$tool" check $source "$tmp/roomy.json:pool-v2"
says "... is taken" "-> pool.1/pool-v2 on roomy$"
run 0 "a whole host" "$tool" check $source "$tmp/lab.json"
says "... the parent too" "-> pool.1/pool-v2 on lab$"
run 0 "find" "$tool" find $source "$tmp/lab.json" "$tmp/full.json"
says "... the parent too" "^lab +identical +pool.1/pool-v2, 0 to write, 6 free$"
says "... nothing twice" "^full +incompatible +pool.[01]/pool-v2: no more devices of this type"
run 0 "find --json" "$tool" find --json $source "$tmp/lab.json"
says "... the parent too" '"parent": "pool.1"'
run 0 "show TYPE" "$tool" show --root "$tmp/lab" pool-v1
says "... below the first parent" "^parent +pool.0$"
says "... and the second" "^parent +pool.1$"
run 0 "show PARENT/TYPE" "$tool" show --root "$tmp/lab" pool.1/pool-v1
lacks "... of that one only" "pool.0"

# PARENT/TYPE in a snapshot.
run 0 "FILE:PARENT/TYPE" "$tool" show "$tmp/lab.json:pool.0/pool-v1"
says "... is that one" "^parent +pool.0$"
run 0 "FILE:HOST/PARENT/TYPE" "$tool" show "$tmp/fleet.json:lab/pool.1/pool-v1"
says "... is that one" "^parent +pool.1$"
run 1 "check FILE:PARENT/TYPE" "$tool" check $source "$tmp/lab.json:pool.0/pool-v2"
run 2 "FILE:PARENT/TYPE that is not there" "$tool" show "$tmp/lab.json:pool.9/pool-v1"
says "... neither host nor parent" 'no host "pool.9" in it, and no device or type "pool.9/pool-v1"'
says "... names what there is, with parents" "pool.0/pool-v1, pool.0/pool-v2, pool.1/pool-v1 and pool.1/pool-v2"
run 2 "FILE:HOST/WHAT of no host" "$tool" show "$tmp/fleet.json:pool.0/pool-v1"
says "... which there are" 'there is no host "pool.0" in it: it has lab and full'
run 2 "a type that is not there" "$tool" show --root "$tmp/lab" pool-v9
says "... names what there is, with parents" "host, which has pool.0/pool-v1, pool.0/pool-v2, pool.1/pool-v1 and pool.1/pool-v2"
run 2 "a type that is not there, one parent" "$tool" show "$tmp/single.json:net-v9"
says "... needs no parent" "it has net-v1$"

# What is a folder is not a snapshot, whatever it is called.
mkdir "$tmp/cwd" "$tmp/cwd/pool-v2" "$tmp/cwd/pool.1"
cp "$tmp/single.json" "$tmp/cwd/net-v1"
in_cwd() { (cd "$tmp/cwd" && "$tool" "$@"); }
run 0 "show a type that a folder is called like" in_cwd show --root "$tmp/lab" pool-v2
run 0 "check it" in_cwd check --root "$tmp/lab" $source pool-v2
run 0 "as a source" in_cwd check --root "$tmp/lab" pool-v2 pool.1/pool-v2
run 2 "a folder that nothing else is called like" in_cwd show --root "$tmp/single" pool.1
says "... is not a file" '"pool.1" is not a file'
run 2 "a folder as a snapshot" "$tool" find $source "$tmp/cwd"
says "... is none" "cwd is a directory, not a snapshot"
run 2 "a folder as a state" "$streamer" decode "$tmp/cwd"
says "... is none" "cwd is a directory, not a saved state"
run 0 "a file that nothing is called like" in_cwd show --root "$tmp/full" net-v1
says "... and has one to choose" "^parent +net$"
cp "$tmp/lab.json" "$tmp/cwd/net-v1"
run 0 "a type goes before a file" in_cwd show --root "$tmp/single" net-v1
says "... and is that one" "^parent +net$"
run 2 "... and the file by its path" in_cwd show --root "$tmp/single" ./net-v1
says "... says how to go on" "say which device or type, as ./net-v1:TYPE"
mkdir "$tmp/cwd/net"
cp "$tmp/lab.json" "$tmp/cwd/net/net-v1"
run 0 "... with its parent" in_cwd show --root "$tmp/single" net/net-v1
says "... and is that one" "^parent +net$"
run 0 "a type that a file is called like, with its parent" in_cwd show --root "$tmp/single" net/net-v1
mkfifo "$tmp/pipe"
cat "$tmp/lab.json" >"$tmp/pipe" &
run 0 "a named pipe is one" timeout 60 "$tool" check $source "$tmp/pipe"
wait

# . is this host, wherever a snapshot can be.
for command in "find $source" baseline matrix "check $source" "plan $source" list; do
	# shellcheck disable=SC2086
	run 0 "$command ." in_cwd $command --root "$tmp/lab" .
done
run 0 "find in this host and a snapshot" "$tool" find --root "$tmp/lab" $source . "$tmp/full.json"
says "... both" "^1 of 2 hosts fit"

# list takes a snapshot.
run 0 "list a snapshot" "$tool" list "$tmp/lab.json"
says "... its types" "^pool-v2 +pool.1 +v2 +6 "
run 0 "list one host of a snapshot" "$tool" list "$tmp/fleet.json:full/"
says "... that one" "^pool-v2 +pool.1 +v2 +0 "
run 0 "list --json a snapshot" "$tool" list --json "$tmp/fleet.json:full/"
says "... that one" '"name": "full"'
run 2 "list a snapshot of many" "$tool" list "$tmp/fleet.json"
says "... says which" "has 2 hosts, lab and full: say which one as .*fleet.json:HOST/"
run 2 "list one device" "$tool" list "$tmp/lab.json:pool-v2"
says "... is for show" "list takes a host.*show"
run 2 "list a configuration" "$tool" list $source
printf '{"schema_version":"1.1","host":{"name":"bare"}}\n' >"$tmp/bare.json"
run 0 "list a snapshot without anything" "$tool" list "$tmp/bare.json"
says "... says so" "There were no mediated device types on this host when it was exported"

# Hints can be followed.
run 2 "check FILE: as a source" "$tool" check "$tmp/lab.json:" "$tmp/full.json"
says "... says what to write" "as .*/lab.json:TYPE"
lacks "... with one colon" "json::"
run 2 "check FILE:HOST/ as a source" "$tool" check "$tmp/fleet.json:lab/" "$tmp/full.json"
says "... says what to write" "as .*/fleet.json:lab/TYPE"
run 2 "show FILE" "$tool" show "$tmp/lab.json"
says "... says what to write" "as .*/lab.json:TYPE.*list .*/lab.json"
run 2 "show ." "$tool" show --root "$tmp/lab" .
says "... says what to write" "say which device or type, of pool.*; see mdev-migrate list$"
run 0 "show -:TYPE" sh -c "\"$tool\" show -:pool.1/pool-v1 <\"$tmp/lab.json\""
says "... is that one" "^parent +pool.1$"
run 0 "check from -:TYPE" sh -c "\"$tool\" check -:pool-v2 \"$tmp/lab.json\" <\"$tmp/lab.json\""
run 0 "check to -:TYPE, an option behind it" \
	sh -c "\"$tool\" check $source -:pool-v2 --json <\"$tmp/lab.json\""
for pair in "- -" "-:pool-v2 -" "-:lab/pool-v2 -:pool-v2"; do
	for command in check plan; do
		# shellcheck disable=SC2086
		run 2 "$command $pair" "$tool" $command $pair
		says "... is once too often" "only one .* can come from standard input"
	done
done
run 2 "find - -" "$tool" find - -
says "... is once too often" "only one .* can come from standard input"
run 2 "no such option" "$tool" show -x:y
finish
