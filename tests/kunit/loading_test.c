// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device with records that are loaded in place, and in parts: what is refused
 * when there is no way back.
 */
#include <linux/mm.h>

#include "device.h"
#include "fail.h"
#include "foo_model.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

#define TAG_SMALL	0x1000
#define TAG_MEMORY	0x1001
#define TAG_PAGES	0x1002
#define MEMORY_SIZE	64
#define STREAM_MAX	2048

/* What goes wrong after the memory has been loaded. */
enum fault {
	NOTHING, RECORD, CHECKSUM, CHECK, COMMIT, EARLY_END, MISSING,
	/* Without a word. */
	MUTE_RECORD, MUTE_CHECK,
};

/**
 * struct plate - the device
 * @d: its migration
 * @memory: what is loaded in place
 * @loaded: parts of it that came
 * @record_error: load_record() fails, and does not say why
 * @check_error: load_check() fails
 * @mute: and does not say why
 * @commit_error: load_commit() does
 * @calls: what ran
 */
struct plate {
	struct mig_device d;
	u8 memory[MEMORY_SIZE];
	unsigned int loaded;
	int record_error;
	int check_error;
	bool mute;
	int commit_error;
	char calls[64];
};

static struct plate *to_plate(struct mdev_migrate_migration *mig)
{
	return container_of(mig, struct plate, d.mig);
}

static void note(struct mdev_migrate_migration *mig, const char *what)
{
	struct plate *p = to_plate(mig);

	strlcat(p->calls, what, sizeof(p->calls));
}

static void plate_reset(struct mdev_migrate_migration *mig)
{
	note(mig, "reset ");
	memset(to_plate(mig)->memory, 0, MEMORY_SIZE);
}

static int plate_stop(struct mdev_migrate_migration *mig)
{
	return 0;
}

static int plate_start(struct mdev_migrate_migration *mig)
{
	note(mig, "start ");
	return 0;
}

static u64 plate_state_size(struct mdev_migrate_migration *mig)
{
	return 0;
}

static int plate_save(struct mdev_migrate_migration *mig,
		      struct mdev_migrate_writer *writer)
{
	return 0;
}

static int plate_load_record(struct mdev_migrate_migration *mig, void *shadow,
			     const struct mdev_migrate_record *rec)
{
	struct plate *p = to_plate(mig);

	if (rec->tag == TAG_SMALL) {
		if (rec->length != 1 || rec->total != 1 || rec->offset)
			return mdev_migrate_refuse(&p->d.desc, -EINVAL,
						   "it is not small");
		return p->record_error;
	}
	if (rec->total > MEMORY_SIZE || rec->offset > rec->total ||
	    rec->length > rec->total - rec->offset)
		return -EFAULT;
	memcpy(p->memory + rec->offset, rec->data, rec->length);
	p->loaded++;
	return 0;
}

static int plate_load_check(struct mdev_migrate_migration *mig, void *shadow)
{
	struct plate *p = to_plate(mig);

	if (p->check_error && !p->mute)
		return mdev_migrate_refuse(&p->d.desc, p->check_error,
					   "it does not fit together");
	return p->check_error;
}

static int plate_load_commit(struct mdev_migrate_migration *mig, void *shadow)
{
	note(mig, "commit ");
	return to_plate(mig)->commit_error;
}

static void plate_load_end(struct mdev_migrate_migration *mig, void *shadow)
{
	note(mig, "end ");
}

static const struct mdev_migrate_record_type plate_records[] = {
	{ TAG_SMALL, .max_length = 100, .required = true,
	  .name = "small thing" },
	{ TAG_MEMORY, .max_length = 100, .in_place = true, .blob = true,
	  .max_total = MEMORY_SIZE },
	{ TAG_PAGES, .max_length = 100, .blob = true, .repeated = true,
	  .max_total = MEMORY_SIZE },
};

static const struct mdev_migrate_migration_ops plate_ops = {
	.reset = plate_reset,
	.stop = plate_stop,
	.start = plate_start,
	.state_size = plate_state_size,
	.save = plate_save,
	.load_record = plate_load_record,
	.load_check = plate_load_check,
	.load_commit = plate_load_commit,
	.load_end = plate_load_end,
};

static int plate_init(struct kunit *test)
{
	struct plate *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	mig_device_open(test, &p->d, &model, &plate_ops, plate_records,
			ARRAY_SIZE(plate_records));
	test->priv = p;
	return 0;
}

static void plate_exit(struct kunit *test)
{
	struct plate *p = test->priv;

	mig_device_close(&p->d);
}

/* A stream that is being made, with the functions that a source has. */
static void begin_stream(struct kunit *test, struct mdev_migrate_writer *writer)
{
	struct plate *p = test->priv;

	KUNIT_ASSERT_EQ(test, mdm_writer_head(writer, &p->d.mig), 0);
}

static void put_part(struct kunit *test, struct mdev_migrate_writer *writer,
		     u32 tag, u64 total, u64 offset, u32 len)
{
	u8 data[MEMORY_SIZE];

	memset(data, offset + 1, sizeof(data));
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(writer, tag,
						    MDEV_MIGRATE_RECORD_BULK,
						    total, offset, data, len),
			0);
}

static void put_small(struct kunit *test, struct mdev_migrate_writer *writer,
		      size_t len)
{
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(writer, TAG_SMALL, 0, "xx", len),
			0);
}

/* Of a bad stream every further write() says the same. */
static int push(struct plate *p, struct mdev_migrate_writer *writer)
{
	int ret;

	ret = session_write(p->d.mig.session, writer->buf, writer->len);
	if (ret && session_write(p->d.mig.session, "", 1) != ret)
		ret = -EILSEQ;
	kvfree(writer->buf);
	*writer = (struct mdev_migrate_writer) {};
	return ret;
}

static const struct fault_case {
	const char *name;
	enum fault fault;
	int write;
	int leave;
	const char *why;
} fault_cases[] = {
	{ "a later record is refused", RECORD, -EINVAL, -EINVAL,
	  "it is not small" },
	{ "a later record is damaged", CHECKSUM, -EBADMSG, -EBADMSG,
	  "record 0x1000 (small thing): its checksum is " },
	{ "load_check refuses", CHECK, 0, -EXDEV, "it does not fit together" },
	{ "load_commit fails", COMMIT, 0, -EIO,
	  "the device could not take the state over" },
	{ "the stream ends early", EARLY_END, 0, -ENODATA, "before END" },
	{ "a record is missing", MISSING, 0, -ENODATA,
	  "has no record 0x1000 (small thing), " },
	{ "load_record fails, mute", MUTE_RECORD, -ENOMEM, -ENOMEM,
	  "record 0x1000 (small thing) could not be loaded (record at byte " },
	{ "load_check fails, mute", MUTE_CHECK, 0, -EXDEV,
	  "the state does not fit together" },
};

static void fault_case_name(const struct fault_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fault, fault_cases, fault_case_name);

/* Brings the device to where it is to leave RESUMING, and is refused. */
static void load_with(struct kunit *test, const struct fault_case *c,
		      bool in_place)
{
	struct mdev_migrate_writer writer = {};
	struct plate *p = test->priv;

	EXPECT_MOVED(&p->d, RESUMING);
	begin_stream(test, &writer);
	if (in_place) {
		put_part(test, &writer, TAG_MEMORY, 8, 0, 5);
		put_part(test, &writer, TAG_MEMORY, 8, 5, 3);
	}
	if (c->fault != MISSING)
		put_small(test, &writer, c->fault == RECORD ? 2 : 1);
	if (c->fault == CHECKSUM)
		writer.buf[writer.len - 1] ^= 1;
	if (c->fault != EARLY_END)
		mdm_writer_end(&writer, 0);
	p->record_error = c->fault == MUTE_RECORD ? -ENOMEM : 0;
	p->check_error = c->fault == CHECK || c->fault == MUTE_CHECK ? -EXDEV :
								       0;
	p->mute = c->fault == MUTE_CHECK;
	p->commit_error = c->fault == COMMIT ? -EIO : 0;
	KUNIT_EXPECT_EQ(test, push(p, &writer), c->write);
	EXPECT_STATE(&p->d, RESUMING);
	KUNIT_EXPECT_EQ(test, p->loaded, in_place ? 2 : 0);
	p->calls[0] = 0;
	EXPECT_NOT_MOVED(&p->d, RUNNING, c->leave);
	expect_error(test, &p->d, c->why);
}

/* There is no way back: ERROR, out of which nothing leads but a reset. */
static void test_in_place(struct kunit *test)
{
	const struct fault_case *c = test->param_value;
	struct plate *p = test->priv;

	load_with(test, c, true);
	EXPECT_STATE(&p->d, ERROR);
	KUNIT_EXPECT_STREQ(test, p->calls, c->fault == COMMIT ?
			   "commit end " : "end ");
	KUNIT_EXPECT_NULL(test, p->d.mig.session);
	KUNIT_EXPECT_STREQ(test, "error",
			   mdev_migrate_migration_state_name(&p->d.mig));
	EXPECT_NOT_MOVED(&p->d, RUNNING, -EINVAL);
	EXPECT_NOT_MOVED(&p->d, STOP, -EINVAL);
	EXPECT_NOT_MOVED(&p->d, RESUMING, -EINVAL);
	EXPECT_NOT_MOVED(&p->d, ERROR, -EINVAL);
	expect_error(test, &p->d, c->why);
	mdev_migrate_migration_reset(&p->d.mig);
	EXPECT_STATE(&p->d, RUNNING);
	KUNIT_EXPECT_EQ(test, p->memory[0], 0);
	EXPECT_MOVED(&p->d, STOP_COPY);
}

/* Nothing has changed: the device stays where it is, and as it is. */
static void test_aside(struct kunit *test)
{
	const struct fault_case *c = test->param_value;
	struct plate *p = test->priv;

	load_with(test, c, false);
	if (c->fault == COMMIT) {
		EXPECT_STATE(&p->d, ERROR);
	} else {
		EXPECT_STATE(&p->d, RESUMING);
		KUNIT_EXPECT_STREQ(test, p->calls, "");
	}
	mdev_migrate_migration_reset(&p->d.mig);
	EXPECT_STATE(&p->d, RUNNING);
}

static void test_loads(struct kunit *test)
{
	struct mdev_migrate_writer writer = {};
	struct plate *p = test->priv;

	EXPECT_MOVED(&p->d, RESUMING);
	begin_stream(test, &writer);
	put_part(test, &writer, TAG_MEMORY, 8, 0, 5);
	put_part(test, &writer, TAG_MEMORY, 8, 5, 3);
	put_small(test, &writer, 1);
	mdm_writer_end(&writer, 0);
	KUNIT_EXPECT_EQ(test, push(p, &writer), 0);
	/* At once. */
	KUNIT_EXPECT_MEMEQ(test, p->memory, "\1\1\1\1\1\6\6\6\0", 9);
	EXPECT_MOVED(&p->d, RUNNING);
	KUNIT_EXPECT_STREQ(test, p->calls, "commit end start ");
}

static void test_reset_in_place(struct kunit *test)
{
	struct mdev_migrate_writer writer = {};
	struct plate *p = test->priv;

	EXPECT_MOVED(&p->d, RESUMING);
	begin_stream(test, &writer);
	put_part(test, &writer, TAG_MEMORY, 8, 0, 5);
	KUNIT_EXPECT_EQ(test, push(p, &writer), 0);
	mdev_migrate_migration_reset(&p->d.mig);
	KUNIT_EXPECT_STREQ(test, p->calls, "end reset ");
	EXPECT_STATE(&p->d, RUNNING);
}

/* Closed in ERROR, it is as any other when it is opened again. */
static void test_close_in_error(struct kunit *test)
{
	struct plate *p = test->priv;

	load_with(test, &fault_cases[0], true);
	EXPECT_STATE(&p->d, ERROR);
	mdev_migrate_migration_close(&p->d.mig);
	KUNIT_EXPECT_EQ(test, mdev_migrate_migration_open(&p->d.mig), 0);
	EXPECT_STATE(&p->d, RUNNING);
}

static const struct part_case {
	const char *name;
	u32 tag;
	struct {
		u64 total;
		u64 offset;
		u32 length;
	} parts[3];
	int ret;
	const char *why;
	unsigned int loaded;
} part_cases[] = {
	{ "twice", TAG_PAGES, { { 4, 0, 4 }, { 6, 0, 6 } }, 0, "", 2 },
	{ "none", TAG_PAGES, { { 0, 0, 0 } }, 0, "", 0 },
	{ "twice, and once would do", TAG_MEMORY, { { 4, 0, 4 }, { 4, 0, 4 } },
	  -EPROTO, "comes a second time", 1 },
	{ "overlapping", TAG_PAGES, { { 6, 0, 4 }, { 6, 3, 3 } }, -EPROTO,
	  "overlaps", 1 },
	{ "going back", TAG_PAGES, { { 6, 0, 2 }, { 6, 2, 2 }, { 6, 0, 2 } },
	  -EPROTO, "goes back", 2 },
	{ "left out", TAG_PAGES, { { 6, 0, 2 }, { 6, 3, 2 } }, -EPROTO,
	  "leaves some out", 1 },
	{ "too large", TAG_PAGES, { { MEMORY_SIZE + 1, 0, 4 } }, -EFBIG,
	  "takes at most 64", 0 },
	{ "another total", TAG_PAGES, { { 6, 0, 2 }, { 7, 2, 2 } }, -EPROTO,
	  "7 now", 1 },
	{ "half", TAG_PAGES, { { 6, 0, 2 } }, -ENODATA,
	  "ends with 2 of the blob's 6 bytes", 1 },
	{ "a second half", TAG_PAGES, { { 6, 0, 6 }, { 6, 0, 2 } }, -ENODATA,
	  "ends with 2 of the blob's 6 bytes", 2 },
	{ "no blob here", TAG_SMALL, { { 6, 0, 6 } }, -EPROTO,
	  "record 0x1000 (small thing) is a part of a blob, this device takes it as a whole",
	  0 },
};

static void part_case_name(const struct part_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(part, part_cases, part_case_name);

static void test_parts(struct kunit *test)
{
	const struct part_case *c = test->param_value;
	struct mdev_migrate_writer writer = {};
	struct plate *p = test->priv;
	unsigned int i;

	EXPECT_MOVED(&p->d, RESUMING);
	begin_stream(test, &writer);
	for (i = 0; i < ARRAY_SIZE(c->parts); i++) {
		if (c->parts[i].length)
			put_part(test, &writer, c->tag, c->parts[i].total,
				 c->parts[i].offset, c->parts[i].length);
	}
	if (c->tag != TAG_SMALL)
		put_small(test, &writer, 1);
	mdm_writer_end(&writer, 0);
	KUNIT_EXPECT_EQ(test, push(p, &writer), c->ret);
	expect_error(test, &p->d, c->why);
	KUNIT_EXPECT_EQ(test, p->loaded, c->loaded);
	mdev_migrate_migration_reset(&p->d.mig);
}

/* A record where there has to be a part. */
static void test_no_part(struct kunit *test)
{
	struct mdev_migrate_writer writer = {};
	struct plate *p = test->priv;

	EXPECT_MOVED(&p->d, RESUMING);
	begin_stream(test, &writer);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(&writer, TAG_PAGES, 0, p->memory,
					       20), 0);
	KUNIT_EXPECT_EQ(test, push(p, &writer), -EPROTO);
	expect_error(test, &p->d, "takes it in parts");
}

/* Every allocation fails in turn: the stream is refused, and the device is as it was. */
static void test_without_memory(struct kunit *test)
{
	struct mdev_migrate_writer writer = {};
	struct plate *p = test->priv;
	unsigned int try, failed = 0;
	bool over = false;
	int ret;

	fail_need(test);
	begin_stream(test, &writer);
	put_part(test, &writer, TAG_PAGES, 8, 0, 8);
	put_small(test, &writer, 1);
	mdm_writer_end(&writer, 0);
	for (try = 1; !over && try < 100; try++) {
		EXPECT_MOVED(&p->d, RESUMING);
		fail_nth(fail_number(try));
		ret = session_write(p->d.mig.session, writer.buf, writer.len);
		over = fail_done();
		if (ret) {
			failed++;
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			expect_error(test, &p->d, "out of memory");
		}
		mdev_migrate_migration_reset(&p->d.mig);
	}
	KUNIT_EXPECT_TRUE(test, over);
	KUNIT_EXPECT_EQ(test, ret, 0);
	/* For what is known of the blob, and for a record. */
	KUNIT_EXPECT_GE(test, failed, 2);
	kvfree(writer.buf);
}

/* A blob's records as a model can say them, and cannot. */
static void test_blob_types(struct kunit *test)
{
	static const struct {
		struct mdev_migrate_record_type rec;
		const char *why;
	} cases[] = {
		{ { 0x100, 17, .blob = true, .max_total = ~0ULL }, "" },
		{ { 0x100, 17, .blob = true },
		  "record 0x100 has a blob of nothing" },
		{ { 0x100, 16, .blob = true, .max_total = 1 },
		  "record 0x100 has a length that has no room for a part of a blob" },
		{ { 0x100, 17, .max_total = 1 },
		  "record 0x100 has a blob's size, but is not a blob" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = cases[i].why;
		struct mdev_migrate_msg why = {};
		int ret = mdm_records_check(&cases[i].rec, 1, false, false, &why);

		KUNIT_EXPECT_EQ(test, ret, *text ? -EINVAL : 0);
		KUNIT_EXPECT_STREQ(test, why.text, text);
	}
}

static struct kunit_case loading_cases[] = {
	KUNIT_CASE_PARAM(test_in_place, fault_gen_params),
	KUNIT_CASE_PARAM(test_aside, fault_gen_params),
	KUNIT_CASE(test_loads),
	KUNIT_CASE(test_reset_in_place),
	KUNIT_CASE(test_close_in_error),
	KUNIT_CASE_PARAM(test_parts, part_gen_params),
	KUNIT_CASE(test_no_part),
	KUNIT_CASE(test_without_memory),
	KUNIT_CASE(test_blob_types),
	{}
};

static struct kunit_suite loading_suite = {
	.name = "mdev_migrate_loading",
	.init = plate_init,
	.exit = plate_exit,
	.test_cases = loading_cases,
};

kunit_test_suite(loading_suite);
