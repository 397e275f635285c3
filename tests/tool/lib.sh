# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# TAP, and hosts to test with: folders that look like a sysfs.

n=0 failed=0 tmp=${tmp:-}

pass() {
	n=$((n + 1))
	echo "ok $n $1"
}

fail() {
	n=$((n + 1))
	failed=1
	sed 's/^/# /' "$tmp/out" "$tmp/err" 2>/dev/null | head -n 40
	echo "not ok $n $1"
}

skip() {
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

# run STATUS NAME COMMAND...: its output goes to $tmp/out and $tmp/err.
run() {
	want=$1 name=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	if [ "$status" = "$want" ]; then
		pass "$name"
	else
		echo "# exit status $status, expected $want: $*"
		fail "$name"
	fi
}

# says NAME REGEX: the last command's output, on either channel, has it.
says() {
	if cat "$tmp/out" "$tmp/err" | grep -qE -- "$2"; then
		pass "$1"
	else
		echo "# nothing like: $2"
		fail "$1"
	fi
}

put() {
	printf '%s\n' "$2" >"$1"
}

# make_type ROOT PARENT TYPE MODEL VERSION FREE [NAME:TYPE:OFF:DEFAULT:ALLOWED...]
make_type() {
	root=$1 parent=$2 type=$3 model=$4 version=$5
	dir=$root/class/mdev_bus/$parent/mdev_supported_types/$type
	mkdir -p "$dir/devices" "$root/bus/mdev/devices" "$root/kernel"
	put "$dir/device_api" vfio-pci
	put "$dir/available_instances" "$6"
	put "$root/kernel/hostname" "${root##*/}"
	shift 6
	[ -n "$model" ] || return 0
	mkdir -p "$dir/migration/params"
	put "$dir/migration/model" "$model"
	put "$dir/migration/version" "$version"
	config=model=$model
	for param; do
		old_ifs=$IFS
		IFS=:
		# shellcheck disable=SC2086
		set -- $param
		IFS=$old_ifs
		mkdir -p "$dir/migration/params/$1"
		put "$dir/migration/params/$1/type" "$2"
		put "$dir/migration/params/$1/off" "$3"
		put "$dir/migration/params/$1/default" "$4"
		put "$dir/migration/params/$1/allowed" "$5"
		put "$dir/migration/params/$1/description" "the $1"
		[ "$3" = "$4" ] || config=$config,$1=$4
	done
	put "$dir/migration/config" "$config"
}

# make_device ROOT PARENT TYPE UUID [CONFIG]: without one it is as its type is.
make_device() {
	types=$1/class/mdev_bus/$2/mdev_supported_types
	dir=$1/class/mdev_bus/$2/$4
	mkdir -p "$dir/migration/params"
	ln -s "../mdev_supported_types/$3" "$dir/mdev_type"
	ln -s "../../../class/mdev_bus/$2/$4" "$1/bus/mdev/devices/$4"
	cp "$types/$3/migration/model" "$types/$3/migration/version" \
		"$dir/migration/"
	cp "$types/$3/migration/config" "$dir/migration/config"
	[ -z "${5:-}" ] || put "$dir/migration/config" "$5"
	put "$dir/migration/state" running
	put "$dir/migration/stop_copy_bytes" 700
	: >"$dir/migration/last_error"
}

# make_described ROOT BUS DRIVER NAME MODEL VERSION CONFIG [NAME:TYPE:OFF:DEFAULT:ALLOWED...]: a
# device that is no mdev. CONFIG is what follows the model; - if it is as it is made.
make_described() {
	at=$1 bus=$2 driver=$3 name=$4 now=$7
	# Its type/ is what a mdev type has in migration/.
	uri=$5 made_as=$6
	shift 7
	make_type "$tmp/described" any any "$uri" "$made_as" 1 "$@"
	root=$at
	dir=$root/devices/$bus/$name
	mkdir -p "$dir/migration/params" "$root/bus/$bus/devices" "$root/bus/$bus/drivers/$driver" \
		"$root/bus/mdev/devices" "$root/kernel"
	put "$root/kernel/hostname" "${root##*/}"
	cp -r "$tmp/described/class/mdev_bus/any/mdev_supported_types/any/migration" \
		"$dir/migration/type"
	rm -r "$tmp/described"
	ln -s "../../../devices/$bus/$name" "$root/bus/$bus/devices/$name"
	ln -s "../../../bus/$bus/drivers/$driver" "$dir/driver"
	ln -s "../../../bus/$bus" "$dir/subsystem"
	cp "$dir/migration/type/model" "$dir/migration/type/version" \
		"$dir/migration/type/config" "$dir/migration/"
	[ "$now" = - ] || put "$dir/migration/config" "model=$uri$now"
	: >"$dir/migration/last_error"
}

# make_tree ROOT FILE: a recorded sysfs, see tests/data/sysfs/README.rst.
make_tree() {
	root=$1
	grep -v '^#' "$2" | while read -r path content; do
		mkdir -p "$root${path%/*}"
		case $content in
		"-> "*) ln -s "${content#-> }" "$root$path" ;;
		*) printf '%b\n' "$content" >"$root$path" ;;
		esac
	done
}

finish() {
	echo "1..$n"
	exit $failed
}
