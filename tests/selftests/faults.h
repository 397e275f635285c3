/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of which every allocation and every copy to or from the caller fails in turn. */
#ifndef TESTS_SELFTESTS_FAULTS_H
#define TESTS_SELFTESTS_FAULTS_H

#include "inject.h"
#include "test.h"

#define REQUIRE_FAIL_NTH()						\
	do {								\
		if (!inject_init())					\
			SKIP(return, "this kernel injects no failures"); \
	} while (0)

/*
 * Runs @call with its first, second, ... allocation failing, until it has no
 * more. @undo follows each success and @call must succeed in the end. Some
 * failures are harmless and let it succeed. @step: leave some out.
 */
#define FAIL_EACH(step, call, undo)					\
	do {								\
		int nth, ret, failed = 0;				\
		bool over = false;					\
									\
		for (nth = 1; !over; nth += (step)) {			\
			ASSERT_GT(2000, nth);				\
			ASSERT_EQ(0, fail_nth(nth));			\
			ret = (call);					\
			over = fail_done();				\
			if (!ret) {					\
				undo;					\
				continue;				\
			}						\
			failed++;					\
			EXPECT_GT(0, ret);				\
			EXPECT_FALSE(over) {				\
				TH_LOG("without a failure: %s",		\
				       strerror(-ret));			\
			}						\
		}							\
		EXPECT_LT(0, failed);					\
		TH_LOG("%d allocations, %d failures",			\
		       nth - 1 - (step), failed);			\
	} while (0)

/* SELFTESTS_ALL=1: leave nothing out, whatever it takes. */
static inline int every(int step)
{
	return getenv("SELFTESTS_ALL") ? 1 : step;
}

#endif /* TESTS_SELFTESTS_FAULTS_H */
