// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resuming. What write() brings is read as it comes and kept aside; the device
 * changes on RESUMING -> STOP, when the stream is whole and all of it fits. Records
 * that are loaded in place, too large to be kept aside, change it at once, some before
 * their checksum is known: once one has come, what is refused leaves a device that
 * has to be reset.
 */
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "migration.h"

/* What is copied before its checksum is looked at: it is in the processor's cache then. */
#define TAKE_MAX	SZ_32K

/**
 * struct mdm_resuming - the resuming side of a session, guarded by its lock
 * @reader: the parser
 * @why: its sentence
 * @configured: CONFIG came and fits
 * @seen: by index in the device's records
 * @blobs: likewise, allocated when there is the first part of one
 * @room: where payloads go, one at a time
 * @size: bytes at @room
 * @skipped: for what the device does not know
 * @in_place: the device is not what it was any more
 * @shadow: the driver's, from load_begin() on
 */
struct mdm_resuming {
	struct mdm_reader reader;
	struct mdev_migrate_msg why;
	bool configured;
	DECLARE_BITMAP(seen, MDEV_MIGRATE_MAX_RECORDS);
	struct mdm_blob *blobs;
	void *room;
	u32 size;
	u8 skipped[SZ_1K];
	bool in_place;
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
	unsigned int before;
	void *shadow = NULL;
	int ret;

	ret = mdev_migrate_config_parse(&config, mig->desc->model, text, len,
					reader->why);
	if (!ret)
		ret = mdev_migrate_config_match(&mig->desc->config, &config,
						reader->why);
	if (ret)
		return ret;
	before = mdm_error_count(mig->desc);
	if (mig->ops->load_begin)
		shadow = mig->ops->load_begin(mig);
	if (IS_ERR(shadow))
		return mdm_tell(mig, PTR_ERR(shadow),
				"the device cannot begin to load", before);
	resuming->shadow = shadow;
	resuming->configured = true;
	return 0;
}

/* The largest payload that came so far is the room for all. */
static int make_room(struct mdm_resuming *resuming, u32 length)
{
	u32 size = max(length, 1U);

	if (resuming->size < size) {
		kvfree(resuming->room);
		resuming->size = 0;
		resuming->room = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!resuming->room)
			return -ENOMEM;
		resuming->size = size;
	}
	return 0;
}

/* A part of a blob where there is to be one, and nowhere else. */
static int check_part(struct mdev_migrate_migration *mig,
		      struct mdm_resuming *resuming,
		      const struct mdev_migrate_record_type *type, u32 flags)
{
	const struct mdm_tag tag = mdm_type_tag(type);
	struct mdm_tag_room room;

	if (type->blob != !!(flags & MDEV_MIGRATE_RECORD_BLOB))
		return mdm_say(&resuming->why, -EPROTO, type->blob ?
			       "record %s is not part of a blob, this device takes it in parts" :
			       "record %s is a part of a blob, this device takes it as a whole",
			       mdm_tag_name(&room, &tag));
	if (!type->blob || resuming->blobs)
		return 0;
	resuming->blobs = kvcalloc(mig->nr_records, sizeof(*resuming->blobs),
				   GFP_KERNEL_ACCOUNT);
	return resuming->blobs ? 0 :
	       mdm_say(&resuming->why, -ENOMEM, "out of memory");
}

static int resume_begin(struct mdm_reader *reader, u32 tag, u32 flags,
			u32 length)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	const struct mdev_migrate_record_type *type;
	struct mdm_tag_room room;
	struct mdm_tag what;
	unsigned int index;
	int ret;

	type = find_type(session->mig, tag);
	if (!type)
		return 0;
	what = mdm_type_tag(type);
	reader->name = type->name;
	index = type - session->mig->records;
	ret = check_part(session->mig, resuming, type, flags);
	if (ret)
		return ret;
	/* What is wrong with a part too many, mdm_blob_take() says. */
	if (test_bit(index, resuming->seen) && !type->repeated && !type->blob)
		return mdm_say(reader->why, -EPROTO,
			       "record %s comes a second time",
			       mdm_tag_name(&room, &what));
	if (length > type->max_length)
		return mdm_say(reader->why, -EMSGSIZE,
			       "record %s has %u bytes, this device takes at most %u",
			       mdm_tag_name(&room, &what), length,
			       type->max_length);
	__set_bit(index, resuming->seen);
	if (length > type->head)
		reader->head = type->head;
	if (make_room(resuming, reader->head ?: length))
		return mdm_say(reader->why, -ENOMEM, "out of memory");
	reader->buf = resuming->room;
	return 0;
}

static struct mdev_migrate_record
record_of(const struct mdm_reader *reader,
	  const struct mdev_migrate_record_type *type)
{
	return (struct mdev_migrate_record) {
		.tag = reader->tag,
		.flags = reader->flags,
		.length = reader->length,
		.data = reader->buf,
		.total = reader->length,
		.name = type->name,
	};
}

/* The driver says itself why it refuses, as a rule: then there are more than @before. */
static int not_loaded(struct mdm_session *session,
		      const struct mdev_migrate_record_type *type,
		      unsigned int before, int ret)
{
	const struct mdm_tag tag = mdm_type_tag(type);
	struct mdm_tag_room room;

	if (mdm_error_count(session->mig->desc) != before)
		return ret;
	return mdm_say(&session->resuming->why, ret,
		       "record %s could not be loaded",
		       mdm_tag_name(&room, &tag));
}

/* The device is not what it was from here on, whatever comes of the record. */
static int resume_room(struct mdm_reader *reader, u32 at, void **to,
		       size_t *len)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	struct mdev_migrate_migration *mig = session->mig;
	const struct mdev_migrate_record_type *type = find_type(mig, reader->tag);
	const struct mdev_migrate_record rec = record_of(reader, type);
	unsigned int before = mdm_error_count(mig->desc);

	lockdep_assert_held(&session->lock);
	resuming->in_place = true;
	*to = mig->ops->load_room(mig, resuming->shadow, &rec, at, len);
	if (IS_ERR(*to))
		return not_loaded(session, type, before, PTR_ERR(*to));
	return WARN_ON_ONCE(!*len) ? -EIO : 0;
}

static int take_part(struct mdm_resuming *resuming, struct mdm_blob *blob,
		     const struct mdev_migrate_record_type *type,
		     struct mdev_migrate_record *rec)
{
	const struct mdm_tag tag = mdm_type_tag(type);
	struct mdm_blob_part part;
	int ret;

	if (type->repeated && mdm_blob_ended(blob))
		*blob = (struct mdm_blob) {};
	ret = mdm_blob_take(blob, &tag, type->max_total, rec->data,
			    rec->length, &part, &resuming->why);
	if (ret)
		return ret;
	rec->data = part.data;
	rec->length = part.length;
	rec->offset = part.offset;
	rec->total = part.total;
	return 0;
}

static int resume_record(struct mdm_reader *reader, u32 tag, u32 flags,
			 u32 length)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	struct mdev_migrate_migration *mig = session->mig;
	const struct mdev_migrate_record_type *type = find_type(mig, tag);
	struct mdev_migrate_record rec = record_of(reader, type);
	unsigned int before = mdm_error_count(mig->desc);
	int ret;

	lockdep_assert_held(&session->lock);
	if (type->blob) {
		ret = take_part(resuming,
				&resuming->blobs[type - mig->records], type,
				&rec);
		if (ret)
			return ret;
	}
	/* Whatever comes of it. */
	resuming->in_place |= type->in_place;
	ret = mig->ops->load_record(mig, resuming->shadow, &rec);
	return ret ? not_loaded(session, type, before, ret) : 0;
}

static int resume_end(struct mdm_reader *reader)
{
	struct mdm_resuming *resuming = to_resuming(reader);
	struct mdm_session *session = reader->context;
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_tag tag;
	unsigned int i;
	int ret;

	for (i = 0; resuming->blobs && i < mig->nr_records; i++) {
		tag = mdm_type_tag(&mig->records[i]);
		ret = mdm_blob_finish(&resuming->blobs[i], &tag, reader->why);
		if (ret)
			return ret;
	}
	return 0;
}

static const struct mdm_reader_ops resume_ops = {
	.config = resume_config,
	.begin = resume_begin,
	.room = resume_room,
	.record = resume_record,
	.end = resume_end,
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

/* The next bytes, of a header or a payload. Returns as mdm_resuming_copy(). */
static int take_next(struct mdm_resuming *resuming, struct iov_iter *from,
		     bool *fault)
{
	struct mdm_reader *reader = &resuming->reader;
	size_t len, n;
	void *to;

	/* There is no room for these. */
	if (reader->ended)
		return mdm_reader_push(reader, NULL, iov_iter_count(from));
	to = mdm_reader_room(reader, &len);
	if (reader->err)
		return reader->err;
	len = min3(len, iov_iter_count(from), (size_t)TAKE_MAX);
	if (!to) {
		to = resuming->skipped;
		len = min(len, sizeof(resuming->skipped));
	}
	pagefault_disable();
	n = copy_from_iter(to, len, from);
	pagefault_enable();
	*fault = n < len;
	return mdm_reader_took(reader, to, n);
}

/**
 * mdm_resuming_copy - the next bytes of the stream came
 * @session: the resuming session
 * @from: the bytes; in a call some kilobytes are taken, and no more than a record ends
 * @fault: set if not all could be taken for want of a page at @from, which is to be
 *	faulted in
 *
 * Context: Takes the session's lock, under which @from is read with page faults off,
 * and the driver loads the record that is whole with these bytes.
 * Return: 0, -ENODEV if the session has ended, or what the stream is refused for,
 * now or before.
 */
int mdm_resuming_copy(struct mdm_session *session, struct iov_iter *from,
		      bool *fault)
{
	size_t count = iov_iter_count(from);
	struct mdm_resuming *resuming;
	u64 nr;
	int ret;

	guard(mutex)(&session->lock);
	if (session->ended)
		return -ENODEV;
	resuming = session->resuming;
	if (resuming->reader.err)
		return resuming->reader.err;
	nr = resuming->reader.nr_records;
	/* A short record can take long to load: others may have the device after each. */
	do {
		ret = take_next(resuming, from, fault);
	} while (!ret && !*fault && iov_iter_count(from) &&
		 count - iov_iter_count(from) < MDM_COPY_MAX &&
		 resuming->reader.nr_records == nr);
	/* Who polls for errors alone. */
	if (ret)
		wake_up_all(&session->wait);
	return tell(session->mig, resuming, ret);
}

/* Is there nothing at @from? */
static bool is_bad(struct iov_iter *from)
{
	size_t len = min_t(size_t, iov_iter_count(from), MDM_COPY_MAX);

	return fault_in_iov_iter_readable(from, len) == len;
}

static ssize_t resume_write(struct file *filp, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct mdm_session *session = filp->private_data;
	bool fault, bad = false;
	struct iov_iter from;
	size_t done;
	int ret = 0;

	if (ppos)
		return -ESPIPE;
	iov_iter_ubuf(&from, ITER_SOURCE, (void __user *)buf, count);
	if (mutex_lock_interruptible(&session->io_lock))
		return -ERESTARTSYS;
	while (!ret && !bad && iov_iter_count(&from) &&
	       !fatal_signal_pending(current)) {
		fault = false;
		ret = mdm_resuming_copy(session, &from, &fault);
		bad = fault && is_bad(&from);
		cond_resched();
	}
	mutex_unlock(&session->io_lock);
	/* A stream that is refused is refused as a whole. */
	if (ret)
		return ret;
	/* What came before a page that is not there is taken and counts. */
	done = count - iov_iter_count(&from);
	return done || !bad ? done : -EFAULT;
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
	if (resuming->configured && mig->ops->load_end)
		mig->ops->load_end(mig, resuming->shadow);
	kvfree(resuming->blobs);
	kvfree(resuming->room);
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
	struct mdm_tag tag;

	missing = find_missing(mig, resuming);
	if (!missing)
		return 0;
	tag = mdm_type_tag(missing);
	return mdev_migrate_refuse(mig->desc, -ENODATA,
				   "the stream has no record %s, this device needs it",
				   mdm_tag_name(&room, &tag));
}

static int check_stream(struct mdev_migrate_migration *mig,
			struct mdm_resuming *resuming)
{
	unsigned int before;
	int ret;

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
	if (ret || !mig->ops->load_check)
		return ret;
	before = mdm_error_count(mig->desc);
	ret = mig->ops->load_check(mig, resuming->shadow);
	return ret ? mdm_tell(mig, ret, "the state does not fit together",
			      before) : 0;
}

/**
 * mdm_resuming_finish - the stream was written: take it over
 * @session: the resuming session
 * @broken: set on error if the device is not what it was: what it has of the
 *	stream it cannot be rid of but by a reset
 *
 * Context: Under the state lock; the device is stopped. Takes the session's
 * lock.
 * Return: 0, or a negative errno; then, unless it is broken, the device is as it
 * was and the session goes on.
 */
int mdm_resuming_finish(struct mdm_session *session, bool *broken)
{
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_resuming *resuming;
	unsigned int before;
	int ret;

	lockdep_assert_held(&mig->state_lock);
	guard(mutex)(&session->lock);
	resuming = session->resuming;
	*broken = resuming->in_place;
	ret = check_stream(mig, resuming);
	if (ret)
		return ret;
	/* From here on there is no way back for any device. */
	*broken = true;
	before = mdm_error_count(mig->desc);
	if (mig->ops->load_commit)
		ret = mig->ops->load_commit(mig, resuming->shadow);
	if (ret)
		mdm_tell(mig, ret, "the device could not take the state over",
			 before);
	return ret;
}
