/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings of a device's memory that are not there: who is to take them away is told to a
 * test, which does what a process could do until they are gone.
 */
#ifndef KUNIT_MAPPINGS_H
#define KUNIT_MAPPINGS_H

#include <linux/mm.h>

extern void (*mappings_go)(pgoff_t first, pgoff_t nr);

#ifdef KUNIT_UNDER_TEST
/* Set by a test; NULL: there are none. */
void (*mappings_go)(pgoff_t first, pgoff_t nr);

static inline void mappings_taken(struct address_space *mapping, pgoff_t first,
				  pgoff_t nr, bool even_cows)
{
	if (mappings_go)
		mappings_go(first, nr);
}

#define unmap_mapping_pages	mappings_taken
#endif

#endif /* KUNIT_MAPPINGS_H */
