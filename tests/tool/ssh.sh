#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Hosts by name. The ssh in PATH is a script that plays all of them: it notes what it was
# called with, and answers as the host of that name would.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
uri=https://vendor-a.com/my-nic
dev=44444444-4444-4444-8444-444444444444
tools=$top/tools/mdev-migrate

mkdir "$tmp/bin" "$tmp/hosts"
cat >"$tmp/bin/ssh" <<'SSH'
#!/bin/sh
printf '%s\n' "$*" >>"$HOSTS.log"
while [ "$1" != -- ]; do shift; done
case $2 in
down) echo "kex_exchange_identification: closed" >&2; echo "ssh: connect to host down: No route to host" >&2; exit 255 ;;
bare) echo "sh: 1: mdev-migrate: not found" >&2; exit 127 ;;
old) echo "mdev-migrate: there is no command \"export\"" >&2; exit 2 ;;
slow) exec sleep 20 ;;
killed) kill -9 $$ ;;
banner) echo "Welcome to banner!"; cat "$HOSTS/b.json" ;;
part) echo "mdev-migrate: nic-v9: it makes no sense" >&2; cat "$HOSTS/b.json"; exit 4 ;;
two) cat "$HOSTS/a.json" "$HOSTS/b.json" ;;
flood) exec yes '{"a":' ;;
x*) sleep 1; sed "s/\"name\":\"b\"/\"name\":\"$2\"/" "$HOSTS/b.json" ;;
*) [ "$3" = "mdev-migrate export --compact" ] && cat "$HOSTS/$2.json" ;;
esac
SSH
chmod +x "$tmp/bin/ssh"
export HOSTS="$tmp/hosts" PATH="$tmp/bin:$PATH"

# nic HOST FREE MAX
nic() {
	make_type "$tmp/$1" card nic-v1 $uri v1 "$2" "queues:uint:1:1:1-$3" "rss:bool:off:off:on off"
}
nic a 3 8
nic b 3 8
nic small 3 2
make_device "$tmp/a" card nic-v1 $dev "model=$uri,queues=4,rss=on"
make_described "$tmp/vf" pci nic_vf 0000:01:00.1 $uri v1 ,queues=2 "queues:uint:1:1:1-8"
for host in a b small vf; do
	"$tool" export --compact --root "$tmp/$host" -o "$tmp/hosts/$host.json"
done
cp "$tmp/hosts/b.json" "$tmp/hosts/::1.json"

# calls NUMBER NAME: so many hosts were asked since this was asked last.
calls() {
	run 0 "$2" test "$(wc -l <"$HOSTS.log")" = "$1"
	: >"$HOSTS.log"
}

# Wherever a snapshot or a host goes.
run 0 "check" "$tool" check "ssh:a:$dev" ssh:b
says "... that device, that host" "compatible: $dev -> card/nic-v1 on b"
says "... is a snapshot's answer" "kernel +not asked: this is a snapshot of 20"
calls 2 "... each is asked once"
run 0 "check, a type" "$tool" check "ssh:a:$dev" ssh:b:card/nic-v1
run 0 "check, the only device" "$tool" check ssh:a ssh:b
run 0 "check, a BUS/NAME" "$tool" check ssh:vf:pci/0000:01:00.1 ssh:b
run 0 "check, its host too" "$tool" check ssh:a:a/$dev ssh:b
run 1 "check, no" "$tool" check ssh:a ssh:small
run 0 "list" "$tool" list ssh:a
says "... has the device" "^$dev +nic-v1"
run 0 "show" "$tool" show "ssh:a:$dev"
run 2 "show what is not there" "$tool" show ssh:a:nic-v7
says "... says which host's" 'no device or type "nic-v7" on a .ssh:a.: it has'
run 0 "require" "$tool" require "ssh:a:$dev"
run 0 "plan" "$tool" plan "ssh:a:$dev" ssh:b
says "... is a script for it" "^set -- queues=4 rss=on$"
run 0 "baseline" "$tool" baseline ssh:a ssh:small
run 0 "matrix" "$tool" matrix ssh:a ssh:b "$tmp/hosts/small.json"
run 0 "export, others' names" "$tool" export --root "$tmp/b" --format nova ssh:a
says "... has one" "__QUEUES__4"
run 0 "drain" "$tool" drain ssh:a ssh:b ssh:small
says "... to one of them" "^$dev +compatible +card/nic-v1 on b, 2 to write$"
: >"$HOSTS.log"
run 0 "find" "$tool" find "ssh:a:$dev" ssh:a ssh:b ssh:small
says "... those that fit" "^1 of 2 hosts fit, beside a, where it is"
calls 3 "... each is asked once"
run 0 "a file of that name is not meant" sh -c "cd '$tmp' && cp hosts/small.json ssh:b && '$tool' check ssh:a ssh:b"
run 1 "... but as ./FILE" sh -c "cd '$tmp' && '$tool' check ssh:a ./ssh:b"
run 0 "find --max-age" "$tool" find --max-age 1h ssh:a ssh:b
run 2 "a part of a host in a fleet" "$tool" find ssh:a ssh:b:nic-v1
says "... is refused" 'ssh:b:nic-v1: a whole host is needed here, without ":nic-v1"'

# How ssh is called.
: >"$HOSTS.log"
for name in b root@b qemu+ssh://b/system qemu+ssh://root@b:2222/system ssh://b 'ssh:[::1]' 'qemu+ssh://[::1]:22/system'; do
	case $name in *:*) ;; *) name=ssh:$name ;; esac
	run 0 "list $name" "$tool" list "$name"
done
cp "$HOSTS.log" "$tmp/called"
command="mdev-migrate export --compact"
options="-T -o BatchMode=yes -o ConnectTimeout=10"
cat >"$tmp/wanted" <<EOT
$options -- b $command
$options -l root -- b $command
$options -- b $command
$options -l root -p 2222 -- b $command
$options -- b $command
$options -- ::1 $command
$options -p 22 -- ::1 $command
EOT
run 0 "... as ssh wants it" diff "$tmp/wanted" "$tmp/called"
run 0 "a URI's device" "$tool" show "qemu+ssh://a/system:$dev"
: >"$HOSTS.log"
for name in ssh: ssh:-oProxyCommand=x ssh:-v ssh:x@-v 'ssh:-x@b' 'ssh:a b' 'ssh:$(id)' 'ssh:a;id' 'ssh:`id`' \
	ssh:a/b ssh:../b ssh://-v/ qemu+ssh:///system qemu+ssh://b:x/system 'ssh:b|id' "ssh:b'" 'ssh:b\x'; do
	run 2 "$name is no name" "$tool" list "$name"
	says "... says so" "that is no name of a host"
done
calls 0 "... and nobody is asked"

# What goes wrong says where, what, and what to do.
run 2 "a host that is not there" "$tool" list ssh:down
says "... says so" "ssh:down: ssh could not connect, .*exit status 255: ssh: connect to host down: No route to host.; .*ssh -o BatchMode=yes down"
run 2 "a host without the program" "$tool" list ssh:root@bare
says "... says so" "ssh:root@bare: mdev-migrate was not found on that host .exit status 127: sh: 1: .*; install it there; .* root@bare"
run 2 "a host where it fails" "$tool" list ssh:old
says "... says so" 'ssh:old: "mdev-migrate export --compact" failed on that host .exit status 2: mdev-migrate: there is no command'
run 4 "an answer with more in it" "$tool" list ssh:banner
says "... is said" "ssh:banner: line 1: not JSON"
run 2 "a host that does not exist" "$tool" list ssh:nowhere
run 2 "two hosts" "$tool" list ssh:two
says "... is refused" "ssh:two has 2 hosts"
run 2 "ssh that is killed" "$tool" list ssh:killed
says "... says so" "ssh:killed: ssh was killed: Killed"
run 2 "more than can be a snapshot" "$tool" list ssh:flood
says "... ends" "ssh:flood: ssh was killed: File size limit exceeded"
begin=$(date +%s)
run 2 "a host that does not answer" env MDEV_MIGRATE_SSH_TIMEOUT=1 "$tool" check ssh:a ssh:slow
says "... says so" "ssh:slow: there was no answer in 1 seconds"
run 0 "... soon" test $(($(date +%s) - begin)) -lt 10
run 4 "a host that leaves something out" "$tool" find ssh:a ssh:part
says "... says what" "ssh:part: mdev-migrate: nic-v9: it makes no sense"
says "... and counts" "^1 of 1 hosts fit"
run 4 "find, some do not answer" "$tool" find "ssh:a:$dev" ssh:b ssh:down ssh:bare
says "... the others count" "^1 of 1 hosts fit"
says "... and these are left out" "2 of 3 could not be used and are left out"
run 2 "--json" "$tool" list --json ssh:down
says "... has the reason" '"ssh:down: ssh could not connect'
mkdir "$tmp/empty"
run 2 "no ssh" env PATH="$tmp/empty" "$tool" list ssh:a
says "... says so" "ssh:a: ssh cannot be run: No such file or directory; install the package openssh-client"
run 0 "a host with a control character" sh -c "sed 's/\"kernel\":\"/&\\\\u009b/' '$HOSTS/b.json' >'$HOSTS/evil.json'; '$tool' list ssh:evil"

# Side by side: forty hosts of a second each.
set -- find "model=$uri"
i=0
while [ $((i += 1)) -le 40 ]; do set -- "$@" "ssh:x$i"; done
begin=$(date +%s)
run 0 "forty hosts" "$tool" "$@"
says "... all of them" "^40 of 40 hosts fit"
run 0 "... side by side" test $(($(date +%s) - begin)) -lt 15

# What the manual shows.
sed -n '/^\.SH EXAMPLES/,/^\.fi/p' "$tools/mdev-migrate.8" | sed 's/\\-/-/g; s/\\e/\\/g' |
	grep '^mdev-migrate .*ssh:' | grep -v fleet.json | sed "s/ssh:host1/ssh:a/g; s/ssh:host2/ssh:b/g; s/ssh:host3/ssh:small/g; s/\$UUID/$dev/g" >"$tmp/shown"
run 0 "the manual shows some" test "$(wc -l <"$tmp/shown")" -ge 3
mkdir "$tmp/path"
ln -s "$tool" "$tmp/path/mdev-migrate"
while read -r line; do
	run 0 "$line" env PATH="$tmp/path:$PATH" sh -ec "${line%%|*}"
done <"$tmp/shown"
finish
