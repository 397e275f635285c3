/* SPDX-License-Identifier: GPL-2.0-only */
/* What must not be in a stream: memory that was not written, kernel addresses. */
#ifndef TESTS_SELFTESTS_STREAM_STAIN_H
#define TESTS_SELFTESTS_STREAM_STAIN_H

#include "common.h"

/**
 * struct kernel_range - where the kernel's memory is
 * @first: lowest address
 * @last: highest one
 */
struct kernel_range {
	uint64_t first;
	uint64_t last;
};

int stain_begin(void);
int stain_memory(void);
int kernel_range_read(struct kernel_range *range);
bool stream_stained(const struct buf *s, const struct kernel_range *range,
		    const char *name);

#endif /* TESTS_SELFTESTS_STREAM_STAIN_H */
