# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion of mdev-migrate(8) for bash.

_mdev_migrate_names() {
	local dir names=()

	for dir in /sys/bus/mdev/devices/* /sys/class/mdev_bus/*/mdev_supported_types/*; do
		[ -e "$dir" ] && names+=("${dir##*/}")
	done
	for dir in /sys/bus/*/devices/*/migration/type; do
		[ -e "$dir" ] || continue
		dir=${dir#/sys/bus/} dir=${dir%/migration/type}
		names+=("${dir%%/*}/${dir##*/}")
	done
	printf '%s\n' "${names[@]}"
}

_mdev_migrate() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='list show export require check plan find baseline matrix probe save load decode'
	local options='--json --root --help --version' command='' word

	COMPREPLY=()
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " $commands " in
		*" $word "*) command=$word && break ;;
		esac
	done
	case $prev in
	--format) mapfile -t COMPREPLY < <(compgen -W 'json nova nfd prometheus' -- "$cur") && return ;;
	--emit) mapfile -t COMPREPLY < <(compgen -W 'sysfs mdevctl libvirt' -- "$cur") && return ;;
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	-o | --output | --html) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	--uuid | --model | --bandwidth | --provider | --expires) return ;;
	esac
	if [ -z "$command" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$cur")
		return
	fi
	case $command in
	export) options+=' --output --compact --format --provider --expires' ;;
	require) options+=' --format' ;;
	plan) options+=' --emit --uuid' ;;
	baseline) options+=' --model' ;;
	matrix) options+=' --html' ;;
	probe) options+=' --bandwidth' ;;
	save) options+=' --output' ;;
	load) options+=' --hold --output' ;;
	decode) options+=' --verify' ;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") && return ;;
	esac
	case $command in
	list | export | baseline | matrix | decode) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_mdev_migrate_names)" -- "$cur"; compgen -f -- "$cur") ;;
	esac
}

complete -o filenames -F _mdev_migrate mdev-migrate
