// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration. The firmware's memory goes out as one blob, in parts, from pre-copy on.
 * A page of it that changes after that goes out once more, by itself. What the firmware
 * counts comes last. The memory is loaded in place, as it comes: there is no room for two.
 */
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "firmware.h"

#define FW_VERSION	1
#define FW_PAGES_AT_ONCE	32U

#define TAG_BLOB	(MDEV_MIGRATE_TAG_MODELS + 0x1100)
#define TAG_PAGE	(MDEV_MIGRATE_TAG_MODELS + 0x1101)
#define TAG_COUNTERS	(MDEV_MIGRATE_TAG_MODELS + 0x1102)

/**
 * struct fw_page - payload of TAG_PAGE
 * @offset: where it is in the memory
 * @data: the page
 */
struct fw_page {
	__le64 offset;
	u8 data[FW_PAGE];
};

/**
 * struct fw_counters - payload of TAG_COUNTERS
 * @version: of the firmware
 * @reserved: 0
 * @writes: how often the memory was written
 */
struct fw_counters {
	__le32 version;
	__le32 reserved;
	__le64 writes;
};

/**
 * struct fw_shadow - what is not loaded in place
 * @loaded: bytes of the memory that have come
 * @writes: as of struct fw
 */
struct fw_shadow {
	size_t loaded;
	u64 writes;
};

const struct mdev_migrate_record_type fw_records[] = {
	{
		.tag = TAG_BLOB,
		.max_length = sizeof(struct mdev_migrate_blob) + FW_PART,
		.required = true,
		.in_place = true,
		.blob = true,
		.max_total = (u64)FW_MAX_PAGES * FW_PAGE,
		.name = "firmware memory",
	},
	{
		.tag = TAG_PAGE,
		.max_length = sizeof(struct fw_page),
		.name = "firmware page",
		.repeated = true,
		.in_place = true,
	},
	{
		.tag = TAG_COUNTERS,
		.max_length = sizeof(struct fw_counters),
		.name = "firmware counters",
		.required = true,
	},
};

const unsigned int fw_nr_records = ARRAY_SIZE(fw_records);

static struct fw_device *to_device(struct mdev_migrate_migration *mig)
{
	return container_of(mig, struct fw_device, mig);
}

/* Asks the firmware, and says so if it refuses. */
static int ask(struct mdev_migrate_migration *mig, enum fw_step step)
{
	int ret = fw_ask(&to_device(mig)->fw, step);

	return ret ? mdev_migrate_refuse(mig->desc, ret,
					 "the firmware refuses: %s; reset the device, or see its log",
					 fw_steps[step]) : 0;
}

static int state_open(struct mdev_migrate_migration *mig)
{
	return fw_boot(&to_device(mig)->fw, mig->desc->config.values[0] * FW_PAGE);
}

static void state_close(struct mdev_migrate_migration *mig)
{
	fw_off(&to_device(mig)->fw);
}

static void state_reset(struct mdev_migrate_migration *mig)
{
	fw_restart(&to_device(mig)->fw);
}

static int set_running(struct mdev_migrate_migration *mig, enum fw_step step,
		       bool running)
{
	struct fw *fw = &to_device(mig)->fw;
	int ret;

	ret = ask(mig, step);
	if (ret)
		return ret;
	guard(mutex)(&fw->lock);
	fw->running = running;
	return 0;
}

static int state_stop(struct mdev_migrate_migration *mig)
{
	return set_running(mig, FW_STOP, false);
}

static int state_start(struct mdev_migrate_migration *mig)
{
	return set_running(mig, FW_START, true);
}

/* Bytes that @parts parts, with their headers, have beyond what is in them. */
static u64 headers(u64 parts, size_t payload)
{
	return parts * (sizeof(struct mdev_migrate_record_hdr) + payload);
}

/* Under a spinlock: without the firmware's lock. */
static u64 state_size(struct mdev_migrate_migration *mig)
{
	struct fw *fw = &to_device(mig)->fw;
	u64 left = fw->size - READ_ONCE(fw->sent);

	return left + headers(DIV_ROUND_UP(left, FW_PART),
			      sizeof(struct mdev_migrate_blob)) +
	       headers(READ_ONCE(fw->nr_dirty), sizeof(struct fw_page)) +
	       headers(1, sizeof(struct fw_counters));
}

static int save_begin(struct mdev_migrate_migration *mig)
{
	int ret = ask(mig, FW_SAVE_BEGIN);

	if (!ret)
		fw_track(&to_device(mig)->fw, true);
	return ret;
}

static void save_end(struct mdev_migrate_migration *mig)
{
	fw_track(&to_device(mig)->fw, false);
}

static int put_part(struct fw *fw, struct mdev_migrate_writer *writer)
{
	size_t len = min_t(size_t, fw->size - fw->sent, FW_PART);
	int ret;

	ret = mdev_migrate_put_blob(writer, TAG_BLOB, MDEV_MIGRATE_RECORD_BULK,
				    fw->size, fw->sent, fw->memory + fw->sent,
				    len);
	if (!ret)
		WRITE_ONCE(fw->sent, fw->sent + len);
	return ret;
}

static int put_one(struct fw *fw, struct mdev_migrate_writer *writer,
		   struct fw_page *room, unsigned int page)
{
	room->offset = cpu_to_le64((u64)page * FW_PAGE);
	memcpy(room->data, fw->memory + page * FW_PAGE, FW_PAGE);
	return mdev_migrate_put(writer, TAG_PAGE, MDEV_MIGRATE_RECORD_BULK,
				room, sizeof(*room));
}

/* Some of them. If one cannot be put, none was. */
static int put_pages(struct fw *fw, struct mdev_migrate_writer *writer)
{
	struct fw_page *room __free(kfree) = kzalloc_obj(*room, GFP_KERNEL_ACCOUNT);
	unsigned int pages[FW_PAGES_AT_ONCE], n = 0;
	int ret = 0;

	if (!room)
		return -ENOMEM;
	while (!ret && n < ARRAY_SIZE(pages) && fw_next_dirty(fw, &pages[n]))
		ret = put_one(fw, writer, room, pages[n++]);
	while (ret && n)
		fw_set_dirty(fw, pages[--n]);
	return ret;
}

static bool has_more(struct fw *fw)
{
	return fw->sent < fw->size || fw->nr_dirty;
}

/* A part of the blob, or what has changed since. */
static int put_some(struct fw *fw, struct mdev_migrate_writer *writer)
{
	lockdep_assert_held(&fw->lock);
	return fw->sent < fw->size ? put_part(fw, writer) :
				     put_pages(fw, writer);
}

static int precopy(struct mdev_migrate_migration *mig,
		   struct mdev_migrate_writer *writer)
{
	struct fw *fw = &to_device(mig)->fw;
	int ret;

	ret = ask(mig, FW_PRECOPY);
	if (ret)
		return ret;
	guard(mutex)(&fw->lock);
	if (!has_more(fw))
		return 0;
	return put_some(fw, writer) ?: has_more(fw);
}

static void precopy_info(struct mdev_migrate_migration *mig,
			 struct mdev_migrate_precopy_info *info)
{
	struct fw *fw = &to_device(mig)->fw;

	guard(mutex)(&fw->lock);
	info->initial_bytes = fw->size - fw->sent;
	info->dirty_bytes = (u64)fw->nr_dirty * FW_PAGE;
}

static int save(struct mdev_migrate_migration *mig,
		struct mdev_migrate_writer *writer)
{
	struct fw *fw = &to_device(mig)->fw;
	struct fw_counters counters;
	int ret;

	ret = ask(mig, FW_SAVE);
	if (ret)
		return ret;
	guard(mutex)(&fw->lock);
	if (has_more(fw))
		return put_some(fw, writer) ?: 1;
	counters = (struct fw_counters) {
		.version = cpu_to_le32(FW_VERSION),
		.writes = cpu_to_le64(fw->writes),
	};
	return mdev_migrate_put(writer, TAG_COUNTERS, 0, &counters,
				sizeof(counters));
}

static void *load_begin(struct mdev_migrate_migration *mig)
{
	struct fw_shadow *shadow;
	int ret;

	ret = ask(mig, FW_LOAD_BEGIN);
	if (ret)
		return ERR_PTR(ret);
	shadow = kzalloc_obj(*shadow, GFP_KERNEL_ACCOUNT);
	return shadow ?: ERR_PTR(-ENOMEM);
}

static int load_part(struct mdev_migrate_migration *mig,
		     struct fw_shadow *shadow,
		     const struct mdev_migrate_record *rec)
{
	struct fw *fw = &to_device(mig)->fw;
	int ret;

	if (rec->total != fw->size)
		return mdev_migrate_refuse(mig->desc, -EINVAL,
					   "memory: the stream has %llu bytes, this device has %zu",
					   rec->total, fw->size);
	ret = ask(mig, FW_LOAD);
	if (ret)
		return ret;
	guard(mutex)(&fw->lock);
	memcpy(fw->memory + rec->offset, rec->data, rec->length);
	shadow->loaded = rec->offset + rec->length;
	return 0;
}

static int load_page(struct mdev_migrate_migration *mig,
		     struct fw_shadow *shadow,
		     const struct mdev_migrate_record *rec)
{
	struct fw *fw = &to_device(mig)->fw;
	const struct fw_page *page = rec->data;
	u64 offset;
	int ret;

	if (rec->length != sizeof(*page))
		return mdev_migrate_refuse(mig->desc, -EINVAL,
					   "page: the stream has %u bytes, this device takes %zu",
					   rec->length, sizeof(*page));
	offset = get_unaligned_le64(&page->offset);
	if (offset % FW_PAGE || offset >= shadow->loaded)
		return mdev_migrate_refuse(mig->desc, -ERANGE,
					   "page: the stream has one at byte %llu, and %zu bytes have come",
					   offset, shadow->loaded);
	ret = ask(mig, FW_LOAD);
	if (ret)
		return ret;
	guard(mutex)(&fw->lock);
	memcpy(fw->memory + offset, page->data, FW_PAGE);
	return 0;
}

static int load_counters(struct mdev_migrate_migration *mig,
			 struct fw_shadow *shadow,
			 const struct mdev_migrate_record *rec)
{
	struct fw_counters counters;

	if (rec->length != sizeof(counters))
		return mdev_migrate_refuse(mig->desc, -EINVAL,
					   "counters: the stream has %u bytes, this device takes %zu",
					   rec->length, sizeof(counters));
	memcpy(&counters, rec->data, sizeof(counters));
	if (le32_to_cpu(counters.version) != FW_VERSION || counters.reserved)
		return mdev_migrate_refuse(mig->desc, -EINVAL,
					   "firmware: the stream has version %u, this device has %u",
					   le32_to_cpu(counters.version),
					   FW_VERSION);
	shadow->writes = le64_to_cpu(counters.writes);
	return 0;
}

static int load_record(struct mdev_migrate_migration *mig, void *shadow,
		       const struct mdev_migrate_record *rec)
{
	switch (rec->tag) {
	case TAG_BLOB:
		return load_part(mig, shadow, rec);
	case TAG_PAGE:
		return load_page(mig, shadow, rec);
	default:
		return load_counters(mig, shadow, rec);
	}
}

static int load_check(struct mdev_migrate_migration *mig, void *shadow)
{
	return ask(mig, FW_LOAD_CHECK);
}

static int load_commit(struct mdev_migrate_migration *mig, void *context)
{
	struct fw *fw = &to_device(mig)->fw;
	struct fw_shadow *shadow = context;
	int ret;

	ret = ask(mig, FW_LOAD_COMMIT);
	if (ret)
		return ret;
	guard(mutex)(&fw->lock);
	fw->writes = shadow->writes;
	return 0;
}

static void load_end(struct mdev_migrate_migration *mig, void *shadow)
{
	kfree(shadow);
}

const struct mdev_migrate_migration_ops fw_migration_ops = {
	.open = state_open,
	.close = state_close,
	.reset = state_reset,
	.stop = state_stop,
	.start = state_start,
	.state_size = state_size,
	.save_begin = save_begin,
	.save = save,
	.precopy = precopy,
	.precopy_info = precopy_info,
	.save_end = save_end,
	.load_begin = load_begin,
	.load_record = load_record,
	.load_check = load_check,
	.load_commit = load_commit,
	.load_end = load_end,
};
