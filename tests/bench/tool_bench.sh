#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# tool_bench.sh: how fast mdev-migrate answers. Prints a line
#
#   bench: NAME ours=<seconds>s peer=<seconds>s ratio=<peer/ours>
#
# for `find` over host snapshots of 8 types each, against jq asked the same
# question, and what find needs over ten times as many; and for `list` on a host
# with 200 devices. BENCH_HOSTS=10000 is how many. Needs no root.
set -eu
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
hosts=${BENCH_HOSTS:-10000}
tool=${TOOL:-$top/build/tools/mdev-migrate}
# Reading what was just written is to come from memory.
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tool-bench.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

[ -x "$tool" ] || make -s -C "$top/tools/mdev-migrate" >&2

# snapshots NUMBER: some module versions, boards and fill levels, as a fleet has.
snapshots() {
	awk -v hosts="$1" '
	function param(name, type, off, def, allowed, what) {
		return "\"" name "\":{\"type\":\"" type "\",\"off\":\"" off \
			"\",\"default\":\"" def "\",\"allowed\":\"" allowed \
			"\",\"description\":\"" what "\"}"
	}
	function net(v, filter, rss, pairs,   on, f, m, r, q) {
		on = v > 1 ? "on" : "off"; f = v == 3 ? 64 : v == 2 ? 32 : 0
		r = v == 3 ? "on" : "off"; q = v == 3 ? 4 : 1
		m = v == 3 ? 1500 : 0
		return "{" param("announce", "bool", "off", on, "on off", \
			"the guest announces itself on the network after migration") "," \
		param("mtu", "uint", 0, m, "0 68-65535", "MTU that the guest is told to use, 0 for none") "," \
		param("offloads", "bool", "off", on, "on off", \
			"checksum and segmentation offloads, mergeable receive buffers") "," \
		param("queue-pairs", "uint", 1, q, "1-" pairs, "pairs of a receive and a transmit queue") "," \
		param("rss", "bool", "off", r, rss ? "on off" : "off", "receive side scaling and hash reports") "," \
		param("rx-filter-size", "uint", 0, f, "0-" filter, \
			"entries of the MAC address filter, 0 for no filtering") "}"
	}
	function type(name, parent, uri, version, free, params) {
		return "{\"name\":\"" name "\",\"parent\":\"" parent \
			"\",\"parent_subsystem\":\"platform\",\"device_api\":\"vfio-pci\"," \
			"\"available_instances\":" free ",\"description\":\"" name "\"" \
			(uri == "" ? "" : ",\"model\":\"" uri "\",\"version\":\"" version \
			"\",\"config\":\"model=" uri "\",\"params\":" params) "}"
	}
	BEGIN {
		srand(42)
		base = "https://mdev-migrate.org/devices/"
		for (i = 0; i < hosts; i++) {
			filter = 32 * (1 + (rand() < .6)); rss = rand() < .5; pairs = rand() < .3 ? 4 : 8
			line = ""
			# A version is offered where all of its values are allowed.
			for (v = 1; v <= 2 + (rss && filter == 64); v++)
				line = line type("virtio_net-v" v, "virtio_net", base "virtio-net", \
					"v" v, int(rand() * 257), net(v, filter, rss, pairs)) ","
			if (v == 3)
				line = line type("mtty-4", "mtty", "", "", int(rand() * 6)) ","
			for (v = 1; v <= 3; v++)
				line = line type("bochs_display-v" v, "bochs_display", \
					base "bochs-display", "v" v, int(rand() * 17), \
					"{" param("edid", "bool", "off", v > 1 ? "on" : "off", "on off", \
					"the monitor describes itself") "," param("vram", "uint", 4, 4 * v, \
					"4-" 64 * pairs, "MiB of video memory") "}") ","
			line = line type("mtty-1", "mtty", "", "", int(rand() * 24)) ","
			line = line type("mtty-2", "mtty", "", "", int(rand() * 12))
			printf "{\"schema_version\":\"1.0\",\"host\":{\"name\":\"host%06d\",\"kernel\":\"6.12.%d\",\"machine\":\"x86_64\"},\"modules\":{\"mdev_migrate\":{\"version\":\"0.1\"}},\"types\":[%s],\"devices\":[],\"other_devices\":[]}\n", i, i % 20, line
		}
	}'
}

# seconds COMMAND...: the shortest of three runs' processor time, which other
# load leaves alone (both are single-threaded), and the most memory, in KiB.
seconds() {
	best="" rss=0 elapsed=""
	for _ in 1 2 3; do
		# shellcheck disable=SC2024
		/usr/bin/env time -f '%U %S %e %M' -o "$tmp/time" "$@" >"$tmp/answer" || true
		read -r user system wall m <<-END
			$(tail -n 1 "$tmp/time")
		END
		best=$(awk -v a="${best:-1e9}" -v b="$user" -v c="$system" \
			'BEGIN { print (b + c < a ? b + c : a) }')
		elapsed=$(awk -v a="${elapsed:-1e9}" -v b="$wall" 'BEGIN { print (b < a ? b : a) }')
		[ "$m" -le "$rss" ] || rss=$m
	done
}

source='model=https://mdev-migrate.org/devices/virtio-net,announce=on,mtu=1500,offloads=on,queue-pairs=4,rss=on,rx-filter-size=64'
# The same question: which hosts have a type whose parameters all take these
# values, and room? What the source does not name has to have an off value.
question='
def takes($p; $v): $p.allowed | split(" ") | any(. == $v or
	((. / "-") as $r | ($r | length) == 2 and ($v | tonumber? // -1) as $n |
	($r[0] | tonumber? // 1) <= $n and $n <= ($r[1] | tonumber? // 0)));
{"announce": "on", "mtu": "1500", "offloads": "on", "queue-pairs": "4",
 "rss": "on", "rx-filter-size": "64"} as $want |
[.types[] | select(.model == "https://mdev-migrate.org/devices/virtio-net" and
	.available_instances > 0) | .params as $params |
	select(all($want | keys[]; $params[.] != null) and
	all($params | keys[]; . as $k | takes($params[$k]; $want[$k] // $params[$k].off))) |
	([.params | to_entries[] | select(.value.default != ($want[.key] // .value.off))] | length)]
as $fits | if ($fits | length) > 0 then [.host.name, ($fits | min)] else empty end'

bench_find() {
	snapshots "$hosts" >"$tmp/fleet.json"
	seconds "$tool" find "$source" "$tmp/fleet.json"
	ours=$best
	fit=$(sed -n '1s/ .*//p' "$tmp/answer")
	echo "# find: $fit of $hosts hosts fit, $elapsed s elapsed, $((rss / 1024)) MiB, $(($(wc -c <"$tmp/fleet.json") >> 20)) MiB of snapshots"
	if command -v jq >/dev/null; then
		seconds jq -c "$question" "$tmp/fleet.json"
		theirs=$(wc -l <"$tmp/answer")
		[ "$theirs" = "$fit" ] || echo "# jq finds $theirs hosts"
		echo "bench: find_$hosts ours=${ours}s peer=${best}s ratio=$(awk -v a="$best" -v b="$ours" 'BEGIN { printf "%.1f", a / b }')"
	else
		echo "# there is no jq to compare with: install the package jq"
		echo "bench: find_$hosts ours=${ours}s peer=- ratio=-"
	fi
	for _ in 1 2 3 4 5 6 7 8 9 10; do cat "$tmp/fleet.json"; done >"$tmp/fleet10.json"
	seconds "$tool" find "$source" "$tmp/fleet10.json"
	echo "bench: find_${hosts}x10 ours=${best}s peer=$(awk -v a="$ours" 'BEGIN { print 10 * a }')s ratio=$(awk -v a="$ours" -v b="$best" 'BEGIN { printf "%.2f", 10 * a / b }')"
	echo "# find over ten times as many: $elapsed s elapsed, $((rss / 1024)) MiB; the peer is ten times the time of the former"
}

bench_list() {
	tmp_root=$tmp/sys
	# shellcheck source=tests/tool/lib.sh
	. "$top/tests/tool/lib.sh"
	make_type "$tmp_root" net net-v1 https://example.org/net v1 56 "mtu:uint:0:0:0-9000"
	i=0
	while [ $i -lt 200 ]; do
		make_device "$tmp_root" net net-v1 "$(printf '00000000-0000-0000-0000-%012d' $i)"
		i=$((i + 1))
	done
	seconds "$tool" list --root "$tmp_root"
	echo "bench: list_200 ours=${elapsed}s peer=0.05s ratio=$(awk -v b="$elapsed" 'BEGIN { printf "%.1f", .05 / (b > 0 ? b : .005) }')"
	echo "# list: elapsed; the peer is the time it may take"
}

bench_find
bench_list
