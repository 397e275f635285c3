// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture, for who looks at it: a region of the VFIO device with the visible part of the
 * video memory, brought up to date whenever userspace asks what there is to be seen, which
 * QEMU does each time that it refreshes a display and before it makes a screenshot.
 *
 * It is a copy. A mapping of the video memory could begin at a page only, but a guest may
 * pan to any pixel; and QEMU takes over neither a line's length once it has the region, nor
 * pixels of 16 bits or with their bytes the other way round. So the picture has lines
 * without gaps and pixels of 32 bits, little-endian. Nothing is copied, and no page is
 * allocated, unless somebody asks.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <uapi/drm/drm_fourcc.h>

#include "bochs_display.h"

/* Who is over a limit is told so, and nothing is killed. */
#define GFP_SCREEN	(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

#define PER_PAGE	(PAGE_SIZE / BOCHS_SHOWN)

/* DRM_PLANE_TYPE_CURSOR of <drm/drm_plane.h>. */
#define PLANE_TYPE_CURSOR	2

/* Once it is there, a page stays until the device is closed. */
static struct page *get_screen_page(struct bochs_screen *screen, u32 nr)
{
	struct page *page = xa_load(&screen->pages, nr), *other;

	if (page)
		return page;
	page = alloc_page(GFP_SCREEN);
	if (!page)
		return NULL;
	other = xa_cmpxchg(&screen->pages, nr, NULL, page, GFP_SCREEN & ~__GFP_ZERO);
	if (!other)
		return page;
	__free_page(page);
	return xa_is_err(other) ? NULL : other;
}

static vm_fault_t screen_fault(struct vm_fault *vmf)
{
	struct bochs_screen *screen = vmf->vma->vm_private_data;
	struct page *page;

	page = get_screen_page(screen, mdev_migrate_pci_fault_offset(vmf) / PAGE_SIZE);
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct screen_vm_ops = {
	.fault = screen_fault,
};

static int screen_mmap(void *context, u64 offset, struct vm_area_struct *vma)
{
	vma->vm_private_data = &to_bochs(context)->screen;
	vma->vm_ops = &screen_vm_ops;
	return 0;
}

static u64 screen_read(void *context, u64 offset, unsigned int len)
{
	struct bochs_screen *screen = &to_bochs(context)->screen;
	struct page *page = xa_load(&screen->pages, offset / PAGE_SIZE);
	__le64 value = 0;

	if (page)
		memcpy_from_page((char *)&value, page, offset % PAGE_SIZE, len);
	return le64_to_cpu(value);
}

/**
 * bochs_screen_open - add the region, when the device is opened
 * @bochs: the display, whose function is described
 *
 * Return: 0 or -ENOMEM.
 */
int bochs_screen_open(struct bochs *bochs)
{
	/* 16 bits of the memory become 32. */
	const struct mdev_migrate_pci_region region = {
		.size = 2 * bochs_vram_size(&bochs->mdm.desc.config),
		.read = screen_read,
		.mmap = screen_mmap,
	};
	struct bochs_screen *screen = &bochs->screen;
	int index = mdev_migrate_pci_add_region(bochs->mdm.pci, &region);

	if (index < 0)
		return index;
	screen->region = index;
	return 0;
}

/**
 * bochs_screen_close - undo bochs_screen_open()
 * @bochs: the display, of which nothing is mapped any more
 */
void bochs_screen_close(struct bochs *bochs)
{
	struct bochs_screen *screen = &bochs->screen;
	struct page *page;
	unsigned long nr;

	xa_for_each(&screen->pages, nr, page) {
		put_page(page);
		cond_resched();
	}
	xa_destroy(&screen->pages);
}

/* Backwards, since 16 bits become 32 in their place. */
static void widen(u8 *pixels, u32 nr)
{
	const __le16 *from = (__le16 *)pixels;
	__le32 *to = (__le32 *)pixels;

	while (nr--) {
		u32 v = le16_to_cpu(from[nr]);
		u32 red = v >> 11, green = v >> 5 & 0x3f, blue = v & 0x1f;

		/* Of the brightest each becomes 255. */
		to[nr] = cpu_to_le32((red << 3 | red >> 2) << 16 |
				     (green << 2 | green >> 4) << 8 |
				     (blue << 3 | blue >> 2));
	}
}

/* So many pixels of a line, as they are shown. */
static void copy_pixels(struct bochs *bochs, const struct bochs_mode *mode, u64 from, u8 *to,
			u32 nr)
{
	u32 i;

	mdev_migrate_ram_copy(&bochs->ram, from, to, nr * mode->bytes);
	if (mode->bytes == 2)
		widen(to, nr);
	else if (mode->big_endian)
		for (i = 0; i < nr; i++)
			swab32s((u32 *)to + i);
}

/* All of the picture, page by page. It can be half a gigabyte: who is killed does not go on. */
static int copy_picture(struct bochs *bochs, const struct bochs_mode *mode)
{
	u32 total = mode->width * mode->height, done = 0, n;

	lockdep_assert_held(&bochs->screen.lock);
	while (done < total) {
		struct page *page = get_screen_page(&bochs->screen, done / PER_PAGE);
		u64 from = mode->offset + (u64)(done / mode->width) * mode->stride +
			   done % mode->width * mode->bytes;
		u8 *to;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (!page)
			return -ENOMEM;
		n = min(mode->width - done % mode->width, (u32)(PER_PAGE - done % PER_PAGE));
		to = kmap_local_page(page);
		copy_pixels(bochs, mode, from, to + done % PER_PAGE * BOCHS_SHOWN, n);
		kunmap_local(to);
		done += n;
		cond_resched();
	}
	return 0;
}

/**
 * bochs_gfx_plane - struct mdev_migrate_ops's gfx_plane()
 * @mdm: the device, open
 * @plane: its drm_plane_type is given, the rest is zero; filled
 *
 * QEMU asks for none in particular.
 *
 * Return: 0; -ENOMEM; or -EINTR if the caller is killed.
 */
int bochs_gfx_plane(struct mdev_migrate_device *mdm,
		    struct vfio_device_gfx_plane_info *plane)
{
	struct bochs *bochs = to_bochs(mdm);
	struct bochs_mode mode;
	int ret;

	plane->region_index = bochs->screen.region;
	if (plane->drm_plane_type == PLANE_TYPE_CURSOR || !bochs_get_mode(bochs, &mode))
		return 0;
	/* Any number of threads can ask at the same time, and each waits for those before it. */
	if (mutex_lock_killable(&bochs->screen.lock))
		return -EINTR;
	ret = copy_picture(bochs, &mode);
	mutex_unlock(&bochs->screen.lock);
	if (ret)
		return ret;
	plane->drm_format = DRM_FORMAT_XRGB8888;
	plane->width = mode.width;
	plane->height = mode.height;
	plane->stride = mode.width * BOCHS_SHOWN;
	plane->size = PAGE_ALIGN((u64)plane->stride * plane->height);
	plane->x_hot = U32_MAX;
	plane->y_hot = U32_MAX;
	return 0;
}
