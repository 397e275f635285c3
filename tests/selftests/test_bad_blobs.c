// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a firmware's state must not come to: streams whose parts are missing, doubled or
 * outside; a load that is cut short, reset, closed or whose device goes; two readers.
 */
#include "firmware.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

/**
 * struct piece - a record
 * @tag: 0 for FW_TAG_BLOB
 * @offset: of a part or a page
 * @len: of a part, or of the payload
 * @total: of the blob, if it is not the device's
 * @flags: instead of what is right
 * @version: of the counters, if it is not 1
 */
struct piece {
	uint32_t tag;
	uint64_t offset;
	uint32_t len;
	uint64_t total;
	uint32_t flags;
	uint32_t version;
};

#define K	KIB
#define PLAIN	(1U << 31)
#define COUNTERS	{ .tag = FW_TAG_COUNTERS }
#define MAX_PIECES	6

static int put_part(FIXTURE_DATA(firmware) *self, struct buf *out,
		    const struct piece *piece)
{
	static uint8_t payload[16 + 2 * MIB];

	put_le64(payload, piece->total ? piece->total : self->size);
	put_le64(payload + 8, piece->offset);
	memcpy(payload + 16, self->memory + piece->offset % self->size,
	       piece->len);
	return stream_put(out, FW_TAG_BLOB,
			  piece->flags & PLAIN ? 0 : MDEV_MIGRATE_RECORD_BLOB |
			  piece->flags, payload, 16 + piece->len);
}

static int put_page(FIXTURE_DATA(firmware) *self, struct buf *out,
		    const struct piece *piece)
{
	uint8_t payload[8 + FW_PAGE];

	put_le64(payload, piece->offset);
	memcpy(payload + 8, self->memory + piece->offset % self->size, FW_PAGE);
	return stream_put(out, FW_TAG_PAGE, 0, payload,
			  piece->len ? piece->len : sizeof(payload));
}

static int put_counters(struct buf *out, const struct piece *piece)
{
	uint8_t payload[24] = { 0 };

	put_le32(payload, piece->version ? piece->version : 1);
	return stream_put(out, FW_TAG_COUNTERS, 0, payload,
			  piece->len ? piece->len : 16);
}

/* START and CONFIG of the right stream, these pieces, END. */
static int make_stream(FIXTURE_DATA(firmware) *self, struct buf *out,
		       const struct piece *pieces, unsigned int nr)
{
	struct stream_rec rec;
	unsigned int i;
	size_t at = 0;
	int ret = 0;

	out->len = 0;
	for (i = 0; i < 2 && ret >= 0; i++) {
		if (stream_next(&self->stream, &at, &rec) != 1)
			return -EBADMSG;
		ret = stream_put(out, rec.tag, 0, rec.payload, rec.length);
	}
	for (i = 0; i < nr && !ret; i++) {
		if (pieces[i].tag == FW_TAG_COUNTERS)
			ret = put_counters(out, &pieces[i]);
		else if (pieces[i].tag == FW_TAG_PAGE)
			ret = put_page(self, out, &pieces[i]);
		else if (pieces[i].tag || pieces[i].len || pieces[i].total)
			ret = put_part(self, out, &pieces[i]);
	}
	return ret ? ret : stream_put_end(out);
}

/* Into B, which is reset. What write() says, or else leaving RESUMING. */
static int load(FIXTURE_DATA(firmware) *self, const struct buf *s, size_t len)
{
	int ret;

	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	ret = vdev_reset(&self->b);
	if (!ret)
		ret = mig_set(&self->b, RESUMING, &self->fd);
	if (!ret)
		ret = mig_feed(self->fd, s->data, len, 10000);
	return ret;
}

static int leave(FIXTURE_DATA(firmware) *self)
{
	return mig_set(&self->b, STOP, NULL);
}

/* The right one, in parts of other sizes, with a page that comes once more. */
TEST_F(firmware, a_good_stream)
{
	static const struct piece good[] = {
		{ .len = 1 }, { .offset = 1, .len = 255 * K },
		{ .offset = 255 * K + 1, .len = 256 * K },
		{ .offset = 511 * K + 1, .len = 129 * K - 1 },
		{ .tag = FW_TAG_PAGE, .offset = 636 * K },
		COUNTERS,
	};
	struct buf s = { 0 };

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, make_stream(self, &s, good, ARRAY_SIZE(good)));
	ASSERT_EQ(0, load(self, &s, s.len));
	ASSERT_EQ(0, leave(self));
	EXPECT_TRUE(fw_has(self, &self->b, self->memory));
	buf_free(&s);
}

/* The first two parts of three, and the last one. */
#define P1	{ .len = 256 * K }
#define P2	{ .offset = 256 * K, .len = 256 * K }
#define P3	{ .offset = 512 * K, .len = 128 * K }

static const struct bad {
	const char *what;
	struct piece pieces[MAX_PIECES];
	int at_write, at_leave;
	bool in_place;	/* a part has come by then */
} bad[] = {
	{ "all missing", { COUNTERS }, 0, -ENODATA, false },
	{ "first part missing", { P2, P3, COUNTERS }, -EPROTO, 0, false },
	{ "middle part missing", { P1, P3, COUNTERS }, -EPROTO, 0, true },
	{ "last part missing", { P1, P2, COUNTERS }, -ENODATA, 0, true },
	{ "first part twice", { P1, P1, P2, P3, COUNTERS }, -EPROTO, 0, true },
	{ "last part twice", { P1, P2, P3, P3, COUNTERS }, -EPROTO, 0, true },
	{ "blob twice", { P1, P2, P3, P1, P2, P3 }, -EPROTO, 0, true },
	{ "out of order", { P2, P1, P3, COUNTERS }, -EPROTO, 0, false },
	{ "goes back", { P1, P2, { .offset = K, .len = K } }, -EPROTO, 0, true },
	{ "overlaps", { P1, { .offset = 255 * K, .len = 256 * K } }, -EPROTO, 0,
	  true },
	{ "exceeds the blob", { P1, P2, { .offset = 512 * K, .len = 129 * K } },
	  -ERANGE, 0, true },
	{ "begins behind it", { { .offset = 640 * K, .len = 1 } }, -ERANGE, 0,
	  false },
	{ "offset overflows", { { .offset = ~0ULL, .len = 2 } }, -ERANGE, 0,
	  false },
	{ "another total", { P1, { .offset = 256 * K, .len = 256 * K,
				   .total = 512 * K } }, -EPROTO, 0, true },
	{ "exceeds the type's", { { .len = 1, .total = FW_MAX + 1 } }, -EFBIG, 0,
	  false },
	{ "largest total", { { .len = 1, .total = ~0ULL } }, -EFBIG, 0, false },
	{ "not the device's size", { { .len = K, .total = 2 * K } }, -EINVAL, 0,
	  true },
	{ "empty part", { P1, { .offset = 256 * K, .total = FW_SIZE } },
	  -EMSGSIZE, 0, true },
	{ "part too long", { { .len = 256 * K + 1 } }, -EMSGSIZE, 0, false },
	{ "no part of a blob", { { .len = K, .flags = PLAIN } }, -EPROTO, 0,
	  false },
	{ "page first", { { .tag = FW_TAG_PAGE } }, -ERANGE, 0, true },
	{ "page ahead", { P1, { .tag = FW_TAG_PAGE, .offset = 256 * K } },
	  -ERANGE, 0, true },
	{ "page beside", { P1, { .tag = FW_TAG_PAGE, .offset = 1 } }, -ERANGE, 0,
	  true },
	{ "page at the last byte", { P1, { .tag = FW_TAG_PAGE,
					   .offset = ~0ULL } }, -ERANGE, 0, true },
	{ "half a page", { P1, { .tag = FW_TAG_PAGE, .len = 100 } }, -EINVAL, 0,
	  true },
	{ "no counters", { P1, P2, P3 }, 0, -ENODATA, true },
	{ "counters twice", { P1, P2, P3, COUNTERS, COUNTERS }, -EPROTO, 0,
	  true },
	{ "counters too long", { { .tag = FW_TAG_COUNTERS, .len = 17 } },
	  -EMSGSIZE, 0, false },
	{ "counters too short", { { .tag = FW_TAG_COUNTERS, .len = 15 } },
	  -EINVAL, 0, false },
	{ "another firmware's", { P1, { .tag = FW_TAG_COUNTERS, .version = 2 } },
	  -EINVAL, 0, true },
};

TEST_F(firmware, bad_streams)
{
	struct buf s = { 0 };
	unsigned int i;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct bad *b = &bad[i];

		ASSERT_EQ(0, make_stream(self, &s, b->pieces, MAX_PIECES));
		EXPECT_EQ(b->at_write, load(self, &s, s.len)) {
			TH_LOG("%s", b->what);
		}
		EXPECT_EQ(b->at_write ? b->at_write : b->at_leave, leave(self)) {
			TH_LOG("%s", b->what);
		}
		EXPECT_TRUE(state_is(&self->b, b->in_place ? ERROR : RESUMING)) {
			TH_LOG("%s", b->what);
		}
		EXPECT_LT(0, last_error(FW_B, (char *)self->got, 512));
		EXPECT_EQ(0, vdev_reset(&self->b));
		EXPECT_TRUE(fw_is_zero(self, &self->b)) {
			TH_LOG("%s", b->what);
		}
	}
	fw_works(_metadata, self, &self->b);
	buf_free(&s);
}

/* Where the stream ends early. From the first part on a reset is the only way. */
TEST_F(firmware, half_way)
{
	size_t first, len;
	struct stream_rec rec;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, stream_find(&self->stream, FW_TAG_BLOB, &rec));
	first = rec.offset + STREAM_HDR + rec.length;
	for (len = 0; len < self->stream.len;
	     len = len < first ? len + first / 5 : len + 70001) {
		ASSERT_EQ(0, load(self, &self->stream, len));
		EXPECT_EQ(-ENODATA, leave(self)) {
			TH_LOG("%zu bytes", len);
		}
		EXPECT_TRUE(state_is(&self->b, len < first ? RESUMING : ERROR)) {
			TH_LOG("%zu bytes", len);
		}
		/* Where there is a way back the rest may still come. */
		if (len < first) {
			EXPECT_EQ(0, mig_feed(self->fd, self->stream.data + len,
					      self->stream.len - len, 0));
			EXPECT_EQ(0, leave(self));
			EXPECT_TRUE(fw_has(self, &self->b, self->memory));
		}
	}
	ASSERT_EQ(0, load(self, &self->stream, self->stream.len - 1));
	EXPECT_EQ(-ENODATA, leave(self));
	fw_works(_metadata, self, &self->b);
}

/* What is behind the device's back: its data FD. */
static void expect_dead(struct __test_metadata *_metadata, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	char byte = 0;

	EXPECT_GT(0, read(fd, &byte, 1));
	EXPECT_GT(0, write(fd, &byte, 1));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_TRUE(pfd.revents & POLLERR);
}

TEST_F(firmware, reset_in_the_middle)
{
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, load(self, &self->stream, self->stream.len / 2));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(state_is(&self->b, RUNNING));
	EXPECT_TRUE(fw_is_zero(self, &self->b));
	expect_dead(_metadata, self->fd);
	close(self->fd);
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	ASSERT_EQ(100, read(self->fd, self->got, 100));
	ASSERT_EQ(0, vdev_reset(&self->a));
	expect_dead(_metadata, self->fd);
	fw_works(_metadata, self, &self->b);
}

TEST_F(firmware, close_in_the_middle)
{
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, load(self, &self->stream, self->stream.len / 2));
	vdev_close(&self->b);
	expect_dead(_metadata, self->fd);
	EXPECT_STREQ("running", text_of(PLATFORM_DEVICES "/" FW_B,
					"migration/state"));
	ASSERT_EQ(0, vdev_open(&self->b, FW_B, variant->how));
	EXPECT_TRUE(fw_is_zero(self, &self->b));
	close(self->fd);
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	ASSERT_EQ(100, read(self->fd, self->got, 100));
	vdev_close(&self->a);
	expect_dead(_metadata, self->fd);
	fw_works(_metadata, self, &self->b);
}

/* Its driver lets go of it: that waits for the user, and for nobody who has the data FD. */
TEST_F(firmware, removed_in_the_middle)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, load(self, &self->stream, self->stream.len / 2));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		vdev_close(&self->b);
		_exit(sysfs_write(FW_DRIVER "/unbind", FW_B) ? 1 : 0);
	}
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	/* Until then it goes on. */
	EXPECT_EQ(0, mig_feed(self->fd, self->stream.data + self->stream.len / 2,
			      self->stream.len - self->stream.len / 2, 0));
	vdev_close(&self->b);
	ASSERT_EQ(0, status_of(pid));
	expect_dead(_metadata, self->fd);
	EXPECT_NE(0, access(PLATFORM_DEVICES "/" FW_B "/migration", F_OK));
	ASSERT_EQ(0, sysfs_write(FW_DRIVER "/bind", FW_B));
	ASSERT_EQ(0, fw_resize(FW_B, FW_PAGES));
	ASSERT_EQ(0, vdev_open(&self->b, FW_B, variant->how));
	fw_works(_metadata, self, &self->b);
}

/* A process that loads and loads, while this one resets the device. */
TEST_F(firmware, resets_while_loading)
{
	int64_t deadline = deadline_ms(RACE_MS);
	int status;
	pid_t pid;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	while (!pid)
		mig_load(&self->b, self->stream.data, self->stream.len, 70000);
	while (deadline_left(deadline)) {
		EXPECT_EQ(0, vdev_reset(&self->b));
		usleep(rand() % 3000);
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	fw_works(_metadata, self, &self->b);
}

/* Each byte goes to one of them, and none is lost: what is read in turn is the stream. */
TEST_F(firmware, two_readers_in_turn)
{
	static const size_t sizes[] = { 1, 4096, 777, 65536, 3 };
	struct buf got = { 0 };
	int fds[2];
	unsigned int i;
	ssize_t n = 1;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &fds[0]));
	fds[1] = dup(fds[0]);
	for (i = 0; n > 0; i++) {
		size_t size = sizes[i % ARRAY_SIZE(sizes)];

		ASSERT_EQ(0, buf_reserve(&got, got.len + size));
		n = read(fds[i % 2], got.data + got.len, size);
		ASSERT_LE(0, n);
		got.len += n;
	}
	EXPECT_TRUE(buf_equal(&self->stream, &got));
	close(fds[0]);
	close(fds[1]);
	buf_free(&got);
}

/* Bytes of each value that were read. */
struct histogram {
	uint64_t count[256];
};

static void add_bytes(struct histogram *h, const uint8_t *data, size_t len)
{
	while (len--)
		h->count[*data++]++;
}

TEST_F(firmware, two_readers_at_once)
{
	struct histogram want = { { 0 } }, *got;
	unsigned int i, k;
	uint8_t data[997];
	pid_t pids[2];
	ssize_t n;

	got = mmap(NULL, 2 * sizeof(*got), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, got);
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	add_bytes(&want, self->stream.data, self->stream.len);
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		while ((n = read(self->fd, data, sizeof(data))) > 0)
			add_bytes(&got[i], data, n);
		_exit(n ? 1 : 0);
	}
	EXPECT_EQ(0, status_of(pids[0]));
	EXPECT_EQ(0, status_of(pids[1]));
	for (k = 0; k < 256; k++)
		EXPECT_EQ(want.count[k], got[0].count[k] + got[1].count[k]);
	munmap(got, 2 * sizeof(*got));
}

TEST_HARNESS_MAIN
