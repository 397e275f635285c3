#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Names and values from elsewhere: what moves a terminal's cursor, turns what is read
# around or cannot be seen is written in ASCII, and is no markup.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
hostile="python3 $here/hostile.py"
uri=https://example.org/nic

# shown STATUS NAME COMMAND...: nothing of the kind on either channel.
shown() {
	want=$1 name=$2
	shift 2
	run "$want" "$name" "$@"
	cp "$tmp/out" "$tmp/stdout"
	cp "$tmp/err" "$tmp/stderr"
	# shellcheck disable=SC2086
	run 0 "... only what can be seen" $hostile scan "$tmp/stdout" "$tmp/stderr"
	cp "$tmp/stdout" "$tmp/out"
	cp "$tmp/stderr" "$tmp/err"
}

# A snapshot with all of Unicode that is not to be seen.
$hostile snapshot a >"$tmp/a.json"
$hostile snapshot b >"$tmp/b.json"
shown 0 "list" "$tool" list "$tmp/a.json"
says "... a byte's name" 'example|\\x1b'
says "... a control of the second range" '\\u009b'
says "... what turns letters around" '\\u202e'
shown 0 "list --json" "$tool" list --json "$tmp/a.json"
says "... in JSON's own words" '\\\\u202e'
shown 0 "check" "$tool" check "$tmp/a.json:t0-\\x01" "$tmp/b.json"
shown 0 "find" "$tool" find "model=$uri" "$tmp/a.json" "$tmp/b.json"
shown 0 "find --json" "$tool" find --json "model=$uri" "$tmp/a.json" "$tmp/b.json"
shown 1 "find, why not" "$tool" find "model=$uri,mode=$(printf '\302\233\342\200\256')" "$tmp/a.json"
shown 0 "baseline" "$tool" baseline "$tmp/a.json" "$tmp/b.json"
shown 0 "matrix" "$tool" matrix "$tmp/a.json" "$tmp/b.json"
shown 0 "matrix --json" "$tool" matrix --json "$tmp/a.json" "$tmp/b.json"
shown 0 "matrix --json --pairs" "$tool" matrix --json --pairs "$tmp/a.json" "$tmp/b.json"
shown 0 "matrix --html" "$tool" matrix --html "$tmp/page.html" "$tmp/a.json" "$tmp/b.json"
# shellcheck disable=SC2086
run 0 "... nor in the page, where it is no markup" $hostile scan "$tmp/page.html"

sed 's/"devices":\[[^]]*\]/"devices":[{"device":"\\u009b\\u202e","config":"model=\\u0007"}]/; s/"name":"src"/"name":"\\u001b[31m"/' >"$tmp/domain" <<END
{"schema_version":"1.4","domain":{"name":"src"},"devices":[]}
END
shown 1 "domain" "$tool" domain "$tmp/domain" "$tmp/a.json"
says "... all of it visible" 'device of .x1b\[31m'
sed 's/"host": *{"name": *"a/&2/' "$tmp/a.json" >"$tmp/a2.json"
status=0
"$tool" drain "$tmp/a.json" "$tmp/a2.json" >/dev/null 2>&1 || status=$?
shown "$status" "drain" "$tool" drain "$tmp/a.json" "$tmp/a2.json"

# A host whose driver says such things, in bytes too.
evil=$(printf 'x\033[31m\233\302\233\342\200\256\342\201\246\377y')
shows='x\\x1b\[31m\\x9b\\u009b\\u202e\\u2066\\xffy'
make_type "$tmp/evil" nic "$evil" $uri "$evil" 3 "mtu:uint:0:0:0-9000"
for file in device_api description migration/params/mtu/description; do
	put "$tmp/evil/class/mdev_bus/nic/mdev_supported_types/$evil/$file" "$evil"
done
make_device "$tmp/evil" nic "$evil" 11111111-1111-4111-8111-111111111111
put "$tmp/evil/bus/mdev/devices/11111111-1111-4111-8111-111111111111/migration/last_error" "$evil"
put "$tmp/evil/kernel/hostname" "$evil"
shown 0 "list, sysfs" "$tool" list --root "$tmp/evil"
says "... all of it visible" "$shows"
shown 0 "show, sysfs" "$tool" show --root "$tmp/evil" 11111111-1111-4111-8111-111111111111
says "... what went wrong last" "^last error +$shows"
for format in json nova nfd prometheus; do
	shown 0 "export --format $format" "$tool" export --format $format --root "$tmp/evil"
done
shown 0 "a name can be typed as it is shown" "$tool" show --root "$tmp/evil" \
	'x\x1b[31m\x9b\u009b\u202e\u2066\xffy'

# What was typed, or came with a file's name.
shown 2 "a name that is not there" "$tool" show --root "$tmp/evil" "$evil$evil"
says "... says which" "\"$shows$shows\" is not a file"
shown 2 "a host's name" "$tool" find "model=$uri" "ssh:$evil"
shown 2 "a file's name" "$tool" find "model=$uri" "$tmp/$evil"
shown 2 "a configuration" "$tool" check "model=$uri,$evil" "$tmp/a.json"
shown 2 "a command" "$tool" "$evil"
finish
