#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The rules of compatibility, as a table:
#
#   what it shows | source: configuration after the model | destination:
#   parameters as NAME:TYPE:OFF:DEFAULT:ALLOWED | verdict | codes
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

model=https://vendor-a.com/my-nic
no_rss="rss:bool:off:off:off"
rss="rss:bool:off:off:on off"
rss_on="rss:bool:off:on:on off"

status_of() {
	case $1 in
	identical | compatible) echo 0 ;;
	incompatible) echo 1 ;;
	unknown) echo 3 ;;
	esac
}

codes_of() {
	sed -n 's/^ *"code": "\(.*\)",$/\1/p' "$1" | sort -u | tr '\n' ' ' | sed 's/ $//'
}

i=0
rule() {
	i=$((i + 1))
	root=$tmp/host$i
	name=$1 source=$2 verdict=$4 codes=$5
	old_ifs=$IFS
	IFS=';'
	# shellcheck disable=SC2086
	set -- $3
	IFS=$old_ifs
	make_type "$root" nic nic-x "$model" v1 5 "$@"
	run "$(status_of "$verdict")" "$name: $verdict" \
		"$tool" check --json --root "$root" "model=$model$source" nic-x
	if grep -q "^  \"verdict\": \"$verdict\"" "$tmp/out" &&
		[ "$(codes_of "$tmp/out")" = "$codes" ]; then
		pass "$name: [$codes]"
	else
		fail "$name: [$codes]"
	fi
}

# The table of the design discussion: is RSS available on the destination?
rule "rss off, not available" "" "$no_rss" identical ""
rule "rss off, available" "" "$rss" identical ""
rule "rss on, not available" ",rss=on" "$no_rss" incompatible value-not-allowed
rule "rss on, available" ",rss=on" "$rss" compatible write
rule "rss on, already on" ",rss=on" "$rss_on" identical ""
rule "rss off, on if nothing is written" "" "$rss_on" compatible write
rule "rss off said aloud" ",rss=off" "$rss" identical ""
rule "rss off, cannot be switched off" "" "rss:bool:on:on:on" identical ""
rule "rss unknown there, on" ",rss=on" "mtu:uint:0:0:0-9000" incompatible parameter-unknown
rule "rss unknown to the source" "" "$rss;mtu:uint:0:1500:0-9000" compatible write

# rx-filter-size: 32 does not fit into 0, nor into 16; versions are names.
filter() { echo "rx-filter-size:uint:0:$1:$2"; }
rule "filter 32 to none" ",rx-filter-size=32" "$(filter 0 0)" incompatible value-not-allowed
rule "filter 16 to 32 is written" ",rx-filter-size=16" "$(filter 32 0-64)" compatible write
rule "filter 32 to 32" ",rx-filter-size=32" "$(filter 32 0-64)" identical ""
rule "filter 64 to at most 32" ",rx-filter-size=64" "$(filter 32 0-32)" incompatible value-not-allowed
rule "filter 48, only steps" ",rx-filter-size=48" "$(filter 0 '0 16 32 64')" incompatible value-not-allowed
rule "filter 32, one of the steps" ",rx-filter-size=32" "$(filter 0 '0 16 32 64')" compatible write
rule "none to one that is 32 by default" "" "$(filter 32 0-64)" compatible write
rule "not a number" ",rx-filter-size=many" "$(filter 0 0-64)" incompatible value-malformed
rule "leading zero" ",rx-filter-size=032" "$(filter 0 0-64)" incompatible value-malformed
rule "neither on nor off" ",rss=yes" "$rss" incompatible value-malformed
rule "too large for any" ",rx-filter-size=99999999999999999999" "$(filter 0 0-64)" incompatible value-not-allowed
rule "largest number" ",rx-filter-size=18446744073709551615" "$(filter 0 0-18446744073709551615)" compatible write
rule "words" ",mode=fast" "mode:word:slow:slow:slow fast" compatible write
rule "word that is not known" ",mode=faster" "mode:word:slow:slow:slow fast" incompatible value-not-allowed
rule "two things at once" ",rss=on,rx-filter-size=64" "$no_rss;$(filter 0 0-32)" incompatible value-not-allowed
rule "one to write, one that cannot be" ",rss=on,rx-filter-size=32" "$rss;$(filter 0 0)" incompatible "value-not-allowed write"
rule "order does not matter" ",rx-filter-size=32,rss=on" "$rss_on;$(filter 32 0-64)" identical ""

# foo-3 equals foo-1 with an attribute: versions and type names are only names.
host=$tmp/foo
make_type "$host" card foo-1 https://vendor-b.com/foo v1 3 "aggregate:uint:1:1:1-4"
make_type "$host" card foo-3 https://vendor-b.com/foo v3 1 "aggregate:uint:1:3:1-4"
make_device "$host" card foo-1 11111111-1111-1111-1111-111111111111 \
	model=https://vendor-b.com/foo,aggregate=3
make_device "$host" card foo-3 33333333-3333-3333-3333-333333333333
run 0 "foo-1 with aggregate=3 is foo-3" "$tool" check --root "$host" \
	11111111-1111-1111-1111-111111111111 foo-3
says "... identical" "^identical:"
run 0 "foo-3 is foo-1 with aggregate=3" "$tool" check --root "$host" foo-3 foo-1
says "... says what to write" "write 3 to migration/params/aggregate"
run 0 "two devices" "$tool" check --root "$host" 33333333-3333-3333-3333-333333333333 \
	11111111-1111-1111-1111-111111111111
says "... identical" "^identical:"
run 0 "the host chooses the better type" "$tool" check --root "$host" foo-3 .
says "... foo-3" "-> card/foo-3 on"

# Resources, other models, drivers that say nothing.
full=$tmp/full
make_type "$full" card foo-1 https://vendor-b.com/foo v1 0 "aggregate:uint:1:1:1-4"
make_type "$full" card bar-1 https://vendor-b.com/bar v1 2 "aggregate:uint:1:1:1-4"
make_type "$full" mtty mtty-2 "" "" 12
make_device "$full" card foo-1 22222222-2222-2222-2222-222222222222
run 1 "no instance is free" "$tool" check --root "$full" foo-1 foo-1
says "... says so" "no more devices of this type can be made"
run 0 "a device that is there needs none" "$tool" check --root "$full" foo-1 \
	22222222-2222-2222-2222-222222222222
run 1 "another model" "$tool" check --root "$full" foo-1 bar-1
run 3 "a driver that says nothing, destination" "$tool" check --root "$full" foo-1 mtty-2
run 1 "a driver that says nothing, source, another driver" "$tool" check --root "$full" mtty-2 bar-1
run 3 "a driver that says nothing, the same type name" "$tool" check --root "$full" mtty-2 mtty-2
put "$full/class/mdev_bus/card/mdev_supported_types/bar-1/available_instances" many
run 3 "room that is not known" "$tool" check --root "$full" bar-1 bar-1
put "$full/class/mdev_bus/card/mdev_supported_types/bar-1/migration/combinations" checked
put "$full/class/mdev_bus/card/mdev_supported_types/bar-1/available_instances" 2
run 3 "a combination only the host can judge" "$tool" check --root "$full" \
	model=https://vendor-b.com/bar,aggregate=2 bar-1
run 0 "a version's own combination" "$tool" check --root "$full" \
	model=https://vendor-b.com/bar bar-1
put "$full/class/mdev_bus/card/mdev_supported_types/bar-1/migration/stream_version" 2.0
put "$full/class/mdev_bus/card/mdev_supported_types/foo-1/migration/stream_version" 1.7
"$tool" export --root "$full" | sed 's/"2\.0"/"1.3"/' >"$tmp/old.json"
run 1 "streams of another major version" "$tool" check --root "$full" bar-1 "$tmp/old.json:bar-1"
says "... says both" "1\.3|2\.0"
finish
