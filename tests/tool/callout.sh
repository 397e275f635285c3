#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# mdevctl's callout, run by dash and by bash, on hosts that are folders: what is refused
# and why; that a host that is full, rights that are missing and a type that is not there
# are told apart. With real kernels: lab_property.sh, and with mdevctl: tests/kernels.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$(readlink -f "$1")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
uri=https://vendor-a.com/my-nic
dev=44444444-4444-4444-8444-444444444444
p=migration/params

make_type "$tmp/sys" card nic-v1 $uri v1 3 "mtu:uint:0:0:0 68-9000" "rss:bool:off:on:on off" "mode:word:slow:slow:slow fast"
make_type "$tmp/sys" card nic-v2 $uri v2 0 "mtu:uint:0:0:0 68-9000"
make_type "$tmp/sys" mtty mtty-1 "" "" 24
make_device "$tmp/sys" card nic-v1 $dev "model=$uri,mtu=1400"
params=$tmp/sys/class/mdev_bus/card/$dev/$p
for param in mtu=1400 rss=off mode=slow; do
	put "$params/${param%=*}" "${param#*=}"
done
types=$tmp/sys/class/mdev_bus/card/mdev_supported_types
: >"$types/nic-v1/migration/check"
: >"$types/nic-v2/migration/check"

# The callout finds what is called mdev-migrate; it reads this sysfs, and may not be root.
mkdir "$tmp/bin"
cat >"$tmp/bin/mdev-migrate" <<END
#!/bin/sh
exec \${AS:-} "$tool" --root "$tmp/sys" "\$@"
END
chmod 755 "$tmp/bin/mdev-migrate"

# callout SHELL EVENT ACTION TYPE PARENT [DEFINITION]
callout() {
	printf %s "${6:-}" | PATH=$tmp/bin:$PATH "$1" "$top/tools/mdevctl/mdev-migrate" \
		-t "$4" -e "$2" -a "$3" -s none -u $dev -p "$5"
}
# definition ATTRIBUTE=VALUE...
definition() {
	printf '{"mdev_type":"nic-v1",\n"start":"manual","attrs":['
	separator=
	for pair; do
		printf '%s{ "%s" :\t"%s" }' "$separator" "${pair%%=*}" "${pair#*=}"
		separator=,
	done
	printf ']}\n'
}

for shell in dash bash; do
	command -v $shell >/dev/null || {
		skip "$shell" "there is no $shell"
		continue
	}
	for action in define modify start; do
		run 0 "$shell: $action" callout $shell pre $action nic-v1 card "$(definition $p/mtu=1500 $p/rss=off)"
		run 1 "$shell: $action, a value that is not allowed" callout $shell pre $action nic-v1 card "$(definition $p/mtu=5)"
		says "... says why" "^mtu: asked for 5, nic-v1 allows 0 68-9000$"
		run 1 "$shell: $action, what is no value" callout $shell pre $action nic-v1 card "$(definition $p/mtu=fast)"
		says "... says why" 'mtu: .*"fast", which is not an unsigned decimal number'
		run 1 "$shell: $action, a parameter that is none" callout $shell pre $action nic-v1 card "$(definition $p/nonsense=5)"
		says "... says which" "nic-v1 has no parameter 'nonsense'"
		run 1 "$shell: $action, a type that is not there" callout $shell pre $action nic-v3 card "$(definition)"
		says "... says which are" "there is no type 'nic-v3' below card: it has nic-v1 and nic-v2"
		run 2 "$shell: $action, another driver's type" callout $shell pre $action mtty-1 mtty "$(definition)"
		run 2 "$shell: $action, a parent that is not there" callout $shell pre $action nic-v1 nowhere "$(definition)"
		run 1 "$shell: $action, no JSON" callout $shell pre $action nic-v1 card '{"attrs":[{'
	done
	# What sed took for something else.
	run 0 "$shell: braces, quotes and escapes in other attributes" callout $shell pre define nic-v1 card \
		'{"mdev_type":"nic-v1","start":"auto","attrs":[{"alias":"\"migration/params/mtu\":\"5\"}"},{"migr\u0061tion/params/mtu":"1500"}]}'
	run 1 "$shell: an escaped name" callout $shell pre define nic-v1 card \
		'{"mdev_type":"nic-v1","start":"auto","attrs":[{"migr\u0061tion/params/mtu":"5"}]}'
	run 0 "$shell: the last word counts" callout $shell pre define nic-v1 card "$(definition $p/mtu=5 $p/mtu=1500)"
	run 1 "$shell: a value with a comma" callout $shell pre define nic-v1 card "$(definition $p/mode=fast,mtu=1500)"
	run 0 "$shell: a full host may be defined for" callout $shell pre define nic-v2 card "$(definition)"
	run 1 "$shell: ... but starts nothing" callout $shell pre start nic-v2 card "$(definition)"
	says "... and says so" "nic-v2 is full: no more devices of this type can be made"
	run 1 "$shell: a bad value on a full host" callout $shell pre define nic-v2 card "$(definition $p/mtu=5)"
	says "... is refused for itself" "mtu: asked for 5"
	run 0 "$shell: capabilities" callout $shell get capabilities nic-v1 card
	says "... are JSON" '^\{"supports":\{"version":2,'
	run 0 "$shell: attributes" callout $shell get attributes nic-v1 card
	says "... are what differs" '^\[\{"migration/params/mtu":"1400"\},\{"migration/params/rss":"off"\}\]$'
	run 0 "$shell: what is over" callout $shell post start nic-v1 card "$(definition)"
	run 2 "$shell: what is over, another's" callout $shell notify stop mtty-1 mtty "$(definition)"
	run 0 "$shell: live" callout $shell live modify nic-v1 card "$(definition $p/mtu=1300 $p/mode=fast)"
	run 0 "... is written" grep -qx 1300 "$params/mtu"
	run 0 "... all of it" grep -qx fast "$params/mode"
	run 1 "$shell: live, a bad value" callout $shell live modify nic-v1 card "$(definition $p/mtu=5)"
	run 0 "... is not written" grep -qx 1300 "$params/mtu"
	# A device that is gone, or refuses.
	mv "$params/mode" "$tmp/mode"
	put "$tmp/sys/class/mdev_bus/card/$dev/migration/last_error" "mode: the device is open"
	run 1 "$shell: live, refused" callout $shell live modify nic-v1 card "$(definition $p/mode=slow $p/mtu=1200)"
	says "... in the device's words" "mode: the device is open"
	mv "$tmp/mode" "$params/mode"
	: >"$tmp/sys/class/mdev_bus/card/$dev/migration/last_error"
	: >"$params/mode"
	put "$params/mode" slow
	put "$params/mtu" 1400
done

# mdevctl writes a definition: somebody is there to read it, even if it is long.
long=$(definition $p/mtu=1500 "alias=$(head -c 100000 /dev/zero | tr '\0' x)")
run 2 "a definition of another's, a long one" sh -c "printf %s '$long' | { PATH=$tmp/bin:\$PATH \
	sh '$top/tools/mdevctl/mdev-migrate' -t mtty-1 -e pre -a define -s none -u $dev -p mtty; \
	status=\$?; head -c 1 | grep -q . && exit 9; exit \$status; }"

# Without rights the kernel cannot be asked, which is no refusal.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 600 "$types/nic-v1/migration/check"
	export AS="setpriv --reuid 65534 --regid 65534 --clear-groups"
	# What nobody can run.
	cp "$tool" "$tmp/bin/tool" && chmod 755 "$tmp/bin/tool"
	sed -i "s|\"$tool\"|$tmp/bin/tool|" "$tmp/bin/mdev-migrate"
	run 0 "without rights" callout sh pre define nic-v1 card "$(definition $p/mtu=1500)"
	says "... is said" "could not be asked, only its description: .*Permission denied"
	run 1 "without rights, a bad value" callout sh pre define nic-v1 card "$(definition $p/mtu=5)"
	says "... is one" "mtu: asked for 5"
	chmod 644 "$params"/*
	run 1 "live without rights" callout sh live modify nic-v1 card "$(definition $p/mtu=1500)"
	says "... says that" "migration/params/mtu: Permission denied"
	unset AS
else
	skip "without rights" "it takes root and setpriv"
fi

# Without the tool, e.g. after make dkms, it is for nobody.
mkdir "$tmp/empty"
for name in sh cat; do
	ln -s "$(command -v $name)" "$tmp/empty/$name"
done
sed 's|^PATH=.*|PATH=$PATH|' "$top/tools/mdevctl/mdev-migrate" >"$tmp/callout"
run 2 "without the tool" env PATH="$tmp/empty" sh "$tmp/callout" -t nic-v1 -e pre -a define -u $dev -p card
finish
