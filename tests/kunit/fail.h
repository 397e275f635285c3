/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocations that fail, where the kernel injects faults: see run.sh. */
#ifndef KUNIT_FAIL_H
#define KUNIT_FAIL_H

#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/slab.h>

/* The test's allocation number @nth from here on fails; 0: none. */
static inline void fail_nth(unsigned int nth)
{
#ifdef CONFIG_FAULT_INJECTION
	WRITE_ONCE(current->fail_nth, nth);
#endif
}

/* Was there an allocation of that number? If not, all were tried. No more fail. */
static inline bool fail_done(void)
{
	bool left = false;

#ifdef CONFIG_FAULT_INJECTION
	left = READ_ONCE(current->fail_nth);
#endif
	fail_nth(0);
	return left;
}

/*
 * Of the test's try number @try, from 1. Each allocation has two tries: the first one may
 * have failed only to get the slab allocator a page, which it can do without, and has one
 * the next time.
 */
static inline unsigned int fail_number(unsigned int try)
{
	return (try + 1) / 2;
}

static inline void fail_need(struct kunit *test)
{
	void *p;

	fail_nth(1);
	p = kmalloc(8, GFP_KERNEL);
	fail_nth(0);
	kfree(p);
	if (p)
		kunit_skip(test, "this kernel injects no failures");
}

#endif /* KUNIT_FAIL_H */
