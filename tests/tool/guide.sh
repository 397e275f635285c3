#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What mdev-migrate-domain says of a domain to mdev-migrate; and the guide to virtual machines
# and hosts, as it is typed: ssh and virsh are scripts that answer for three hosts and a guest.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
net=https://mdev-migrate.org/devices/virtio-net
dev=44444444-4444-4444-8444-444444444444
other=55555555-5555-4555-8555-555555555555
third=66666666-6666-4666-8666-666666666666
describe=${tool%/*}/libvirt/mdev-migrate-domain

if ! pkg-config --exists libxml-2.0; then
	skip "a domain's devices in JSON" "there is no libxml2"
	finish
fi
run 0 "mdev-migrate-domain is built" make -s -C "$top/tools/libvirt" OUT="${describe%/*}" \
	CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'

# guest NAME DEVICE=CONFIG...: its XML, with metadata; CONFIG is what follows the model.
guest() {
	echo "<domain type='kvm'><name>$1</name><uuid>aaaaaaaa-0000-4000-8000-000000000001</uuid>"
	shift
	echo "<metadata><m:devices xmlns:m='https://mdev-migrate.org/libvirt/1'>"
	for one; do echo "<m:device uuid='${one%%=*}' config='model=$net${one#*=}'/>"; done
	echo "</m:devices></metadata><devices>"
	for one; do
		echo "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='${one%%=*}'/></source></hostdev>"
	done
	cat "$tmp/pci" 2>/dev/null
	echo "</devices></domain>"
}

# described STATUS NAME GUEST...
described() {
	status=$1 name=$2
	shift 2
	guest "$@" >"$tmp/guest.xml"
	run "$status" "$name" "$describe" describe --json "$tmp/guest.xml"
	cp "$tmp/out" "$tmp/described"
}
described 0 "devices that are not here" guest $dev=,mtu=9000 $other=
says "... are what the metadata say" "\"devices\":\[\{\"device\":\"$dev\",\"config\":\"model=$net,mtu=9000\"\},\{\"device\":\"$other\",\"config\":\"model=$net\"\}\]"
says "... and nowhere" '"domain":\{"name":"guest","uuid":"aaaaaaaa-[^}]*"\},"devices"'
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done
if [ -n "$python" ]; then
	run 0 "... as the schema says" "$python" "$here/validate.py" --strict "$top/tools/mdev-migrate" "$tmp/described"
fi
guest guest $dev= | sed '/m:device /d' >"$tmp/guest.xml"
run 0 "a device that the metadata do not mention" "$describe" describe --json "$tmp/guest.xml"
says "... is there, without what it is" "\"devices\":\[\{\"device\":\"$dev\"\}\]"
cat >"$tmp/pci" <<'END'
<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0xff' slot='0x10' function='0x2'/></source></hostdev>
<interface type='hostdev'><source><address type='pci' domain='0x0001' bus='0xfe' slot='0x1f' function='0x7'/></source></interface>
<hostdev mode='subsystem' type='usb'><source><address bus='1' device='3'/></source></hostdev>
END
described 0 "PCI devices" guest $dev=
says "... go too" '\},\{"device":"pci/0000:ff:10.2"\},\{"device":"pci/0001:fe:1f.7"\}\]'
for bad in "bus='0x100'" "bus='x'" "slot='32'" ; do
	key=${bad%%=*}
	sed -i "s/$key='0xff'/$bad/; s/$key='0x10'/$bad/" "$tmp/pci"
	guest guest $dev= >"$tmp/guest.xml"
	run 1 "a PCI device at $bad" "$describe" describe --json "$tmp/guest.xml"
	printf '%s\n' "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0xff' slot='0x10' function='0x2'/></source></hostdev>" >"$tmp/pci"
done
rm "$tmp/pci"
guest 'a&quot;b\&#9;c' $dev= >"$tmp/guest.xml"
run 0 "a name with all that JSON has its own words for" "$describe" describe --json "$tmp/guest.xml"
says "... in these" '"name":"a\\"b\\\\\\tc"'

# The three hosts of the guide.
mkdir "$tmp/bin" "$tmp/hosts" "$tmp/work"
host() {
	make_type "$tmp/$1" virtio_net virtio_net-v1 $net v1 "$2" "mtu:uint:0:0:0 68-65535"
}
host host1 9
host host2 1
host host3 2
make_device "$tmp/host1" virtio_net virtio_net-v1 $dev "model=$net,mtu=9000"
make_device "$tmp/host1" virtio_net virtio_net-v1 $other
make_device "$tmp/host1" virtio_net virtio_net-v1 $third
guest guest $dev=,mtu=9000 $other= >"$tmp/hosts/guest.xml"
guest web $third= >"$tmp/hosts/web.xml"
for host in host1 host2 host3; do
	"$tool" export --root "$tmp/$host" -o "$tmp/hosts/$host.json"
done
cat >"$tmp/bin/ssh" <<'END'
#!/bin/sh
while [ "$1" != -- ]; do shift; done
[ -e "$HOSTS/$2.json" ] || { echo "ssh: Could not resolve hostname $2" >&2; exit 255; }
cat "$HOSTS/$2.json"
END
cat >"$tmp/bin/virsh" <<'END'
#!/bin/sh
case "$*" in
"list --name") echo guest; echo web; echo ;;
"dumpxml "*) cat "$HOSTS/$2.xml" ;;
*) exit 1 ;;
esac
END
chmod +x "$tmp/bin/ssh" "$tmp/bin/virsh"
ln -s "$tool" "$tmp/bin/mdev-migrate"
ln -s "$describe" "$tmp/bin/mdev-migrate-domain"
export HOSTS="$tmp/hosts"
cd "$tmp/work" || exit 1
run 0 "the guide" env PATH="$tmp/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 python3 "$here/guide.py" "$top/Documentation/admin-guide/fleet.rst"
says "... all of it" "^1[0-9] commands, 0 failed"

# The manuals' examples, but for those that the test of ssh has.
cat "$HOSTS"/*.json >fleet.json
grep -h '^virsh dumpxml.*--json\|^mdev-migrate drain' >"$tmp/shown" <<END
$(sed 's/\\-/-/g' "$top/tools/mdev-migrate/mdev-migrate.8" "$top/tools/libvirt/mdev-migrate-domain.8")
END
run 0 "the manuals show three" test "$(wc -l <"$tmp/shown")" = 3
ln -s host3.json "$HOSTS/destination.json"
while read -r line; do
	run 0 "$line" env PATH="$tmp/bin:$PATH" sh -c "$line"
done <"$tmp/shown"
finish
