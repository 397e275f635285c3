/* SPDX-License-Identifier: GPL-2.0-only */
/* What every test program begins with: the harness and what they share. */
#ifndef TESTS_SELFTESTS_TEST_H
#define TESTS_SELFTESTS_TEST_H

#include <kselftest_harness.h>

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "common.h"

/* Every test of @fixture runs through iommufd and through the container. */
#define BOTH_WAYS(fixture)						\
	FIXTURE_VARIANT(fixture) { enum vdev_how how; };		\
	FIXTURE_VARIANT_ADD(fixture, iommufd) { .how = VDEV_IOMMUFD };	\
	FIXTURE_VARIANT_ADD(fixture, group) { .how = VDEV_GROUP }

#define REQUIRE_WAY(way)						\
	do {								\
		if (!way_available(way))				\
			SKIP(return, "this kernel has no such way to VFIO"); \
	} while (0)

#define REQUIRE_PRE_COPY(vdev)						\
	do {								\
		if (!has_pre_copy(vdev))				\
			SKIP(return, "this kernel has no PRE_COPY");	\
	} while (0)

#endif /* TESTS_SELFTESTS_TEST_H */
