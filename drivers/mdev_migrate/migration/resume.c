// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resuming. What write() brings is read as it comes and kept aside; the device
 * changes on RESUMING -> STOP, when the stream is whole and all of it fits.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "migration.h"

/* What is wrong with a record that a model says it can load, or NULL. */
static const char *record_fault(const struct mdev_migrate_record_type *records,
				unsigned int index)
{
	const struct mdev_migrate_record_type *rec = &records[index];
	unsigned int i;

	if (rec->tag < MDEV_MIGRATE_TAG_MODELS)
		return "a tag that is reserved for the stream itself and PCI";
	if (rec->max_length > MDEV_MIGRATE_RECORD_MAX)
		return "a length that no record can have";
	for (i = 0; i < index; i++) {
		if (records[i].tag == rec->tag)
			return "a tag that another one has";
	}
	return NULL;
}

/**
 * mdm_records_check - are the records that a model can load in order?
 * @records: the records
 * @nr: how many
 * @why: filled on error
 *
 * Return: 0 or -EINVAL.
 */
int mdm_records_check(const struct mdev_migrate_record_type *records,
		      unsigned int nr, struct mdev_migrate_msg *why)
{
	const char *fault;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		fault = record_fault(records, i);
		if (fault)
			return mdm_say(why, -EINVAL, "record %#x has %s",
				       records[i].tag, fault);
	}
	return 0;
}

/**
 * struct mdm_resuming - the resuming side of a session, guarded by its lock
 * @reader: the parser
 * @why: its sentence
 * @configured: CONFIG came and fits
 * @seen: by index in the device's records
 * @shadow: the driver's, from load_begin() on
 */
struct mdm_resuming {
	struct mdm_reader reader;
	struct mdev_migrate_msg why;
	bool configured;
	DECLARE_BITMAP(seen, MDEV_MIGRATE_MAX_RECORDS);
	void *shadow;
};

static struct mdm_resuming *to_resuming(struct mdm_reader *reader)
{
	return container_of(reader, struct mdm_resuming, reader);
}

/* What the device says of a record, or NULL if it does not know it. */
static const struct mdev_migrate_record_type *
find_type(const struct mdev_migrate_migration *mig, u32 tag)
{
	unsigned int i;

	for (i = 0; i < mig->nr_records; i++) {
		if (mig->records[i].tag == tag)
			return &mig->records[i];
	}
	return NULL;
}

static int resume_config(struct mdm_reader *reader, const char *text,
			 size_t len)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	struct mdev_migrate_migration *mig = session->mig;
	struct mdev_migrate_config config;
	void *shadow = NULL;
	int ret;

	ret = mdev_migrate_config_parse(&config, mig->desc->model, text, len,
					reader->why);
	if (!ret)
		ret = mdev_migrate_config_match(&mig->desc->config, &config,
						reader->why);
	if (ret)
		return ret;
	if (mig->ops->load_begin)
		shadow = mig->ops->load_begin(mig);
	if (IS_ERR(shadow))
		return mdm_say(reader->why, PTR_ERR(shadow),
			       "the device cannot begin to load");
	resuming->shadow = shadow;
	resuming->configured = true;
	return 0;
}

static int resume_begin(struct mdm_reader *reader, u32 tag, u32 flags,
			u32 length)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	const struct mdev_migrate_record_type *type;
	struct mdm_tag_room room;
	unsigned int index;

	type = find_type(session->mig, tag);
	if (!type)
		return 0;
	index = type - session->mig->records;
	if (test_bit(index, resuming->seen) && !type->repeated)
		return mdm_say(reader->why, -EPROTO,
			       "record %s comes a second time at byte %llu",
			       mdm_tag_name(&room, tag), reader->offset);
	if (length > type->max_length)
		return mdm_say(reader->why, -EMSGSIZE,
			       "record %s has %u bytes, this device takes at most %u",
			       mdm_tag_name(&room, tag), length,
			       type->max_length);
	__set_bit(index, resuming->seen);
	reader->buf = kvmalloc(max(length, 1U), GFP_KERNEL_ACCOUNT);
	return reader->buf ? 0 : mdm_say(reader->why, -ENOMEM, "out of memory");
}

static int resume_record(struct mdm_reader *reader, u32 tag, u32 flags,
			 u32 length)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	struct mdev_migrate_migration *mig = session->mig;
	struct mdev_migrate_record rec = {
		.tag = tag,
		.flags = flags,
		.length = length,
		.data = reader->buf,
	};
	int ret;

	/* It says itself why it refuses. */
	ret = mig->ops->load_record(mig, resuming->shadow, &rec);
	kvfree(reader->buf);
	reader->buf = NULL;
	return ret;
}

static const struct mdm_reader_ops resume_ops = {
	.config = resume_config,
	.begin = resume_begin,
	.record = resume_record,
};

/* Tell the reader's error, unless the model has told its own already. */
static int tell(struct mdev_migrate_migration *mig,
		struct mdm_resuming *resuming, int ret)
{
	if (ret && resuming->why.text[0])
		mdev_migrate_refuse(mig->desc, ret,
				    "%s (record at byte %llu of the stream)",
				    resuming->why.text,
				    resuming->reader.offset);
	return ret;
}

static int push(struct mdm_session *session, const void *data, size_t len)
{
	struct mdm_resuming *resuming;
	int ret;

	guard(mutex)(&session->lock);
	if (session->ended)
		return -ENODEV;
	resuming = session->resuming;
	if (resuming->reader.err)
		return resuming->reader.err;
	ret = mdm_reader_push(&resuming->reader, data, len);
	return tell(session->mig, resuming, ret);
}

static ssize_t resume_write(struct file *filp, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct mdm_session *session = filp->private_data;
	size_t done = 0;
	int ret = 0;

	if (ppos)
		return -ESPIPE;
	if (mutex_lock_interruptible(&session->io_lock))
		return -ERESTARTSYS;
	while (done < count) {
		size_t n = min_t(size_t, count - done, MDM_BOUNCE_SIZE);

		if (copy_from_user(session->bounce, buf + done, n)) {
			/* What came before is taken and counts. */
			ret = done ? 0 : -EFAULT;
			break;
		}
		ret = push(session, session->bounce, n);
		if (ret)
			break;
		done += n;
		cond_resched();
	}
	mutex_unlock(&session->io_lock);
	/* A stream that is refused is refused as a whole. */
	return ret ?: done;
}

static __poll_t resume_poll(struct file *filp, poll_table *table)
{
	struct mdm_session *session = filp->private_data;

	poll_wait(filp, &session->wait, table);
	guard(mutex)(&session->lock);
	if (session->ended || session->resuming->reader.err)
		return EPOLLOUT | EPOLLWRNORM | EPOLLERR;
	return EPOLLOUT | EPOLLWRNORM;
}

static const struct file_operations resume_fops = {
	.owner = THIS_MODULE,
	.write = resume_write,
	.poll = resume_poll,
	.release = mdm_session_release,
};

void mdm_resuming_free(struct mdev_migrate_migration *mig,
		       struct mdm_resuming *resuming)
{
	if (!resuming)
		return;
	/* A record that was cut off, unless it is the reader's own room. */
	if (resuming->reader.buf != resuming->reader.small)
		kvfree(resuming->reader.buf);
	if (resuming->configured && mig->ops->load_end)
		mig->ops->load_end(mig, resuming->shadow);
	kfree(resuming);
}

/**
 * mdm_resuming_begin - begin a resuming session
 * @mig: the device's migration
 * @filp: the data FD's file
 *
 * Context: Under the state lock.
 * Return: the session or an ERR_PTR(); then nothing is left of it.
 */
struct mdm_session *mdm_resuming_begin(struct mdev_migrate_migration *mig,
				       struct file **filp)
{
	struct mdm_resuming *resuming;
	struct mdm_session *session;
	int ret;

	session = mdm_session_create(mig);
	if (IS_ERR(session))
		return session;
	resuming = kzalloc_obj(*resuming, GFP_KERNEL_ACCOUNT);
	if (!resuming) {
		ret = -ENOMEM;
		goto end;
	}
	mdm_reader_init(&resuming->reader, &resume_ops, session,
			&resuming->why);
	session->resuming = resuming;
	*filp = mdm_session_file(session, &resume_fops, O_WRONLY);
	if (IS_ERR(*filp)) {
		ret = PTR_ERR(*filp);
		*filp = NULL;
		goto end;
	}
	return session;

end:
	mdm_session_end(session);
	return ERR_PTR(ret);
}

/* A record that must be in the stream and is not, or NULL. */
static const struct mdev_migrate_record_type *
find_missing(const struct mdev_migrate_migration *mig,
	     const struct mdm_resuming *resuming)
{
	unsigned int i;

	for (i = 0; i < mig->nr_records; i++) {
		if (mig->records[i].required && !test_bit(i, resuming->seen))
			return &mig->records[i];
	}
	return NULL;
}

static int check_required(struct mdev_migrate_migration *mig,
			  struct mdm_resuming *resuming)
{
	const struct mdev_migrate_record_type *missing;
	struct mdm_tag_room room;

	missing = find_missing(mig, resuming);
	if (!missing)
		return 0;
	return mdev_migrate_refuse(mig->desc, -ENODATA,
				   "the stream has no record %s, this device needs it",
				   mdm_tag_name(&room, missing->tag));
}

/**
 * mdm_resuming_finish - the stream was written: take it over
 * @session: the resuming session
 *
 * Context: Under the state lock; the device is stopped. Takes the session's
 * lock.
 * Return: 0, or a negative errno; then the device is as it was and the session
 * goes on.
 */
int mdm_resuming_finish(struct mdm_session *session)
{
	struct mdev_migrate_migration *mig = session->mig;
	const struct mdev_migrate_migration_ops *ops = mig->ops;
	struct mdm_resuming *resuming;
	int ret;

	guard(mutex)(&session->lock);
	resuming = session->resuming;
	if (resuming->reader.err)
		return resuming->reader.err;
	ret = mdm_reader_finish(&resuming->reader);
	if (ret) {
		tell(mig, resuming, ret);
		/* More may come, and be refused for another reason. */
		resuming->why.text[0] = 0;
		return ret;
	}
	ret = check_required(mig, resuming);
	if (!ret && ops->load_check)
		ret = ops->load_check(mig, resuming->shadow);
	if (ret)
		return ret;
	ops->load_commit(mig, resuming->shadow);
	return 0;
}
