# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What a kernel log must not contain.

SCAN_PATTERNS=(
	'BUG:' 'BUG at ' 'WARNING:' 'KASAN:' 'UBSAN:' 'ODEBUG:' 'Oops'
	'Kernel panic' 'Kernel mode fault' 'general protection fault'
	'possible recursive locking' 'possible circular locking'
	'inconsistent lock state' 'inconsistent .* -> .* usage' 'irq lock inversion'
	'suspicious RCU usage' 'bad unlock balance' 'held lock freed' 'still held'
	'lock held when returning to user space' 'Invalid wait context'
	'scheduling while atomic' 'sleeping function called from invalid context'
	'INFO: task .* blocked' 'rcu: INFO' 'soft lockup' 'workqueue lockup'
	'list_add corruption' 'list_del corruption' 'refcount_t:'
	'unreferenced object' 'DEBUG_LOCKS_WARN_ON'
	'kmemleak: .* disabled' 'lab: FAIL' 'Freeing alive kref' 'sysfs: cannot create duplicate'
	'BUG [a-z0-9_-]* (.*):' 'usercopy: Kernel memory' 'trying to register non-static key'
	'mdev.* Tainted: .*D' 'disagrees about version of symbol' 'Unknown symbol'
)

# scan_log LOG ALLOW: print what was found; true if the log is clean. What is allowed
# begins in the suspicious line and may end in the three lines behind it, where the
# kernel says which place it means.
scan_log() {
	local regex

	regex=$(printf '|%s' "${SCAN_PATTERNS[@]}")
	regex=${regex#|}
	awk -v bad="$regex" -v allow="$2" '
		function allowed(i,	text) {
			text = line[i] "\n" line[i + 1] "\n" line[i + 2] "\n" line[i + 3]
			return allow != "" && match(text, allow) && RSTART <= length(line[i])
		}
		{ line[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++) {
				if (line[i] ~ bad && !allowed(i)) {
					found++
					left = 30
				}
				if (left > 0 && shown < 120) {
					print "    " line[i]
					left--
					shown++
				}
			}
			if (found)
				print "    " found " suspicious lines"
			exit found != 0
		}
	' "$1"
}
