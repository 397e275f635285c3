# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion of mdev-migrate(8) and mdev-migrate-stream(8) for bash.

_mdev_migrate_names() {
	local dir names=()

	for dir in /sys/bus/mdev/devices/* /sys/class/mdev_bus/*/mdev_supported_types/*; do
		[ -e "$dir" ] && names+=("${dir##*/}")
	done
	for dir in /sys/bus/*/devices/*/{migration,vfio-dev,nvidia/current_vgpu_type}; do
		[ -e "$dir" ] || continue
		dir=${dir#/sys/bus/} dir=${dir%/migration} dir=${dir%/vfio-dev} dir=${dir%/nvidia/*}
		case $dir in
		mdev/*) ;;
		*) names+=("${dir%%/*}/${dir##*/}") ;;
		esac
	done
	printf '%s\n' "${names[@]}"
}

# The devices and types of a snapshot: its tables' first columns. Of several hosts, these.
_mdev_migrate_parts() {
	local host

	if "$1" list -- "$2" 2>/dev/null >/dev/null; then
		"$1" list -- "$2" 2>/dev/null | awk '
			$1 == "TYPE" || $1 == "DEVICE" || $1 == "OTHER" { on = 1; next }
			!NF { on = 0 }
			on { print $1 }'
	else
		"$1" list -- "$2" 2>&1 |
			sed -n 's/.* has [0-9]* hosts, \(.*\): say which one as .*/\1/p' |
			sed 's/ and /\n/; s/, /\n/g' | while read -r host; do
				[ "$host" = others ] || echo "$host/"
			done
	fi
}

# FILE:PART: bash takes words apart at colons, and completes what is behind the last one.
_mdev_migrate_file_part() {
	local line=${COMP_LINE:0:COMP_POINT} word file part

	word=${line##*[[:space:]]}
	file=${word%:*} part=${word##*:}
	[ "$file" != "$word" ] && [ -f "$file" ] || return 1
	case $part in
	*/*)
		mapfile -t COMPREPLY < <(compgen -P "${part%/*}/" -W \
			"$(_mdev_migrate_parts "${COMP_WORDS[0]}" "$file:${part%/*}/")" -- "${part##*/}")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_mdev_migrate_parts "${COMP_WORDS[0]}" "$file")" -- "$part")
		;;
	esac
	[[ ${COMPREPLY[0]} != */ ]] || compopt -o nospace 2>/dev/null
	return 0
}

# ssh:HOST: names that ssh and this host know; none of them is asked.
_mdev_migrate_hosts() {
	local line=${COMP_LINE:0:COMP_POINT} word config=~/.ssh/config names

	word=${line##*[[:space:]]}
	[[ $word == ssh:* && ${word#ssh:} != *:* ]] || return 1
	names=$(sed -n 's/^[[:space:]]*[Hh]ost[[:space:]=]\+//p' "$config" 2>/dev/null | tr ' ' '\n' |
		grep -v '[*?!]')
	mapfile -t COMPREPLY < <(compgen -W "$names" -A hostname -- "${word#ssh:}")
	return 0
}

_mdev_migrate() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='list show export require check plan find domain drain baseline matrix callout help'
	local options='--json --root --help --version' command='' word

	case ${COMP_WORDS[0]##*/} in
	mdev-migrate-stream) commands='probe save load decode help' ;;
	esac
	COMPREPLY=()
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " $commands " in
		*" $word "*) command=$word && break ;;
		esac
	done
	case $prev in
	--format) mapfile -t COMPREPLY < <(compgen -W 'json nova nfd prometheus' -- "$cur") && return ;;
	--emit) mapfile -t COMPREPLY < <(compgen -W 'sysfs mdevctl libvirt' -- "$cur") && return ;;
	--max-age) mapfile -t COMPREPLY < <(compgen -W '10m 1h 12h 1d 7d' -- "$cur") && return ;;
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	-o | --output | --html | --domains | --probe) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	--bandwidth) mapfile -t COMPREPLY < <(compgen -W '1Gbit/s 10Gbit/s 25Gbit/s 100Gbit/s' -- "$cur") && return ;;
	--uuid | --model | --provider | --expires) return ;;
	esac
	if [ -z "$command" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$cur")
		return
	fi
	case $command in
	export) options+=' --output --compact --format --provider --expires' ;;
	require) options+=' --format --max-age' ;;
	list | show) options+=' --max-age' ;;
	check) options+=' --bandwidth --probe --max-age' ;;
	plan) options+=' --emit --uuid --max-age' ;;
	find) options+=' --own-host --bandwidth --probe --max-age' ;;
	domain) options+=' --own-host --max-age' ;;
	drain) options+=' --domains --max-age' ;;
	baseline) options+=' --model --max-age' ;;
	matrix) options+=' --html --pairs --max-age' ;;
	probe) options+=' --bandwidth' ;;
	save) options+=' --output' ;;
	load) options+=' --hold --output' ;;
	decode) options+=' --verify' ;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") && return ;;
	esac
	case $command in
	help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") && return ;;
	list | show | require | check | plan | find | domain | drain | baseline | matrix)
		_mdev_migrate_hosts && return
		;;
	esac
	case $command in
	show | require | check | plan | find | drain) _mdev_migrate_file_part && return ;;
	esac
	case $command in
	list | export | domain | drain | baseline | matrix | decode) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_mdev_migrate_names)" -- "$cur"; compgen -f -- "$cur") ;;
	esac
}

complete -o filenames -F _mdev_migrate mdev-migrate mdev-migrate-stream
