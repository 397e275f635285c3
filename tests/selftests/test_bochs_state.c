// SPDX-License-Identifier: GPL-2.0-only
/* mdev_bochs_display: its state moves, whole and in passes; streams that cannot be. */
#include "bochs.h"

#include <libgen.h>
#include <sys/wait.h>

#include "inject.h"

#define REGS_SIZE	sizeof(struct mdev_migrate_bochs_registers)
#define PAGE_COST	(PAGE + 32)

/* The most pages that are to follow each other, as an order. */
#define ORDER_MAX	3

/* Every register has a value of its own, and some of the memory. */
static int make_state(struct vdev *v)
{
	unsigned int i;
	int ret;

	ret = vram_fill(v, 3 * PAGE, 40 * PAGE + 100, 1);
	if (!ret)
		ret = vram_fill(v, MIB - PAGE, PAGE, 2);
	for (i = XRES; !ret && i < MEM_64K; i++)
		ret = vbe_set(v, i, 0x4100 + 0x111 * i);
	return ret ? ret : vdev_write(v, MMIO, 4, BYTEORDER, BIG);
}

static bool has_state_of(struct vdev *v)
{
	unsigned int i;

	for (i = XRES; i < MEM_64K; i++) {
		if (vbe(v, i) != 0x4100 + 0x111 * i)
			return false;
	}
	return vdev_read(v, MMIO, 4, BYTEORDER) == BIG;
}

static bool is_fresh(struct vdev *v, struct buf *memory)
{
	unsigned int i;
	size_t k = 0;

	for (i = XRES; i < MEM_64K; i++) {
		if (vbe(v, i))
			return false;
	}
	if (vdev_read(v, MMIO, 4, BYTEORDER) != LITTLE || vram_read(v, memory, MIB))
		return false;
	while (k < memory->len && !memory->data[k])
		k++;
	return k == memory->len;
}

TEST_F(bochs, moves)
{
	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, make_state(&self->a));
	ASSERT_EQ(0, pci_write(&self->a, 4, 0x10, 0xe0000000));
	ASSERT_EQ(0, pci_write(&self->a, 2, 4, 2));
	/* There was something else before. */
	ASSERT_EQ(0, vram_fill(&self->b, 0, MIB / 2, 7));
	ASSERT_EQ(0, vbe_set(&self->b, BANK, 1));
	ASSERT_EQ(0, vram_read(&self->a, &self->memory, MIB));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_TRUE(has_state_of(&self->a));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 12345));
	EXPECT_TRUE(has_state_of(&self->b));
	EXPECT_EQ(0xe0000008, pci_read(&self->b, 4, 0x10));
	EXPECT_EQ(2, pci_read(&self->b, 2, 4));
	ASSERT_EQ(0, vram_read(&self->b, &self->other, MIB));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	/* There is nothing that a stream does not carry. */
	ASSERT_EQ(0, mig_save(&self->b, &self->work));
	EXPECT_TRUE(buf_equal(&self->stream, &self->work));
	ASSERT_EQ(0, mig_set(&self->b, RUNNING, NULL));
	EXPECT_TRUE(has_state_of(&self->b));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(is_fresh(&self->b, &self->other));
	/* And closing leaves nothing. */
	vdev_close(&self->a);
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, variant->how));
	EXPECT_TRUE(is_fresh(&self->a, &self->other));
}

/* The same picture there as here. */
TEST_F(bochs, picture_moves)
{
	struct vfio_device_gfx_plane_info a, b;
	struct mode m = { 500, 300, 32, 511, 7, 9 };

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, vram_fill(&self->a, 0, MIB, 1));
	ASSERT_EQ(0, set_mode(&self->a, &m));
	ASSERT_EQ(0, query_region(&self->a, &a));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	ASSERT_EQ(0, query_region(&self->b, &b));
	EXPECT_EQ(0, memcmp(&a, &b, sizeof(a)));
	ASSERT_EQ(500, b.width);
	self->memory.len = 4 * 500 * 300;
	self->other.len = self->memory.len;
	ASSERT_EQ(0, buf_reserve(&self->memory, self->memory.len));
	ASSERT_EQ(0, buf_reserve(&self->other, self->other.len));
	ASSERT_EQ(self->memory.len, screen_pread(&self->a, self->memory.data, self->memory.len, 0));
	ASSERT_EQ(self->other.len, screen_pread(&self->b, self->other.data, self->other.len, 0));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
}

/* What is written through a mapping is seen, and moves; a reset takes it away. */
TEST_F(bochs, mapped_memory)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	struct vfio_device_gfx_plane_info plane;
	struct mode m = { 256, 256, 32, 256, 0, 0 };
	uint8_t pixel[4];

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, vdev_region_info(&self->a, VRAM, &info));
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		  VFIO_REGION_INFO_FLAG_MMAP, info.flags);
	self->mapped = MIB;
	self->map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, self->a.fd, info.offset);
	ASSERT_NE(MAP_FAILED, self->map);
	put_le32(self->map + 4 * 300, 0x00c0ffee);
	ASSERT_EQ(0, set_mode(&self->a, &m));
	ASSERT_EQ(0, query_region(&self->a, &plane));
	ASSERT_EQ(4, screen_pread(&self->a, pixel, 4, 4 * 300));
	EXPECT_EQ(0x00c0ffee, get_le32(pixel));
	/* And the other way. */
	ASSERT_EQ(0, vdev_write(&self->a, VRAM, 4, 4 * 301, 0x0badcafe));
	EXPECT_EQ(0x0badcafe, get_le32(self->map + 4 * 301));
	ASSERT_EQ(0, mig_set(&self->a, STOP, NULL));
	memset(self->map + 7 * PAGE, 0x5c, 3 * PAGE);
	ASSERT_EQ(0, vram_read(&self->a, &self->memory, MIB));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	ASSERT_EQ(0, vram_read(&self->b, &self->other, MIB));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	EXPECT_EQ(0, memcmp(self->map, self->other.data, MIB));
	ASSERT_EQ(0, vdev_reset(&self->a));
	EXPECT_EQ(0, get_le32(self->map + 4 * 300));
	EXPECT_TRUE(is_fresh(&self->a, &self->other));
}

/* A device that nobody has touched costs no memory. */
TEST_F(bochs, sizes)
{
	int64_t size;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V2, "vram-mib=256", variant->how));
	size = mig_data_size(&self->a);
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_EQ(size, self->stream.len);
	EXPECT_GT(1024, size);
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, vram_fill(&self->a, 100 * MIB, 200 * PAGE, 1));
	size = mig_data_size(&self->a);
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_LE(self->stream.len, size);
	EXPECT_GE(self->stream.len * 100, size * 98);
}

/* In pre-copy the memory comes; registers that change then, and what is drawn, come last. */
TEST_F(bochs, passes)
{
	struct vfio_precopy_info info;
	struct stream_rec rec;
	size_t before;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, vram_fill(&self->a, 0, 100 * PAGE, 5));
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_LE(100 * PAGE, info.initial_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
	EXPECT_GT(0, stream_find(&self->stream, TAG_REGS, &rec));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.initial_bytes + info.dirty_bytes);
	EXPECT_EQ(0, wait_readable(self->fd, QUIET_MS));
	ASSERT_EQ(0, make_state(&self->a));
	EXPECT_EQ(1, wait_readable(self->fd, DEADLINE_MS));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_EQ(42 * PAGE_COST, info.dirty_bytes);
	ASSERT_EQ(0, vram_read(&self->a, &self->memory, MIB));
	before = self->stream.len;
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	EXPECT_GT(43 * PAGE_COST, self->stream.len - before);
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	EXPECT_TRUE(has_state_of(&self->b));
	ASSERT_EQ(0, vram_read(&self->b, &self->other, MIB));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
}

/* A step back takes nothing away: all comes again. */
TEST_F(bochs, saves_again)
{
	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, make_state(&self->a));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	/* One that is given up half-way. */
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	ASSERT_EQ(0, buf_reserve(&self->work, PAGE));
	ASSERT_EQ(PAGE, read(self->fd, self->work.data, PAGE));
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, mig_save(&self->a, &self->work));
	EXPECT_TRUE(buf_equal(&self->stream, &self->work));
	/* And one that a reset ends. */
	close(self->fd);
	ASSERT_EQ(0, go_to(&self->a, STOP_COPY, &self->fd));
	ASSERT_EQ(0, vdev_reset(&self->a));
	EXPECT_TRUE(state_is(&self->a, RUNNING));
	EXPECT_TRUE(is_fresh(&self->a, &self->other));
}

/* The registers' record with a byte that is another. */
static int spoil(struct buf *to, const struct buf *from, size_t at, uint8_t value)
{
	struct stream_rec rec;
	int ret = buf_copy(to, from);

	if (!ret)
		ret = stream_find(to, TAG_REGS, &rec);
	if (ret)
		return ret;
	rec.payload[at] = value;
	stream_seal(&rec);
	return 0;
}

/* It came after pages that were loaded in place: what is left is neither. */
static void refused(struct __test_metadata *_metadata, FIXTURE_DATA(bochs) *self,
		    const struct buf *s, int error, const char *why)
{
	EXPECT_EQ(error, mig_load(&self->b, s->data, s->len, 0)) {
		TH_LOG("%s", why);
	}
	EXPECT_ERROR(MDEV_UUID_B, why);
	EXPECT_GT(0, mig_set(&self->b, STOP, NULL));
	EXPECT_TRUE(state_is(&self->b, ERROR));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(state_is(&self->b, RUNNING));
	EXPECT_TRUE(is_fresh(&self->b, &self->other));
}

TEST_F(bochs, bad_registers)
{
	const size_t big = offsetof(struct mdev_migrate_bochs_registers, big_endian);
	uint8_t regs[REGS_SIZE + 1] = {};
	struct stream_rec rec;
	size_t i;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, make_state(&self->a));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, stream_find(&self->stream, TAG_REGS, &rec));
	ASSERT_EQ(REGS_SIZE, rec.length);
	for (i = 2; i < 256; i = 2 * i + 1) {
		ASSERT_EQ(0, spoil(&self->work, &self->stream, big, i));
		refused(_metadata, self, &self->work, -EINVAL, "neither 0 nor 1");
	}
	for (i = big + 1; i < REGS_SIZE; i++) {
		ASSERT_EQ(0, spoil(&self->work, &self->stream, i, 1));
		refused(_metadata, self, &self->work, -EINVAL, "must be zero");
	}
	ASSERT_EQ(0, stream_replace(&self->work, &self->stream, TAG_REGS, regs, REGS_SIZE - 1));
	refused(_metadata, self, &self->work, -EMSGSIZE, "23 bytes, this device expects 24");
	ASSERT_EQ(0, stream_replace(&self->work, &self->stream, TAG_REGS, regs, REGS_SIZE + 1));
	refused(_metadata, self, &self->work, -EMSGSIZE, "25");
	/* Any other value of a register's can have been written by a guest. */
	for (i = 0; i < big; i++) {
		ASSERT_EQ(0, spoil(&self->work, &self->stream, i, 0xff));
		EXPECT_EQ(0, mig_load(&self->b, self->work.data, self->work.len, 0));
		EXPECT_EQ(0xff, vbe(&self->b, XRES + i / 2) >> 8 * (i % 2) & 0xff);
		ASSERT_EQ(0, vdev_reset(&self->b));
	}
}

/* Everything but the record @tag, and @times the registers' at the end. */
static int without(struct buf *to, const struct buf *from, uint32_t tag, unsigned int times)
{
	struct stream_rec rec, regs;
	size_t at = 0;
	int ret;

	to->len = 0;
	ret = stream_find(from, TAG_REGS, &regs);
	while (!ret && (ret = stream_next(from, &at, &rec)) > 0) {
		ret = 0;
		if (rec.tag != tag && rec.tag != MDEV_MIGRATE_TAG_END)
			ret = stream_put(to, rec.tag, rec.flags, rec.payload, rec.length);
	}
	while (!ret && times--)
		ret = stream_put(to, TAG_REGS, 0, regs.payload, regs.length);
	return ret ? ret : stream_put_end(to);
}

static int with_page(struct buf *to, const struct buf *from, uint64_t offset, uint32_t zeros)
{
	struct mdev_migrate_pages pages = {};
	struct stream_rec regs;
	int ret = without(to, from, 0, 0);

	if (!ret)
		ret = stream_find(from, TAG_REGS, &regs);
	if (ret)
		return ret;
	to->len -= STREAM_HDR + sizeof(struct mdev_migrate_end);
	put_le64(&pages.offset, offset);
	put_le32(&pages.pass, 1);
	put_le32(&pages.zeros, zeros);
	ret = stream_put(to, TAG_PAGES, MDEV_MIGRATE_RECORD_BULK, &pages, sizeof(pages));
	return ret ? ret : stream_put_end(to);
}

TEST_F(bochs, bad_streams)
{
	size_t half;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, make_state(&self->a));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, without(&self->work, &self->stream, 0, 0));
	ASSERT_EQ(0, mig_load(&self->b, self->work.data, self->work.len, 0));
	EXPECT_TRUE(has_state_of(&self->b));
	ASSERT_EQ(0, without(&self->work, &self->stream, TAG_REGS, 0));
	refused(_metadata, self, &self->work, -ENODATA, "0x300");
	ASSERT_EQ(0, without(&self->work, &self->stream, 0, 1));
	refused(_metadata, self, &self->work, -EPROTO, "0x300");
	/* Behind the memory, across its end, not of whole pages, of no pages. */
	ASSERT_EQ(0, with_page(&self->work, &self->stream, MIB, 1));
	refused(_metadata, self, &self->work, -ERANGE, "page");
	ASSERT_EQ(0, with_page(&self->work, &self->stream, MIB - PAGE, 2));
	refused(_metadata, self, &self->work, -ERANGE, "page");
	ASSERT_EQ(0, with_page(&self->work, &self->stream, 5, 1));
	refused(_metadata, self, &self->work, -EINVAL, "page");
	ASSERT_EQ(0, with_page(&self->work, &self->stream, 0, 0));
	refused(_metadata, self, &self->work, -EMSGSIZE, "page");
	/* One that ends in the middle of the memory. */
	half = self->stream.len / 2;
	EXPECT_EQ(-ENODATA, mig_load(&self->b, self->stream.data, half, 0));
	EXPECT_TRUE(state_is(&self->b, ERROR));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(is_fresh(&self->b, &self->other));
}

/* A device with other memory, or of another kind, refuses before anything was loaded. */
TEST_F(bochs, other_configurations)
{
	static const char * const params[] = {
		"vram-mib=2", "vram-mib=1,max-width=400", "vram-mib=1,max-height=400",
		"vram-mib=1,max-width=400,max-height=400,edid=on",
	};
	static const char * const why[] = { "vram-mib", "max-width", "max-height", "edid" };
	unsigned int i;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, make_state(&self->a));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	for (i = 0; i < ARRAY_SIZE(params); i++) {
		ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, params[i], variant->how));
		EXPECT_GT(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
		EXPECT_ERROR(MDEV_UUID_B, why[i]);
		EXPECT_TRUE(state_is(&self->b, RESUMING));
		EXPECT_TRUE(is_fresh(&self->b, &self->other));
		vdev_close(&self->b);
	}
}

/* Two, one of which is migrated by another process meanwhile, do not know of each other. */
TEST_F_TIMEOUT(bochs, two_devices, 60)
{
	unsigned int n = 0;
	uint64_t deadline;
	int status;
	pid_t pid;

	ASSERT_EQ(0, bochs_create(MDEV_UUID_A, V1, "vram-mib=1"));
	ASSERT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, make_state(&self->b));
	ASSERT_EQ(0, vram_read(&self->b, &self->memory, MIB));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		for (deadline = now_ns() + RACE_MS * 1000000ULL; now_ns() < deadline;) {
			if (vdev_open(&self->a, MDEV_UUID_A, variant->how) ||
			    vram_fill(&self->a, 0, MIB, 9) || vbe_set(&self->a, BANK, 77) ||
			    mig_save(&self->a, &self->stream) || vdev_reset(&self->a) ||
			    mig_load(&self->a, self->stream.data, self->stream.len, 0) ||
			    vbe(&self->a, BANK) != 77)
				_exit(1);
			vdev_close(&self->a);
		}
		_exit(0);
	}
	for (deadline = now_ns() + RACE_MS * 1000000ULL; now_ns() < deadline; n++) {
		ASSERT_EQ(0, mig_save(&self->b, &self->work));
		ASSERT_EQ(0, vdev_reset(&self->b));
		ASSERT_EQ(0, mig_load(&self->b, self->work.data, self->work.len, 0));
		ASSERT_EQ(0, vram_read(&self->b, &self->other, MIB));
		ASSERT_TRUE(buf_equal(&self->memory, &self->other));
		ASSERT_TRUE(has_state_of(&self->b));
	}
	EXPECT_LT(1, n);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static const struct {
	const char *name;
	const char *type;
	const char *params;
	struct mode m;
} olds[] = {
	{ "bochs-v1", V1, "", { 800, 600, 32, 832, 16, 2 } },
	{ "bochs-v2", V2, "", { 1280, 1024, 16, 1280, 0, 1024 } },
	{ "bochs-small", V2, "max-height=300,max-width=400,vram-mib=1",
	  { 400, 300, 32, 400, 0, 0 } },
};

static int make_old(struct vdev *v, unsigned int i)
{
	uint8_t page[PAGE];
	unsigned int k;
	int ret = set_mode(v, &olds[i].m);

	/* None of the bytes that old_streams takes for nobody's. */
	for (k = 0; k < PAGE; k++)
		page[k] = 1 + (k + 3 * i) % 64;
	for (k = 0; !ret && k < 3; k++)
		ret = vdev_pwrite(v, VRAM, page, PAGE, (5 + k * k) * PAGE) == PAGE ? 0 : -EIO;
	if (!ret && i)
		ret = vdev_write(v, MMIO, 4, BYTEORDER, BIG);
	return ret ? ret : vbe_set(v, BANK, 3 + i);
}

/* A stream of an earlier version, beside the program. */
static int read_old(const char *name, struct buf *s)
{
	char exe[PATH_MAX] = "", path[PATH_MAX];
	int fd, ret;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return -errno;
	snprintf(path, sizeof(path), "%.4000s/streams/%s.bin", dirname(exe), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	s->len = 0;
	ret = mig_drain(fd, s, PAGE);
	close(fd);
	return ret;
}

/* With STREAMS_KEEP=DIR it is written there, and what is to be in the list is said. */
static bool keep(const char *name, const struct buf *s)
{
	const char *dir = getenv("STREAMS_KEEP");
	char path[PATH_MAX];
	int fd;

	if (!dir)
		return false;
	snprintf(path, sizeof(path), "%.4000s/%s.bin", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || mig_feed(fd, s->data, s->len, 0))
		printf("# %s: %s\n", path, strerror(errno));
	printf("# %s crc32c %08x\n", name, crc32c(0, s->data, s->len));
	close(fd);
	return true;
}

/* The largest display needs no pages in a row: whatever the host's memory looks like. */
TEST_F(bochs, fragmented_host)
{
	static const char params[] = "vram-mib=256";
	const struct mode mode = { 1920, 1080, 32, 0, 0, 0 };
	struct vfio_device_gfx_plane_info plane;

	if (!inject_init())
		SKIP(return, "this kernel injects no faults");
	fail_task("self", true);
	fail_large(ORDER_MAX + 1);
	EXPECT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, params, variant->how));
	EXPECT_EQ(0, bochs_open(&self->b, MDEV_UUID_B, V1, params, variant->how));
	EXPECT_EQ(0, make_state(&self->a));
	EXPECT_EQ(0, vram_fill(&self->a, 255 * MIB, MIB, 3));
	EXPECT_EQ(0, set_mode(&self->a, &mode));
	EXPECT_EQ(0, query_region(&self->a, &plane));
	EXPECT_EQ(1080, plane.height);
	EXPECT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 65536));
	fail_large(0);
	fail_task("self", false);
	ASSERT_EQ(0, mig_save(&self->b, &self->work));
	EXPECT_TRUE(buf_equal(&self->stream, &self->work));
}

/* Streams of an earlier version are made, loaded and saved again: the same bytes. */
TEST_F(bochs, old_streams)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(olds); i++) {
		ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, olds[i].type, olds[i].params,
					variant->how));
		ASSERT_EQ(0, make_old(&self->a, i));
		ASSERT_EQ(0, mig_save(&self->a, &self->stream));
		if (keep(olds[i].name, &self->stream)) {
			vdev_close(&self->a);
			continue;
		}
		ASSERT_EQ(0, read_old(olds[i].name, &self->work)) {
			TH_LOG("%s", olds[i].name);
		}
		EXPECT_TRUE(buf_equal(&self->stream, &self->work));
		ASSERT_EQ(0, vdev_reset(&self->a));
		ASSERT_EQ(0, mig_load(&self->a, self->work.data, self->work.len, 0));
		ASSERT_EQ(0, mig_save(&self->a, &self->stream));
		EXPECT_TRUE(buf_equal(&self->stream, &self->work));
		EXPECT_EQ(3 + i, vbe(&self->a, BANK));
		vdev_close(&self->a);
	}
}

TEST_HARNESS_MAIN
