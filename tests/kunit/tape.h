/* SPDX-License-Identifier: GPL-2.0-only */
/* A device whose state comes in chunks: a tape of numbered records. */
#ifndef KUNIT_TAPE_H
#define KUNIT_TAPE_H

#include "device.h"

#define TAG_TAPE	0x1000
#define TAG_EARLY	0x1001
#define RECORD_SIZE	1000
#define CHUNK_SIZE	(3 * (sizeof(struct mdev_migrate_record_hdr) +	\
			      RECORD_SIZE))

/* More than a stream has. */
#define STREAM_SIZE	(128 * 1024)

/**
 * struct tape - the device
 * @d: its migration
 * @nr: chunks of its state
 * @pos: those put
 * @early: chunks that pre-copy has to put first
 * @early_pos: those put
 * @dirty: chunks that it has to put again
 * @reinit: it begins anew
 * @fail_at: save() fails at this chunk
 * @early_fail_at: precopy() does
 * @begin_error: save_begin() does
 * @error: with this
 * @tells: and says why
 * @lies: there is more, and nothing comes
 * @greedy: save() puts what there is no room for
 * @begins: calls of save_begin() that succeeded
 * @ends: calls of save_end()
 * @inside: callbacks running
 * @overlaps: there were two
 * @entered: a chunk is being put, if it is to wait
 * @leave: and may end
 * @wait: they are to wait
 * @stop_waits: stop() is to wait likewise
 * @calls: what ran when
 */
struct tape {
	struct mig_device d;
	unsigned int nr;
	unsigned int pos;
	unsigned int early;
	unsigned int early_pos;
	unsigned int dirty;
	bool reinit;
	unsigned int fail_at;
	unsigned int early_fail_at;
	int begin_error;
	int error;
	bool tells;
	bool lies;
	bool greedy;
	unsigned int begins;
	unsigned int ends;
	atomic_t inside;
	bool overlaps;
	struct completion entered;
	struct completion leave;
	bool wait;
	bool stop_waits;
	char calls[64];
};

extern const struct mdev_migrate_migration_ops tape_ops_without_info;

int tape_init(struct kunit *test);
void tape_exit(struct kunit *test);
ssize_t read_some(struct tape *t, void *buf, size_t len);
ssize_t read_all(struct tape *t, u8 *buf, size_t size, size_t step,
		 size_t *len);
void *new_buf(struct kunit *test, size_t size);
bool readable(struct tape *t);
void expect_loads(struct kunit *test, const u8 *buf, size_t len);

#endif /* KUNIT_TAPE_H */
