// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of earlier versions (tests/data/streams) are loaded and saved again, and made
 * again from nothing: the same bytes, and none that nobody has written.
 */
#include "stream_stain.h"
#include "stream_states.h"
#include "test.h"

#include <libgen.h>

/**
 * struct old - a line of the list of streams
 * @name: of the stream
 * @type: mdev type
 * @params: parameters that differ from the type's, or "-"
 * @crc: CRC-32C of the whole file
 */
struct old {
	char name[32];
	char type[32];
	char params[128];
	uint32_t crc;
};

#define MAX_OLD	256

FIXTURE(old) {
	struct maker m;
	struct buf stream;
	struct buf again;
	struct old list[MAX_OLD];
	unsigned int nr;
	struct kernel_range range;
	char dir[PATH_MAX];
};

BOTH_WAYS(old);

/* The streams lie beside the program. */
static int find_data(FIXTURE_DATA(old) *self)
{
	char exe[PATH_MAX] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return -errno;
	snprintf(self->dir, sizeof(self->dir), "%.4000s/streams", dirname(exe));
	return 0;
}

static int read_list(FIXTURE_DATA(old) *self)
{
	char path[PATH_MAX + 8], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/LIST", self->dir);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f) && self->nr < MAX_OLD) {
		struct old *old = &self->list[self->nr];

		if (line[0] == '#')
			continue;
		if (sscanf(line, "%31s %31s %127s %x", old->name, old->type,
			   old->params, &old->crc) != 4)
			break;
		/* Those of other devices have tests of their own. */
		if (!strncmp(old->type, "virtio_net-", 11))
			self->nr++;
	}
	line[0] = feof(f);
	fclose(f);
	return line[0] ? 0 : -EINVAL;
}

static int read_stream(FIXTURE_DATA(old) *self, const struct old *old)
{
	char path[PATH_MAX + 64];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s.bin", self->dir, old->name);
	self->stream.len = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = mig_drain(fd, &self->stream, 4096);
	close(fd);
	if (!ret && crc32c(0, self->stream.data, self->stream.len) != old->crc)
		ret = -EBADMSG;
	return ret;
}

FIXTURE_SETUP(old)
{
	REQUIRE_WAY(variant->how);
	self->m.net = -1;
	ASSERT_EQ(0, find_data(self));
	ASSERT_EQ(0, read_list(self));
	ASSERT_EQ(0, kernel_range_read(&self->range));
}

FIXTURE_TEARDOWN(old)
{
	maker_close(&self->m);
	buf_free(&self->stream);
	buf_free(&self->again);
}

/* Says where they differ first. */
static bool same(const struct buf *a, const struct buf *b, const char *name)
{
	size_t i;

	if (buf_equal(a, b))
		return true;
	for (i = 0; i < a->len && i < b->len && a->data[i] == b->data[i]; i++)
		;
	ksft_print_msg("%s: %zu bytes became %zu, the first that differs is %zu\n",
		       name, a->len, b->len, i);
	return false;
}

/* What the driver sees does not change when the card runs on. */
static void runs(struct __test_metadata *_metadata, FIXTURE_DATA(old) *self)
{
	static const uint32_t tags[] = {
		MDEV_MIGRATE_TAG_PCI_CONFIG, MDEV_MIGRATE_TAG_VIRTIO_PARTS,
	};
	struct stream_rec a, b;
	unsigned int i;

	ASSERT_EQ(0, mig_set(&self->m.v, RUNNING, NULL));
	ASSERT_EQ(0, mig_save(&self->m.v, &self->again));
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		ASSERT_EQ(0, stream_find(&self->stream, tags[i], &a));
		ASSERT_EQ(0, stream_find(&self->again, tags[i], &b));
		ASSERT_EQ(a.length, b.length);
		EXPECT_EQ(0, memcmp(a.payload, b.payload, a.length));
	}
}

/*
 * How many of the streams, and of the states, are looked at. Who maps the guest's memory does
 * not touch a stream: the first way has all, the other one every fourth.
 */
static unsigned int stride(enum vdev_how how)
{
	return how == any_way() || getenv("SELFTESTS_ALL") ? 1 : 4;
}

/* Every one is taken by a device of its configuration, which gives it again. */
TEST_F_TIMEOUT(old, load, 300)
{
	char error[512];
	unsigned int i;
	int ret;

	ASSERT_LT(0, self->nr);
	for (i = 0; i < self->nr; i += stride(variant->how)) {
		const struct old *old = &self->list[i];

		ASSERT_EQ(0, read_stream(self, old)) {
			TH_LOG("%s: missing, or not as it was", old->name);
		}
		ASSERT_EQ(0, maker_open(&self->m, MDEV_UUID_A, old->type,
					old->params, NULL, variant->how)) {
			TH_LOG("%s", old->name);
		}
		ret = mig_load(&self->m.v, self->stream.data, self->stream.len,
			       0);
		if (ret && last_error(MDEV_UUID_A, error, sizeof(error)) > 0)
			TH_LOG("%s: %s", old->name, error);
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, mig_save(&self->m.v, &self->again));
		EXPECT_TRUE(same(&self->stream, &self->again, old->name));
		EXPECT_FALSE(stream_stained(&self->again, &self->range,
					    old->name));
		runs(_metadata, self);
		maker_close(&self->m);
	}
}

static const struct old *find_old(FIXTURE_DATA(old) *self, const char *name)
{
	unsigned int i;

	for (i = 0; i < self->nr; i++) {
		if (!strcmp(self->list[i].name, name))
			return &self->list[i];
	}
	return NULL;
}

/* The state's stream, in @into, by a new device. */
static void make(struct __test_metadata *_metadata, FIXTURE_DATA(old) *self,
		 const struct state *state, const char *mac, enum vdev_how how,
		 struct buf *into)
{
	const char *uuid = mac ? MDEV_UUID_A : MDEV_UUID_B;

	ASSERT_EQ(0, maker_open(&self->m, uuid, state->type, state->params,
				mac, how)) {
		TH_LOG("%s", state->name);
	}
	ASSERT_EQ(0, maker_make(&self->m, state)) {
		TH_LOG("%s", state->name);
	}
	ASSERT_EQ(0, stain_memory());
	ASSERT_EQ(0, mig_save(&self->m.v, into));
	maker_close(&self->m);
}

/* Writes a stream that is new, and its line of the list, for who adds it. */
static int keep(const char *dir, const struct state *state, const struct buf *s)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.bin", dir, state->name);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	if (fwrite(s->data, 1, s->len, f) != s->len || fclose(f))
		return -EIO;
	snprintf(path, sizeof(path), "%s/LIST", dir);
	f = fopen(path, "ae");
	if (!f)
		return -errno;
	fprintf(f, "%s\t%s\t%s\t%08x\t%s\n", state->name, state->type,
		state->params, crc32c(0, s->data, s->len), state->what);
	return fclose(f) ? -EIO : 0;
}

/*
 * A card that is brought into a state today gives the stream that it gave then. With
 * STREAMS_KEEP=DIR those that are not in the list yet are written there.
 */
TEST_F_TIMEOUT(old, make, 300)
{
	const char *dir = getenv("STREAMS_KEEP");
	unsigned int i;

	ASSERT_EQ(0, stain_begin());
	for (i = 0; i < nr_stream_states; i += stride(variant->how)) {
		const struct state *state = &stream_states[i];
		const struct old *old = find_old(self, state->name);

		make(_metadata, self, state, STATES_MAC, variant->how,
		     &self->again);
		EXPECT_FALSE(stream_stained(&self->again, &self->range,
					    state->name));
		if (!old && dir && variant->how == any_way()) {
			EXPECT_EQ(0, keep(dir, state, &self->again));
			continue;
		}
		if (!old && dir)
			continue;
		ASSERT_NE(NULL, old) {
			TH_LOG("%s is not in the list", state->name);
		}
		EXPECT_STREQ(state->type, old->type);
		EXPECT_STREQ(state->params, old->params);
		ASSERT_EQ(0, read_stream(self, old));
		EXPECT_TRUE(same(&self->stream, &self->again, state->name));
	}
}

/* Where a stream has the card's address: the record, and the driver's choice. */
static int set_mac(struct buf *s, const uint8_t *mac, const uint8_t *old_mac)
{
	struct stream_rec rec;
	size_t i;
	int ret = stream_find(s, MDEV_MIGRATE_TAG_VIRTIO_NET, &rec);

	if (ret)
		return ret;
	memcpy(rec.payload, mac, ETH_ALEN);
	stream_seal(&rec);
	ret = stream_find(s, MDEV_MIGRATE_TAG_VIRTIO_PARTS, &rec);
	for (i = 0; !ret && i + ETH_ALEN <= rec.length; i++) {
		if (!memcmp(rec.payload + i, old_mac, ETH_ALEN))
			memcpy(rec.payload + i, mac, ETH_ALEN);
	}
	if (!ret)
		stream_seal(&rec);
	return ret;
}

/* Two devices in the same state differ in their MAC addresses, and in nothing else. */
TEST_F_TIMEOUT(old, twins, 300)
{
	struct stream_rec a, b;
	uint8_t mac[ETH_ALEN];
	unsigned int i;

	ASSERT_EQ(0, stain_begin());
	for (i = 0; i < nr_stream_states; i += stride(variant->how)) {
		const struct state *state = &stream_states[i];

		make(_metadata, self, state, STATES_MAC, variant->how,
		     &self->stream);
		make(_metadata, self, state, NULL, variant->how, &self->again);
		ASSERT_EQ(0, stream_find(&self->stream,
					 MDEV_MIGRATE_TAG_VIRTIO_NET, &a));
		ASSERT_EQ(0, stream_find(&self->again,
					 MDEV_MIGRATE_TAG_VIRTIO_NET, &b));
		memcpy(mac, b.payload, ETH_ALEN);
		EXPECT_NE(0, memcmp(mac, a.payload, ETH_ALEN));
		ASSERT_EQ(0, set_mac(&self->again, a.payload, mac));
		EXPECT_TRUE(same(&self->stream, &self->again, state->name));
	}
}

TEST_HARNESS_MAIN
