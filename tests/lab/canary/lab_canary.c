// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one mistake on purpose, so that the lab can prove that it notices.
 */

#include <linux/delay.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "the mistake to make");

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);
static DEFINE_SPINLOCK(spin);
static volatile int bounded[4];

static void canary_warn(void)
{
	WARN(1, "lab_canary: on purpose\n");
}

static void canary_bug(void)
{
	BUG();
}

static void canary_kasan(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	WRITE_ONCE(p[8], 1);
}

static noinline void canary_leak(void)
{
	int i;

	/* Several, as a stale pointer may hide one of them. */
	for (i = 0; i < 16; i++) {
		char *p = kzalloc(256, GFP_KERNEL);

		barrier_data(p);
	}
}

static void canary_lockdep(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
}

static void canary_atomic(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void canary_ubsan(void)
{
	int i = ARRAY_SIZE(bounded);

	OPTIMIZER_HIDE_VAR(i);
	bounded[i] = 1;
}

static void canary_released(struct kobject *kobj)
{
}

static const struct kobj_type canary_type = {
	.release = canary_released,
};

/* Frees an object that may still have a user. */
static void canary_kobject(void)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj), GFP_KERNEL);

	if (!kobj)
		return;
	kobject_init(kobj, &canary_type);
	kobject_put(kobj);
	kfree(kobj);
}

static void canary_busy(void)
{
	__module_get(THIS_MODULE);
}

static const struct {
	const char *name;
	void (*make)(void);
} canary_faults[] = {
	{ "warn", canary_warn },
	{ "bug", canary_bug },
	{ "kasan", canary_kasan },
	{ "leak", canary_leak },
	{ "lockdep", canary_lockdep },
	{ "atomic", canary_atomic },
	{ "ubsan", canary_ubsan },
	{ "kobject", canary_kobject },
	{ "busy", canary_busy },
};

static int __init canary_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(canary_faults); i++)
		if (!strcmp(fault, canary_faults[i].name))
			canary_faults[i].make();
	return 0;
}
module_init(canary_init);

static void __exit canary_exit(void)
{
}
module_exit(canary_exit);

MODULE_DESCRIPTION("A module that makes mistakes for the lab to notice");
MODULE_LICENSE("GPL");
