#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lab_described.sh TOOL: in the lab, as TAP. Devices that are no mdevs
# (tests/modules/described), live: what `mdev-migrate check` says of them is what
# migration/type/check says, and what it calls compatible and `plan` writes makes the
# one like the other.
#
# DESCRIBED_N=400 configurations. DESCRIBED_SEED=1.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1
nr=${DESCRIBED_N:-400} seed=${DESCRIBED_SEED:-1}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
echo "TAP version 13"
modprobe mdm_described || {
	echo "Bail out! the module does not load"
	exit 1
}
a=platform/mdm_described.0 b=platform/mdm_described.1
dir_a=/sys/bus/platform/devices/mdm_described.0
dir_b=/sys/bus/platform/devices/mdm_described.1
model=https://mdev-migrate.org/devices/test-described

# random_configs: some that fit, some combinations that do not, some nonsense.
random_configs() {
	awk -v nr="$nr" -v seed="$seed" -v model="$model" '
	function pick(list,   n, parts) {
		n = split(list, parts, " ")
		return parts[1 + int(rand() * n)]
	}
	BEGIN {
		srand(seed)
		for (i = 0; i < nr; i++) {
			line = "model=" model (rand() < .03 ? "s" : "")
			if (rand() < .6) line = line ",lanes=" pick("1 1 2 4 8 3 16 01")
			if (rand() < .6) line = line ",mode=" pick("slow fast fast safe Fast")
			if (rand() < .6) line = line ",size=" pick("0 1 16 32 63 64 65 -1")
			if (rand() < .02) line = line ",colour=red"
			print line
		}
	}'
}

# The kernel's word on a device: 0 accepted, 1 refused.
kernel_check() {
	{ printf %s "$1" >"$2/migration/type/check"; } 2>/dev/null
}

run 0 "list" "$tool" list
says "... both" "$a +mdm_described-v2 "
says "... both" "$b +mdm_described-v2 "
run 0 "show" "$tool" show $a
says "... the parameters" "lanes +4 +4 +1 +1-2 4 8"
run 0 "they are alike" "$tool" check $a $b
says "... identical" "^identical"
"$tool" export -o "$tmp/host.json"
run 0 "so they are in a snapshot" "$tool" check "$tmp/host.json:$a" "$tmp/host.json:$b"
for answer in list "show $a" "check $a $b" "find $a $tmp/host.json"; do
	# shellcheck disable=SC2086
	"$tool" $answer --json >"$tmp/answer"
	run 0 "$answer, as the schema says" python3 "$here/validate.py" --strict \
		"$here/../../tools/mdev-migrate" "$tmp/answer"
done

# What is on the way may be a combination that cannot be; then the last are written first.
write_plan() {
	sh "$tmp/plan" 2>/dev/null
	sh -e "$tmp/plan" 2>>"$tmp/err"
}

disagree=0 fit=0 unfit=0 moved=0 wrong=0
random_configs >"$tmp/configs"
while read -r config; do
	kernel=1
	kernel_check "$config" $dir_b && kernel=0
	"$tool" check "$config" $b >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status != 2 ] || status=1
	if [ $status != $kernel ]; then
		disagree=$((disagree + 1))
		echo "# kernel $kernel, tool $status: $config"
		sed 's/^/#   /' "$tmp/out" "$tmp/err"
	fi
	if [ $kernel = 1 ]; then
		unfit=$((unfit + 1))
		continue
	fi
	fit=$((fit + 1))
	if "$tool" plan "$config" $b >"$tmp/plan" 2>"$tmp/err" && write_plan &&
		"$tool" check "$config" $b | grep -q '^identical'; then
		moved=$((moved + 1))
	else
		echo "# $config:"
		sed 's/^/#   /' "$tmp/plan" "$tmp/err"
		wrong=$((wrong + 1))
	fi
done <"$tmp/configs"
echo "# $nr configurations: $fit fit, $unfit do not; $moved were written"
# expect NAME COMMAND...
expect() {
	name=$1
	shift
	: >"$tmp/out"
	: >"$tmp/err"
	if "$@"; then pass "$name"; else fail "$name"; fi
}
expect "check agrees with the kernel on all" test $disagree = 0
expect "some fit and some do not" test $fit -gt $((nr / 10)) -a $unfit -gt $((nr / 10))
expect "all that fits can be written" test $moved = $fit -a $wrong = 0

# What the other device has is not there.
echo 0 >$dir_b/migration/params/size
echo 64 >$dir_a/migration/params/size
run 1 "more than there is" "$tool" check "model=$model,size=33" $b
says "... is no room" "No space left"
run 0 "as much as there is" "$tool" check "model=$model,size=32" $b

# One that is open keeps its values.
echo 1 >$dir_b/open
now=$(cat $dir_b/migration/config)
run 0 "an open device, as it is" "$tool" check "$now" $b
run 1 "an open device, otherwise" "$tool" check "model=$model,size=1" $b
says "... says so" "busy|fix: have it closed"
"$tool" check --json "model=$model,size=1" $b >"$tmp/answer"
run 0 "... to programs" grep -q '"code": "device-open"' "$tmp/answer"
echo 0 >$dir_b/open
run 0 "... until it is closed" "$tool" check "model=$model,size=1" $b
modprobe -r mdm_described
run 0 "list, when they are gone" "$tool" list
if grep -q mdm_described "$tmp/out"; then fail "... says nothing of them"; else pass "... says nothing of them"; fi
finish
