#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Load the KUnit tests and print their results, a line a test case.
echo "TAP version 13"
# Of allocations, where they can be made to fail (fail.h), also those that may sleep, and
# without a word.
for what in failslab fail_page_alloc; do
	for setting in "ignore-gfp-wait N" "verbose 0"; do
		file=/sys/kernel/debug/$what/${setting% *}
		[ ! -w "$file" ] || echo "${setting#* }" >"$file"
	done
done
modprobe mdev_migrate_kunit || exit 1
dmesg | sed 's/^\[[^]]*\] //' | awk '
	/^    # Subtest: / { suite = $3 }
	/^    (ok|not ok) / {
		result = ($1 == "ok") ? "ok" : "not ok"
		sub(/^    (ok|not ok) [0-9]+ /, "")
		print result, ++n, suite "." $0
		if (result != "ok")
			failed = 1
	}
	/EXPECTATION FAILED|ASSERTION FAILED/ { more = 8 }
	more-- > 0 { print "# " $0 }
	END { exit failed || !n }'
