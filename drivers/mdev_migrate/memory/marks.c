// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is leaving: nothing is pinned in it.
 *
 * While an unmap ioctl of type1's is under way, what it asks pins nothing, see calls.c.
 * If there is no memory to know that, not even what the device has to spare from its
 * opening, the range is marked as leaving for a time instead, each time for
 * four times as long: 20 ms, 80 ms, ... almost six hours. To get to the BUG somebody
 * had to hold up one unmap ioctl for nearly eight hours. When type1 says that there is
 * no such memory, it is through, and the mark goes.
 *
 * Payload has marks in any case, for five seconds at most: a range that is often
 * unmapped, as each packet of a guest with a strict vIOMMU is, is soon not pinned
 * any more, which costs more than to copy. iommufd refuses pins in what is being
 * unmapped by itself, and needs no more than that.
 */
#include "dma.h"

#define MARK_TIME		(HZ / 50 ?: 1)
#define MARK_FORGET		(600 * HZ)
#define MARK_STRIKES		10
#define MARK_STRIKES_SAFE	4

static bool mark_in_range(const struct mdm_mark *mark, unsigned long first,
			  unsigned long last)
{
	return mark->valid && mark->first <= last && mark->last >= first;
}

/* The mark that a range is added to. */
static struct mdm_mark *mark_find(struct mdm_mark *marks, unsigned long first,
				  unsigned long last)
{
	struct mdm_mark *mark, *unused = NULL;

	for (mark = marks; mark < marks + MDM_NR_MARKS; mark++) {
		if (mark_in_range(mark, first, last))
			return mark;
		if (mark->valid &&
		    time_after(jiffies, mark->until + MARK_FORGET))
			mark->valid = false;
		if (!mark->valid)
			unused = mark;
	}
	/* None may be lost: the last one grows. */
	return unused ?: mark - 1;
}

/**
 * mdm_mark - a range is leaving
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 * @hit: by use, was something pinned in it, or about to be?
 * @safe: nothing can be pinned again before the backend has removed the range
 *
 * Context: mem->lock held.
 */
void mdm_mark(struct mdev_migrate_memory *mem, unsigned long first,
	      unsigned long last, const bool *hit, bool safe)
{
	unsigned int most = safe ? MARK_STRIKES_SAFE : MARK_STRIKES, use;

	lockdep_assert_held(&mem->lock);
	for (use = 0; use < MDM_NR_USES; use++) {
		struct mdm_mark *mark;

		if (safe && (use == MDM_RING || !hit[use]))
			continue;
		mark = mark_find(mem->marks[use], first, last);
		if (!mark->valid) {
			*mark = (struct mdm_mark) {
				.first = first,
				.last = last,
				.exact = true,
				.valid = true,
			};
		} else {
			if (mark->first != first || mark->last != last)
				mark->exact = false;
			mark->first = min(mark->first, first);
			mark->last = max(mark->last, last);
			if ((hit[use] || !safe) && mark->strikes < most)
				mark->strikes++;
		}
		mark->until = jiffies +
			      ((unsigned long)MARK_TIME << (2 * mark->strikes));
	}
}

/**
 * mdm_marks_open - the device is being opened
 * @mem: guest memory
 *
 * What is over is forgotten. A mark that is not may be what keeps type1 from its
 * BUG(), and is not got rid of by opening the device anew, nor by what type1 says
 * of a container that may be another one.
 *
 * Context: mem->lock held.
 */
void mdm_marks_open(struct mdev_migrate_memory *mem)
{
	unsigned int use, i;

	lockdep_assert_held(&mem->lock);
	for (use = 0; use < MDM_NR_USES; use++) {
		for (i = 0; i < MDM_NR_MARKS; i++) {
			struct mdm_mark *mark = &mem->marks[use][i];

			if (time_after_eq(jiffies, mark->until))
				mark->valid = false;
			mark->exact = false;
		}
	}
}

/**
 * mdm_is_leaving - may nothing be pinned in a range?
 * @mem: guest memory
 * @use: for what
 * @first: the first page
 * @last: the last page
 *
 * Context: mem->lock held.
 * Return: whether some of it is leaving.
 */
bool mdm_is_leaving(struct mdev_migrate_memory *mem, enum mdm_use use,
		    unsigned long first, unsigned long last)
{
	struct mdm_mark *mark = mem->marks[use];
	unsigned int i;

	lockdep_assert_held(&mem->lock);
	if (mdm_calls_pending(mem))
		return true;
	for (i = 0; i < MDM_NR_MARKS; i++, mark++) {
		if (mark_in_range(mark, first, last) &&
		    time_before(jiffies, mark->until))
			return true;
	}
	return false;
}

/**
 * mdm_mark_gone - type1 says that there is nothing at a page
 * @mem: guest memory
 * @page: the page
 *
 * Then it is through with what it had there, and the next time it asks, it does not
 * ask again.
 *
 * Context: Takes mem->lock.
 */
void mdm_mark_gone(struct mdev_migrate_memory *mem, unsigned long page)
{
	struct mdm_mark *mark;
	unsigned int use;

	guard(spinlock)(&mem->lock);
	for (use = 0; use < MDM_NR_USES; use++) {
		for (mark = mem->marks[use];
		     mark < mem->marks[use] + MDM_NR_MARKS; mark++) {
			if (mark->exact && mark_in_range(mark, page, page))
				mark->valid = false;
		}
	}
}
