#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What an operator relies on: no answer is taken from what could not be read, a plan
# that fails says so and leaves nothing behind, what is ambiguous is said to be, and
# whose word an answer is.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
uri=https://vendor-a.com/my-nic
dev=44444444-4444-4444-8444-444444444444
# nic HOST FREE MAX [NOW]
nic() {
	make_type "$tmp/$1" card nic-v1 $uri v1 "$2" "queues:uint:1:1:1-$3" "rss:bool:off:off:on off"
}
nic a 3 8
nic b 3 8
nic small 3 2
make_device "$tmp/a" card nic-v1 $dev "model=$uri,queues=4,rss=on"
make_type "$tmp/other" mtty mtty-2 "" "" 12
for host in a b small other; do
	"$tool" export --compact --root "$tmp/$host" -o "$tmp/$host.json"
done
lacks() {
	if cat "$tmp/out" "$tmp/err" | grep -qE -- "$2"; then fail "$1"; else pass "$1"; fi
}

# One reader for all commands: what is bad to one is bad to all, wherever in it that is.

bad() {
	i=$((${i:-0} + 1))
	LC_ALL=C sed "$2" "$tmp/b.json" >"$tmp/bad$i.json"
	cmp -s "$tmp/b.json" "$tmp/bad$i.json" && echo "# nothing is bad: $1" && fail "$1"
	for command in "check model=$uri" "plan model=$uri" "find model=$uri" baseline matrix list; do
		# shellcheck disable=SC2086
		run 2 "$1: ${command%% *}" "$tool" $command "$tmp/bad$i.json"
	done
	cat "$tmp/b.json" "$tmp/bad$i.json" "$tmp/small.json" >"$tmp/mixed.json"
	for command in "find model=$uri" baseline matrix; do
		# shellcheck disable=SC2086
		run 4 "$1, among others: ${command%% *}" "$tool" $command "$tmp/mixed.json"
	done
	says "... says where" "mixed.json: .*line 2"
	run 0 "$1, among others: check" "$tool" check "model=$uri" "$tmp/mixed.json:small/"
}
bad "garbage among the devices" 's/"devices":\[/&garbage,/'
bad "an array that ends as an object" 's/"devices":\[\]/"devices":{]}/'
bad "a device whose uuid is a number" 's/"devices":\[\]/"devices":[{"uuid":5}]/'
bad "a member twice" 's/"parent":"card"/&,"parent":"card"/'
bad "a member twice, one of them escaped" 's/"parent":"card"/&,"p\\u0061rent":"card"/'
bad "a number twice" 's/"available_instances":3/&,"available_instances":4/'
bad "a parameter twice" 's/"rss":{/"queues":{},&/'
bad "an unknown member twice" 's/"devices":/"colour":1,"colour":1,&/'
bad "modules that are a list" 's/"modules":{}/"modules":[]/'
bad "a number that is a text" 's/"available_instances":3/"available_instances":"3"/'
bad "a name that is a number" 's/"name":"b"/"name":7/'
bad "invalid UTF-8" "$(printf 's/"description":"the rss"/"description":"the \303rss"/')"
bad "a NUL" 's/"the rss"/"the\\u0000rss"/'
bad "a comma too many" 's/"devices":\[\]/"devices":[],/;s/,\[/[/'
bad "a half" 's/"devices".*//'
bad "nested deep" "s/\"devices\":/\"x\":$(printf '[%.0s' $(seq 60))$(printf ']%.0s' $(seq 60)),&/"
bad "a time that is none" 's/"taken":"/&yesterday/'

# A snapshot after one that has no end is not lost; nor what is on the same line.
head -c 300 "$tmp/a.json" >"$tmp/cut.json"
(cat "$tmp/cut.json"; echo; tr -d '\n' <"$tmp/b.json"; cat "$tmp/small.json") >"$tmp/mixed.json"
run 4 "one that has no end, and others" "$tool" find "model=$uri" "$tmp/mixed.json"
says "... both are there" "^2 of 2 hosts fit"
"$tool" export --root "$tmp/b" >"$tmp/lines.json"
(echo '{'; cat "$tmp/lines.json"; echo ']'; cat "$tmp/lines.json") | sed '0,/"b"/s//"c"/' >"$tmp/mixed.json"
run 4 "likewise, over many lines" "$tool" find "model=$uri" "$tmp/mixed.json"
says "... both are there" "^2 of 2 hosts fit"
run 4 "a file that is not there, and others" "$tool" find "model=$uri" "$tmp/none.json" "$tmp/b.json"
says "... says so" "cannot open .*none.json"
run 2 "nothing else" "$tool" find "model=$uri" "$tmp/none.json"

# Lines, members and brackets without end take no more time than others.
python3 - "$tmp" <<'END'
import sys
for name, text in (("lines", "{\n" + '"a":\n1,\n' * 400000),
                   ("keys", "{" + ",".join('"k%d":1' % i for i in range(300000)) + "}"),
                   ("open", '{"a":[\n' * 200000), ("braces", "{\n" * 200000),
                   ("ends", '{"a":[\n' + "[\n],\n" * 300000), ("words", "hello\n" * 200000)):
    open(f"{sys.argv[1]}/many-{name}", "w").write(text)
END
for kind in lines keys open braces ends words; do
	run 2 "many $kind" timeout 20 "$tool" check "model=$uri" "$tmp/many-$kind"
done

# What a host's own driver says wrong is left out, and the rest is there.
cp -r "$tmp/b" "$tmp/torn"
make_type "$tmp/torn" card nic-v2 $uri v2 3 "queues:uint:1:8:1-8"
put "$tmp/torn/class/mdev_bus/card/mdev_supported_types/nic-v2/migration/params/queues/allowed" 8-1
put "$tmp/torn/kernel/hostname" torn
run 4 "list" "$tool" list --root "$tmp/torn"
says "... says what" "card/nic-v2/migration/params/queues: .*8-1.* left out"
says "... has the others" "^nic-v1 "
run 4 "export" "$tool" export --root "$tmp/torn" -o "$tmp/torn.json"
run 0 "... is a snapshot" "$tool" check "model=$uri" "$tmp/torn.json:nic-v1"
run 3 "... where nothing is known of that" "$tool" check "model=$uri" "$tmp/torn.json:nic-v2"
says "... says so" "unknown +the destination's parameters make no sense: params/queues"
run 0 "another type of it is not touched" "$tool" check --root "$tmp/torn" "model=$uri" nic-v1
run 4 "find" "$tool" find --root "$tmp/torn" "model=$uri" . "$tmp/b.json"
says "... both" "^2 of 2 hosts fit"
run 4 "baseline" "$tool" baseline --root "$tmp/torn" .
run 4 "baseline, a host without the model" "$tool" baseline "$tmp/b.json" "$tmp/other.json"
says "... says which" "$uri is not offered by other, which is left out"
says "... of the others" "^model=$uri$"
run 3 "baseline, no host with the model" "$tool" baseline "$tmp/other.json"

# A refusal is a plan that fails.
run 1 "plan what does not fit" "$tool" plan "$tmp/a.json" "$tmp/small.json"
cp "$tmp/out" "$tmp/plan"
run 1 "... as a script" sh -e "$tmp/plan"
says "... says why" "incompatible: $dev -> card/nic-v1 on small"
says "... says why" "queues: the source has 4, the destination allows 1-2"
run 1 "... in a pipe" sh -c "\"$tool\" plan \"$tmp/a.json\" \"$tmp/small.json\" 2>/dev/null | sh -e"
run 3 "plan what is not known" sh -c "\"$tool\" plan \"$tmp/a.json\" \"$tmp/other.json\" 2>/dev/null | sh -e"
run 2 "plan from what is not there" sh -c "\"$tool\" plan \"$tmp/none.json\" \"$tmp/b.json\" 2>/dev/null | sh -e"
run 2 "plan with no UUID" sh -c "\"$tool\" plan --uuid x \"$tmp/a.json\" \"$tmp/b.json\" 2>/dev/null | sh -e"
for emit in mdevctl libvirt; do
	run 1 "plan --emit $emit" "$tool" plan --emit $emit "$tmp/a.json" "$tmp/small.json"
	if [ -s "$tmp/out" ]; then fail "... has nothing that could be used"; else pass "... has nothing that could be used"; fi
done
sed 's/"name":"small"/"name":"$(touch '"$(printf %s "$tmp" | sed 's|/|\\/|g')"'\/x)'"'"'"/' "$tmp/small.json" >"$tmp/evil.json"
run 1 "a name that would be a command" sh -c "\"$tool\" plan \"$tmp/a.json\" \"$tmp/evil.json\" 2>/dev/null | sh -e"
run 1 "... is none" test -e "$tmp/x"

# The script is run where it is meant for, or says that it is not.
run 0 "plan for another host" "$tool" plan "$tmp/a.json" "$tmp/b.json"
cp "$tmp/out" "$tmp/plan"
run 1 "... is not for this one" sh "$tmp/plan"
says "... says so" "this is $(uname -n), and not b"
sed "s/\"name\":\"b\"/\"name\":\"$(uname -n)\",\"machine_id\":\"0123456789abcdef\"/" "$tmp/b.json" >"$tmp/id.json"
run 0 "plan for another machine of this name" "$tool" plan "$tmp/a.json" "$tmp/id.json"
cp "$tmp/out" "$tmp/plan"
run 1 "... is not for this one" sh "$tmp/plan"
says "... says so" "whose /etc/machine-id is 0123456789abcdef"

# The kernel's part is played: files take what is written, and the device is there when the
# script has asked for it.
mdev=$tmp/b/bus/mdev/devices/$dev
type=$tmp/b/class/mdev_bus/card/mdev_supported_types/nic-v1
"$tool" plan --root "$tmp/b" "$tmp/a.json" card/nic-v1 >"$tmp/plan"
# played COMMAND: the plan, with what the kernel does when it has made the device.
played() {
	rm -rf "$mdev" "$type/create"
	sed "s|^echo \"\$uuid\" >.*|mkdir -p \$device/migration/params; $1\n&|" "$tmp/plan" >"$tmp/plan.run"
}
played :
run 0 "a plan makes a device" sh "$tmp/plan.run"
run 0 "... of that name" grep -qx $dev "$type/create"
run 0 "... with these values" grep -qx 4 "$mdev/migration/params/queues"
run 0 "... all of them" grep -qx on "$mdev/migration/params/rss"
run 1 "a plan does not touch a device of that name" sh "$tmp/plan"
says "... says so" "there is a device $dev already"
run 1 "... which stays as it is" test -e "$mdev/remove"
played 'mkdir $device/migration/params/rss; echo "rss: no such thing" >$device/migration/last_error'
run 1 "a value that is refused" sh "$tmp/plan.run"
says "... says which and why" "does not take rss=on: rss: no such thing"
run 0 "... the device is removed" grep -qx 1 "$mdev/remove"
rm -rf "$mdev" "$type/create"
mkdir "$type/create"
run 1 "a device that cannot be made" sh "$tmp/plan"
says "... says so" "no device could be made"
rmdir "$type/create"
mkdir "$type/migration/check"
run 1 "a kernel that refuses" sh "$tmp/plan"
says "... is asked first" "the kernel refuses model=$uri,queues=4,rss=on"
rmdir "$type/migration/check"
# A device that is there gets back what it had.
cp -r "$tmp/b" "$tmp/have"
make_device "$tmp/have" card nic-v1 $dev
have=$tmp/have/bus/mdev/devices/$dev/migration/params
put "$have/queues" 1
put "$have/rss" off
"$tool" plan --root "$tmp/have" "$tmp/a.json" $dev >"$tmp/plan"
sed 's|^trap|rm $device/migration/params/rss; mkdir $device/migration/params/rss\n&|' "$tmp/plan" >"$tmp/plan.run"
run 1 "a value that is refused, of a device that was there" sh "$tmp/plan.run"
run 0 "... the others are what they were" grep -qx 1 "$have/queues"
rmdir "$have/rss"
put "$have/rss" off
run 0 "a device that was there" sh "$tmp/plan"
run 0 "... is changed" grep -qx 4 "$have/queues"
"$tool" export --root "$tmp/have" -o "$tmp/have.json"
run 2 "plan with a UUID that is there" "$tool" plan --uuid $dev "model=$uri" "$tmp/have.json:nic-v1"
says "... says so" "already has a device $dev"

# What is ambiguous.
make_type "$tmp/two" card.0 nic-v1 $uri v1 3 "queues:uint:1:1:1-8"
make_type "$tmp/two" card.1 nic-v1 $uri v1 3 "queues:uint:1:8:1-8"
"$tool" export --compact --root "$tmp/two" -o "$tmp/two.json"
run 2 "a TYPE as a source, not the same below its parents" "$tool" check --root "$tmp/two" nic-v1 "$tmp/b.json"
says "... says so" "nic-v1 is ambiguous: on two card.0/nic-v1 and card.1/nic-v1 are not the same"
run 2 "... in a snapshot" "$tool" find "$tmp/two.json:nic-v1" "$tmp/b.json"
run 0 "... with its parent" "$tool" check --root "$tmp/two" card.1/nic-v1 "$tmp/b.json"
cat "$tmp/a.json" "$tmp/b.json" "$tmp/b.json" >"$tmp/same.json"
run 2 "a host of which there are two" "$tool" check "model=$uri" "$tmp/same.json:b/"
says "... says so" "\"b\" is ambiguous: hosts of this name are at line 2 and at line 3"
run 0 "... another one" "$tool" check "model=$uri" "$tmp/same.json:a/"
run 0 "find" "$tool" find "model=$uri" "$tmp/same.json"
says "... says so" "ambiguous: there is more than one host called b"
run 0 "find --json" "$tool" find --json "model=$uri" "$tmp/same.json"
says "... to programs, too" '^    "the names are ambiguous'

# Not the host that it is on.
run 0 "find" "$tool" find "$tmp/a.json" "$tmp/a.json" "$tmp/b.json"
says "... the others" "^1 of 1 hosts fit, beside a, where it is"
run 0 "find --json" "$tool" find --json "$tmp/a.json" "$tmp/a.json" "$tmp/b.json"
says "... says which" '"own_host": "a"'
run 0 "find --own-host" "$tool" find --own-host "$tmp/a.json" "$tmp/a.json" "$tmp/b.json"
says "... all" "^2 of 2 hosts fit"
run 1 "find, no other" "$tool" find "$tmp/a.json" "$tmp/a.json"
sed 's/"name":"a"/&,"machine_id":"1"/' "$tmp/a.json" >"$tmp/a1.json"
sed 's/"name":"a"/&,"machine_id":"2"/' "$tmp/a.json" >"$tmp/a2.json"
run 0 "find, another machine of this name" "$tool" find "$tmp/a1.json" "$tmp/a2.json"

# When and where, and whose word.
run 0 "export of this host" "$tool" export -o "$tmp/here.json"
run 0 "... says when" grep -qE '"taken": "20[0-9-]{8}T[0-9:]{8}Z"' "$tmp/here.json"
run 0 "... since which boot" grep -q "\"boot_id\": \"$(cat /proc/sys/kernel/random/boot_id)\"" "$tmp/here.json"
if [ -s /etc/machine-id ]; then
	run 0 "... on which machine" grep -q "\"machine_id\": \"$(cat /etc/machine-id)\"" "$tmp/here.json"
else
	skip "... on which machine" "this one has no machine-id"
fi
run 0 "check, a snapshot" "$tool" check "model=$uri" "$tmp/b.json"
says "... has no kernel" "kernel +not asked: this is a snapshot of 20"
run 0 "check, this host" "$tool" check --root "$tmp/b" "model=$uri" nic-v1
says "... a copy of a sysfs" "kernel +not asked, only its description compared: .*migration/check: No such file"
: >"$tmp/b/class/mdev_bus/card/mdev_supported_types/nic-v1/migration/check"
run 0 "check --json" "$tool" check --json --root "$tmp/b" "model=$uri" nic-v1
says "... says so" '"kernel": "not-asked"'
says "... and why" '"kernel_why": ".*/b is not a sysfs"'
run 1 "check, a no" "$tool" check --json "$tmp/a.json" "$tmp/small.json"
says "... needs none" '"kernel": "not-needed"'
old=$(date -u -d '2 hours ago' +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
later=$(date -u -d '2 hours' +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
sed "s/\"taken\":\"[^\"]*\"/\"taken\":\"$old\"/" "$tmp/b.json" >"$tmp/old.json"
sed "s/\"taken\":\"[^\"]*\"/\"taken\":\"$later\"/" "$tmp/b.json" >"$tmp/later.json"
sed 's/,"taken":"[^"]*"//' "$tmp/b.json" >"$tmp/never.json"
for command in check plan "show --max-age 3h" "list --max-age 3h"; do
	case $command in
	check | plan) set -- $command "model=$uri" "$tmp/old.json" --max-age 3h ;;
	show*) set -- $command "$tmp/old.json:nic-v1" ;;
	*) set -- $command "$tmp/old.json" ;;
	esac
	run 0 "$command, young enough" "$tool" "$@"
done
run 2 "check --max-age" "$tool" check --max-age 1h "model=$uri" "$tmp/old.json"
says "... says so" "the snapshot of b is 2 hours old, more than --max-age 1h: export it again"
run 2 "... does not say when" "$tool" check --max-age 1h "model=$uri" "$tmp/never.json"
says "... says so" "does not say when it was made"
run 2 "... from the future" "$tool" check --max-age 1h "model=$uri" "$tmp/later.json"
says "... says so" "from the future"
run 0 "check, no matter when" "$tool" check "model=$uri" "$tmp/never.json"
for command in "find model=$uri" baseline matrix; do
	# shellcheck disable=SC2086
	run 4 "${command%% *} --max-age" "$tool" $command --max-age 90m "$tmp/old.json" "$tmp/a.json"
done
run 2 "... all of them are older" "$tool" find --max-age 90m "model=$uri" "$tmp/old.json"
for age in 1w -1h h 5 99999999d '' 1hh 99999999999999999999; do
	run 2 "no age: $age" "$tool" find --max-age "$age" "model=$uri" "$tmp/b.json"
	says "... says so" "is not a time such as"
done

# Answers for programs.
for command in "list $tmp/none.json" "show $tmp/none.json" "check $tmp/none.json $tmp/a.json" \
	"find $tmp/none.json $tmp/a.json" "baseline $tmp/none.json" "matrix $tmp/none.json" \
	"plan $tmp/none.json $tmp/a.json" "check $tmp/a.json"; do
	# shellcheck disable=SC2086
	run 2 "--json, an error of ${command%% *}" "$tool" --json $command
	says "... is an answer" '"errors": \['
done
run 0 "export --json" "$tool" export --json --root "$tmp/a"
says "... is a snapshot" '"schema_version"'
for format in nova nfd prometheus; do
	run 2 "export --json --format $format" "$tool" export --json --format $format --root "$tmp/a"
	says "... says so" "--format $format is not JSON"
done

# Help, as people ask for it.
for command in list show export check plan find domain drain baseline matrix; do
	"$tool" help $command >"$tmp/help"
	run 0 "$command --help" "$tool" $command --help
	cp "$tmp/out" "$tmp/same"
	run 0 "... is help $command" cmp "$tmp/help" "$tmp/same"
	run 0 "... is about it" grep -q "^Usage: mdev-migrate $command" "$tmp/help"
	if [ "$(grep -c '^Usage: ' "$tmp/help")" = 1 ] && ! grep -qE '^  (list|check) ' "$tmp/help"; then
		pass "... and nothing else"
	else
		fail "... and nothing else"
	fi
done
run 0 "help" "$tool" help
says "... all commands" "^  matrix "
run 2 "help for what is not there" "$tool" help frobnicate
run 2 "... the same" "$tool" frobnicate --help
run 0 "show -:DEVICE" sh -c "\"$tool\" show -:$dev <\"$tmp/a.json\""
run 0 "plan -:DEVICE" sh -c "\"$tool\" plan -:$dev \"$tmp/b.json\" <\"$tmp/a.json\""
run 0 "find -:DEVICE" sh -c "\"$tool\" find -:$dev \"$tmp/b.json\" <\"$tmp/a.json\""
run 0 "list -:HOST/" sh -c "\"$tool\" list -:b/ <\"$tmp/same.json\" || [ \$? = 2 ]"
cd "$tmp" || exit 1
cp small.json $dev
run 0 "a file in this folder that is called like a device" "$tool" check --root "$tmp/a" $dev "$tmp/b.json"
run 0 "... is ./FILE" "$tool" check "model=$uri" ./$dev
finish
