/* SPDX-License-Identifier: GPL-2.0-only */
/* What read() and write() of a data FD do, in the kernel's memory. */
#ifndef KUNIT_SESSION_H
#define KUNIT_SESSION_H

#include "migration/migration.h"

/* Returns as mdm_saving_copy(). */
static inline ssize_t session_read(struct mdm_session *session, void *buf,
				   size_t len, bool again)
{
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	struct iov_iter to;
	bool fault;

	iov_iter_kvec(&to, ITER_DEST, &vec, 1, len);
	return mdm_saving_copy(session, &to, again, &fault);
}

/* What was put is read. */
static inline void session_skip(struct mdm_session *session)
{
	u8 buf[128];
	size_t left;

	while ((left = mdm_saving_left(session)))
		session_read(session, buf, min(left, sizeof(buf)), false);
}

/* Returns as mdm_resuming_copy(). */
static inline int session_write(struct mdm_session *session, const void *buf,
				size_t len)
{
	struct kvec vec = { .iov_base = (void *)buf, .iov_len = len };
	struct iov_iter from;
	bool fault;
	int ret;

	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, len);
	do {
		ret = mdm_resuming_copy(session, &from, &fault);
	} while (!ret && iov_iter_count(&from));
	return ret;
}

#endif /* KUNIT_SESSION_H */
