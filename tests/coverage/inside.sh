#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# inside.sh COMMAND...: runs the command and leaves in /out what it has covered of modules
# that are compiled for that.
gcov=/sys/kernel/debug/gcov
insmod "$(find /mdev -name mdm_gcov.ko)" || exit 1
"$@"
status=$?
# Counters are read as they are opened, and have no size before.
cd "$gcov" && find . -name '*.gcda' | while read -r file; do
	mkdir -p "/out/gcda/$(dirname "$file")" && cat "$file" >"/out/gcda/$file"
done
exit $status
