// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own coverage (kernel/gcov) as a module, for a kernel that was built
 * without it: modules that are compiled with -fprofile-arcs need what it exports.
 * Its sources are those of the kernel that it is built for.
 */
#include <linux/init.h>
#include <linux/module.h>

#undef device_initcall
#define device_initcall(fn)	static int call_##fn(void) { return fn(); }

#include "base.c"
#include "fs.c"
#include "gcc_base.c"
#include "gcc_4_7.c"

static int __init mdm_gcov_init(void)
{
	int ret = call_gcov_init();

	return ret ? ret : call_gcov_fs_init();
}
module_init(mdm_gcov_init);

MODULE_DESCRIPTION("kernel/gcov as a module");
MODULE_LICENSE("GPL");
