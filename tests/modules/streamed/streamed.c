// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device model on the frame whose state is large: BAR 0 is 2 MiB of memory, which is
 * sent in advance page by page, loaded in place, and checked as a whole at the end. Of
 * the first 256 KiB there is a blob as well. Region 9 is 4 GiB of nothing.
 */
#include <linux/crc32.h>
#include <linux/delay.h>
#include <linux/mdev_migrate.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/vmalloc.h>

#define NAME		"mdm_streamed"
#define NR_PAGES	512U
#define PAGE_BYTES	4096U
#define MEM_SIZE	(NR_PAGES * PAGE_BYTES)
#define BLOB_SIZE	SZ_256K
#define PART_SIZE	100000U

#define TAG_PAGE	(MDEV_MIGRATE_TAG_MODELS + 0x2000)
#define TAG_BLOB	(MDEV_MIGRATE_TAG_MODELS + 0x2001)
#define TAG_SUM		(MDEV_MIGRATE_TAG_MODELS + 0x2002)

static unsigned int chunk_pages = 16;
module_param(chunk_pages, uint, 0644);
MODULE_PARM_DESC(chunk_pages, "pages of a chunk");

static unsigned int vectors = 3;
module_param(vectors, uint, 0644);
MODULE_PARM_DESC(vectors, "of MSI-X, when a device is opened");

static unsigned int stop_ms;
module_param(stop_ms, uint, 0644);
MODULE_PARM_DESC(stop_ms, "what stopping takes");

static unsigned int fail_one_in;
module_param(fail_one_in, uint, 0644);
MODULE_PARM_DESC(fail_one_in, "calls that can fail, 0 for none");

static const struct mdev_migrate_range any[] = { { 0, 1 } };

static const struct mdev_migrate_param params[] = {
	{
		.name = "nothing",
		.description = "nothing",
		.type = MDEV_MIGRATE_UINT,
		.allowed = any,
		.nr_allowed = ARRAY_SIZE(any),
	},
};

static const u64 v1[] = { 0 };
static const struct mdev_migrate_version versions[] = { { "v1", "all", v1 } };

static const struct mdev_migrate_model model = {
	.uri = "https://mdev-migrate.org/devices/test-streamed",
	.params = params,
	.nr_params = ARRAY_SIZE(params),
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

/**
 * struct streamed - a device
 * @mdm: what the frame has of it
 * @lock: guards @mem and @dirty
 * @mem: BAR 0
 * @dirty: its pages that have changed since they were sent
 * @initial: pages that were not sent yet
 * @blob_pos: how much of the blob was put
 * @inside: callbacks running that must not run at once
 * @stopped: the device is
 */
struct streamed {
	struct mdev_migrate_device mdm;
	spinlock_t lock; /* mem, dirty */
	u8 *mem;
	DECLARE_BITMAP(dirty, NR_PAGES);
	unsigned int initial;
	unsigned int blob_pos;
	atomic_t inside;
	bool stopped;
};

/**
 * struct shadow - what a session has loaded
 * @blob: the blob
 * @sum: of all memory
 */
struct shadow {
	u8 *blob;
	u32 sum;
};

static struct streamed *to_streamed(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct streamed, mdm);
}

static void enter(struct streamed *s)
{
	WARN_ON(atomic_inc_return(&s->inside) != 1);
}

static void leave(struct streamed *s)
{
	atomic_dec(&s->inside);
}

static bool fails(void)
{
	unsigned int n = READ_ONCE(fail_one_in);

	return n && !(get_random_u32() % n);
}

static int streamed_init(struct mdev_migrate_device *mdm)
{
	struct streamed *s = to_streamed(mdm);

	spin_lock_init(&s->lock);
	s->mem = vzalloc(MEM_SIZE);
	return s->mem ? 0 : -ENOMEM;
}

static void streamed_release(struct mdev_migrate_device *mdm)
{
	vfree(to_streamed(mdm)->mem);
}

static u64 big_read(void *context, u64 offset, unsigned int len)
{
	return offset;
}

static void big_write(void *context, u64 offset, unsigned int len, u64 value)
{
}

static void clear(struct streamed *s)
{
	unsigned int i;

	for (i = 0; i < NR_PAGES; i++)
		memset(s->mem + i * PAGE_BYTES, 0, PAGE_BYTES);
}

static int streamed_open(struct mdev_migrate_device *mdm)
{
	const struct mdev_migrate_pci_desc function = {
		.vendor = 0xffff,
		.device = 0x0002,
		.class = 0xff0000,
		.intx = true,
		.bars[0] = { .size = MEM_SIZE },
		.bars[1] = { .size = SZ_64K },
		.msi_vectors = 4,
		.msi_maskable = true,
		.msix_vectors = vectors,
		.msix_bar = 1,
	};
	static const struct mdev_migrate_pci_region big = {
		.size = 1ULL << 32,
		.read = big_read,
		.write = big_write,
	};
	int ret;

	clear(to_streamed(mdm));
	to_streamed(mdm)->stopped = false;
	ret = mdev_migrate_pci_init(mdm->pci, &function);
	if (!ret)
		ret = mdev_migrate_pci_add_region(mdm->pci, &big);
	return min(ret, 0);
}

static void streamed_close(struct mdev_migrate_device *mdm)
{
	enter(to_streamed(mdm));
	leave(to_streamed(mdm));
}

static void streamed_reset(struct mdev_migrate_device *mdm)
{
	struct streamed *s = to_streamed(mdm);

	enter(s);
	spin_lock(&s->lock);
	clear(s);
	bitmap_fill(s->dirty, NR_PAGES);
	spin_unlock(&s->lock);
	s->stopped = false;
	leave(s);
}

static int streamed_stop(struct mdev_migrate_device *mdm)
{
	struct streamed *s = to_streamed(mdm);
	int ret = 0;

	enter(s);
	if (fails())
		ret = -EBUSY;
	else
		s->stopped = true;
	if (stop_ms)
		msleep(stop_ms);
	else
		usleep_range(10, 200);
	leave(s);
	return ret;
}

static void streamed_start(struct mdev_migrate_device *mdm)
{
	struct streamed *s = to_streamed(mdm);

	enter(s);
	WARN_ON(!s->stopped);
	s->stopped = false;
	usleep_range(10, 200);
	leave(s);
}

static u64 streamed_bar_read(struct mdev_migrate_device *mdm, unsigned int bar,
			     u64 offset, unsigned int len)
{
	struct streamed *s = to_streamed(mdm);
	__le64 value = 0;

	memcpy(&value, s->mem + offset, len);
	return le64_to_cpu(value);
}

static void streamed_bar_write(struct mdev_migrate_device *mdm,
			       unsigned int bar, u64 offset, unsigned int len,
			       u64 value)
{
	struct streamed *s = to_streamed(mdm);
	__le64 bytes = cpu_to_le64(value);

	spin_lock(&s->lock);
	memcpy(s->mem + offset, &bytes, len);
	__set_bit(offset / PAGE_BYTES, s->dirty);
	mdev_migrate_precopy_poke(&mdm->mig);
	spin_unlock(&s->lock);
	if (!(offset & 0xfff)) {
		mdev_migrate_msi_raise(mdm->pci, value & 3);
		mdev_migrate_msix_raise(mdm->pci, value & 3);
		mdev_migrate_intx_set(mdm->pci, value & 1);
	}
}

static u64 streamed_state_size(struct mdev_migrate_device *mdm)
{
	struct streamed *s = to_streamed(mdm);
	u64 size;

	spin_lock(&s->lock);
	size = bitmap_weight(s->dirty, NR_PAGES) * (PAGE_BYTES + 20) +
	       BLOB_SIZE - s->blob_pos;
	spin_unlock(&s->lock);
	return size;
}

static int streamed_save_begin(struct mdev_migrate_device *mdm)
{
	struct streamed *s = to_streamed(mdm);

	enter(s);
	spin_lock(&s->lock);
	bitmap_fill(s->dirty, NR_PAGES);
	s->blob_pos = 0;
	s->initial = NR_PAGES;
	spin_unlock(&s->lock);
	leave(s);
	return fails() ? -EBUSY : 0;
}

/* Returns how many there were, or a negative errno. */
static int put_pages(struct streamed *s, struct mdev_migrate_writer *writer)
{
	u8 *buf __free(kfree) = kmalloc(4 + PAGE_BYTES, GFP_KERNEL);
	DECLARE_BITMAP(taken, NR_PAGES) = {};
	unsigned int n = 0, page;
	int ret = 0;

	if (!buf)
		return -ENOMEM;
	while (n < chunk_pages && mdev_migrate_room(writer) >= 4 + PAGE_BYTES) {
		spin_lock(&s->lock);
		page = find_first_bit(s->dirty, NR_PAGES);
		if (page < NR_PAGES) {
			__clear_bit(page, s->dirty);
			__set_bit(page, taken);
			memcpy(buf + 4, s->mem + page * PAGE_BYTES, PAGE_BYTES);
		}
		spin_unlock(&s->lock);
		if (page == NR_PAGES)
			break;
		put_unaligned_le32(page, buf);
		ret = mdev_migrate_put(writer, TAG_PAGE,
				       MDEV_MIGRATE_RECORD_BULK, buf,
				       4 + PAGE_BYTES);
		if (ret)
			break;
		n++;
	}
	if (!ret && fails())
		ret = -EIO;
	if (ret) {
		spin_lock(&s->lock);
		bitmap_or(s->dirty, s->dirty, taken, NR_PAGES);
		spin_unlock(&s->lock);
		return ret;
	}
	s->initial -= min(s->initial, n);
	return n;
}

static int streamed_precopy(struct mdev_migrate_device *mdm,
			    struct mdev_migrate_writer *writer)
{
	struct streamed *s = to_streamed(mdm);
	int ret;

	enter(s);
	ret = put_pages(s, writer);
	leave(s);
	return ret;
}

static void streamed_precopy_info(struct mdev_migrate_device *mdm,
				  struct mdev_migrate_precopy_info *info)
{
	struct streamed *s = to_streamed(mdm);

	enter(s);
	spin_lock(&s->lock);
	info->initial_bytes = s->initial * (u64)PAGE_BYTES;
	if (!s->initial)
		info->dirty_bytes = bitmap_weight(s->dirty, NR_PAGES) *
				    (u64)PAGE_BYTES;
	spin_unlock(&s->lock);
	leave(s);
}

static int save_one(struct streamed *s, struct mdev_migrate_writer *writer)
{
	unsigned int len;
	__le32 sum;
	int ret;

	ret = put_pages(s, writer);
	if (ret)
		return ret;
	if (s->blob_pos < BLOB_SIZE) {
		len = min(PART_SIZE, BLOB_SIZE - s->blob_pos);
		ret = mdev_migrate_put_blob(writer, TAG_BLOB,
					    MDEV_MIGRATE_RECORD_BULK, BLOB_SIZE,
					    s->blob_pos, s->mem + s->blob_pos,
					    len);
		if (ret)
			return ret;
		s->blob_pos += len;
		return 1;
	}
	sum = cpu_to_le32(crc32_le(~0, s->mem, MEM_SIZE));
	return mdev_migrate_put(writer, TAG_SUM, 0, &sum, sizeof(sum));
}

static int streamed_save(struct mdev_migrate_device *mdm,
			 struct mdev_migrate_writer *writer)
{
	struct streamed *s = to_streamed(mdm);
	int ret;

	enter(s);
	WARN_ON(!s->stopped);
	ret = save_one(s, writer);
	leave(s);
	return ret;
}

static void streamed_save_end(struct mdev_migrate_device *mdm)
{
	enter(to_streamed(mdm));
	leave(to_streamed(mdm));
}

static void *streamed_load_begin(struct mdev_migrate_device *mdm)
{
	struct shadow *sh = kzalloc(sizeof(*sh), GFP_KERNEL_ACCOUNT);

	if (sh)
		sh->blob = vzalloc(BLOB_SIZE);
	if (!sh || !sh->blob) {
		kfree(sh);
		return ERR_PTR(-ENOMEM);
	}
	return sh;
}

static int load_page(struct streamed *s, const struct mdev_migrate_record *rec)
{
	u32 page;

	if (rec->length != 4 + PAGE_BYTES)
		return -EINVAL;
	page = get_unaligned_le32(rec->data);
	if (page >= NR_PAGES)
		return -EINVAL;
	spin_lock(&s->lock);
	memcpy(s->mem + page * PAGE_BYTES, rec->data + 4, PAGE_BYTES);
	spin_unlock(&s->lock);
	return 0;
}

static int streamed_load_record(struct mdev_migrate_device *mdm, void *shadow,
				const struct mdev_migrate_record *rec)
{
	struct streamed *s = to_streamed(mdm);
	struct shadow *sh = shadow;
	int ret = 0;

	enter(s);
	WARN_ON(!s->stopped);
	if (rec->tag == TAG_PAGE)
		ret = load_page(s, rec);
	else if (rec->tag == TAG_BLOB)
		memcpy(sh->blob + rec->offset, rec->data, rec->length);
	else if (rec->length == 4)
		sh->sum = get_unaligned_le32(rec->data);
	else
		ret = -EINVAL;
	leave(s);
	return ret;
}

static int streamed_load_check(struct mdev_migrate_device *mdm, void *shadow)
{
	struct streamed *s = to_streamed(mdm);
	struct shadow *sh = shadow;

	if (crc32_le(~0, s->mem, MEM_SIZE) != sh->sum)
		return mdev_migrate_refuse(&mdm->desc, -EBADMSG, "LOST: sum");
	if (memcmp(sh->blob, s->mem, BLOB_SIZE))
		return mdev_migrate_refuse(&mdm->desc, -EBADMSG, "LOST: blob");
	return 0;
}

static int streamed_load_commit(struct mdev_migrate_device *mdm, void *shadow)
{
	return fails() ? -EIO : 0;
}

static void streamed_load_end(struct mdev_migrate_device *mdm, void *shadow)
{
	struct shadow *sh = shadow;

	vfree(sh->blob);
	kfree(sh);
}

static const struct mdev_migrate_record_type records[] = {
	{ TAG_PAGE, .max_length = 4 + PAGE_BYTES, .repeated = true,
	  .in_place = true, .name = "page" },
	{ TAG_BLOB, .max_length = SZ_128K, .required = true, .blob = true,
	  .max_total = BLOB_SIZE, .name = "memory's beginning" },
	{ TAG_SUM, .max_length = 4, .required = true, .name = "sum" },
};

static const struct mdev_migrate_ops ops = {
	.init = streamed_init,
	.release = streamed_release,
	.open = streamed_open,
	.close = streamed_close,
	.reset = streamed_reset,
	.stop = streamed_stop,
	.start = streamed_start,
	.bar_read = streamed_bar_read,
	.bar_write = streamed_bar_write,
	.state_size = streamed_state_size,
	.save_begin = streamed_save_begin,
	.save = streamed_save,
	.precopy = streamed_precopy,
	.precopy_info = streamed_precopy_info,
	.save_end = streamed_save_end,
	.records = records,
	.nr_records = ARRAY_SIZE(records),
	.load_begin = streamed_load_begin,
	.load_record = streamed_load_record,
	.load_check = streamed_load_check,
	.load_commit = streamed_load_commit,
	.load_end = streamed_load_end,
};

static struct mdev_migrate_driver driver = {
	.name = NAME,
	.owner = THIS_MODULE,
	.model = &model,
	.ops = &ops,
	.device_size = sizeof(struct streamed),
	.max_instances = 16,
};

static int __init streamed_module_init(void)
{
	return mdev_migrate_register_virtual(&driver, NAME);
}
module_init(streamed_module_init);

static void __exit streamed_module_exit(void)
{
	mdev_migrate_unregister_virtual(&driver);
}
module_exit(streamed_module_exit);

MODULE_DESCRIPTION("Test devices with a large state");
MODULE_LICENSE("GPL");
