// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of memory that is sent in passes: each pass goes through the memory once, from
 * its beginning to its end, and leaves out what has not changed. So what was doubled
 * or mixed up is noticed, although a page can come again.
 */
#include "msg.h"
#include "pages.h"
#include "stream.h"

/* The run's length, 0 if the record cannot have one. */
static u64 run_length(const struct mdev_migrate_pages *hdr, u32 length)
{
	u32 data = length - sizeof(*hdr);

	if (data % MDEV_MIGRATE_PAGE || !data == !hdr->zeros)
		return 0;
	return data ? data / MDEV_MIGRATE_PAGE : le32_to_cpu(hdr->zeros);
}

static const char *run_fault(const struct mdm_pages *pages, u32 pass, u64 first,
			     u64 nr)
{
	if (!pages->begun || pass > pages->pass)
		return NULL;
	if (pass < pages->pass)
		return "belong to a pass that is over";
	if (first >= pages->next)
		return NULL;
	if (first == pages->last)
		return "come a second time";
	return first + nr > pages->next ? "overlap those before them" :
					  "go back";
}

/**
 * mdm_pages_take - a record with pages came
 * @pages: the passes so far; move on if the pages are in order
 * @tag: the record
 * @nr: pages that the memory has
 * @payload: the record's payload
 * @length: its length
 * @run: the result
 * @why: filled on error
 *
 * Return: 0; -EMSGSIZE for a record that is neither whole pages nor a number of zero
 * ones; -EINVAL for pages that do not begin at one; -ERANGE for those outside of the
 * memory; -EPROTO for those that are not in the order of a pass.
 */
int mdm_pages_take(struct mdm_pages *pages, const struct mdm_tag *tag, u32 nr,
		   const void *payload, u32 length, struct mdm_pages_run *run,
		   struct mdev_migrate_msg *why)
{
	struct mdev_migrate_pages hdr;
	struct mdm_tag_room room;
	const char *fault;
	u64 offset, n;
	u32 pass;

	if (length < sizeof(hdr))
		return mdm_say(why, -EMSGSIZE,
			       "record %s has %u bytes, one of pages has at least %zu",
			       mdm_tag_name(&room, tag), length, sizeof(hdr));
	memcpy(&hdr, payload, sizeof(hdr));
	offset = le64_to_cpu(hdr.offset);
	pass = le32_to_cpu(hdr.pass);
	n = run_length(&hdr, length);
	if (!n)
		return mdm_say(why, -EMSGSIZE,
			       "record %s has %u bytes behind its header and %u zero pages, not whole pages or zero ones",
			       mdm_tag_name(&room, tag),
			       length - (u32)sizeof(hdr), le32_to_cpu(hdr.zeros));
	if (offset % MDEV_MIGRATE_PAGE)
		return mdm_say(why, -EINVAL,
			       "record %s: no page begins at byte %llu",
			       mdm_tag_name(&room, tag), (unsigned long long)offset);
	offset /= MDEV_MIGRATE_PAGE;
	if (offset > nr || n > nr - offset)
		return mdm_say(why, -ERANGE,
			       "record %s: %llu pages from page %llu on are outside of the memory, which has %u",
			       mdm_tag_name(&room, tag), (unsigned long long)n,
			       (unsigned long long)offset, nr);
	fault = run_fault(pages, pass, offset, n);
	if (fault)
		return mdm_say(why, -EPROTO,
			       "record %s: %llu pages from page %llu on, pass %u, %s: pass %u has come to page %llu",
			       mdm_tag_name(&room, tag), (unsigned long long)n,
			       (unsigned long long)offset, pass, fault, pages->pass,
			       (unsigned long long)pages->next);
	*pages = (struct mdm_pages) {
		.begun = true,
		.pass = pass,
		.last = offset,
		.next = offset + n,
	};
	run->first = offset;
	run->nr = n;
	run->data = hdr.zeros ? NULL : (const u8 *)payload + sizeof(hdr);
	return 0;
}
