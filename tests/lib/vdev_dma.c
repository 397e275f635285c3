// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/iommufd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "slowmem.h"
#include "vdev.h"

static int init_mem(struct guest_mem *mem, uint64_t iova, size_t size,
		    int flags)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE,
			flags | MAP_ANONYMOUS, -1, 0);

	memset(mem, 0, sizeof(*mem));
	if (va == MAP_FAILED)
		return -errno;
	mem->va = va;
	mem->iova = iova;
	mem->size = size;
	return slow_memory(va, size);
}

int guest_mem_init(struct guest_mem *mem, uint64_t iova, size_t size)
{
	return init_mem(mem, iova, size, MAP_PRIVATE);
}

/* Of which a process that is forked has the same, not a copy. */
int guest_mem_init_shared(struct guest_mem *mem, uint64_t iova, size_t size)
{
	return init_mem(mem, iova, size, MAP_SHARED);
}

void guest_mem_free(struct guest_mem *mem)
{
	if (mem->va)
		munmap(mem->va, mem->size);
	memset(mem, 0, sizeof(*mem));
}

/* Zeroed memory out of @mem, or NULL; there is no free. */
void *guest_alloc(struct guest_mem *mem, size_t size, size_t align)
{
	size_t at = (mem->used + align - 1) / align * align;

	if (at + size > mem->size || at + size < at)
		return NULL;
	mem->used = at + size;
	memset(mem->va + at, 0, size);
	return mem->va + at;
}

uint64_t guest_iova(const struct guest_mem *mem, const void *va)
{
	return mem->iova + ((const uint8_t *)va - mem->va);
}

static int map_iommufd(struct vdev *v, const struct guest_mem *mem,
		       bool readonly)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (readonly ? 0 : IOMMU_IOAS_MAP_WRITEABLE),
		.ioas_id = v->ioas,
		.user_va = (uintptr_t)mem->va,
		.length = mem->size,
		.iova = mem->iova,
	};

	return ioctl(v->iommu_fd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static int map_type1(struct vdev *v, const struct guest_mem *mem, bool readonly)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (readonly ? 0 : VFIO_DMA_MAP_FLAG_WRITE),
		.vaddr = (uintptr_t)mem->va,
		.iova = mem->iova,
		.size = mem->size,
	};

	return ioctl(v->iommu_fd, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static int map(struct vdev *v, const struct guest_mem *mem, bool readonly)
{
	if (v->how == VDEV_IOMMUFD)
		return map_iommufd(v, mem, readonly);
	return map_type1(v, mem, readonly);
}

int vdev_map(struct vdev *v, const struct guest_mem *mem)
{
	return map(v, mem, false);
}

/* The device may not write to it. */
int vdev_map_readonly(struct vdev *v, const struct guest_mem *mem)
{
	return map(v, mem, true);
}

/* What is mapped in @from's address space, in @to's of the same iommufd, too. */
int vdev_copy(struct vdev *to, const struct vdev *from, uint64_t iova,
	      size_t size)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
			 IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.dst_ioas_id = to->ioas,
		.src_ioas_id = from->ioas,
		.length = size,
		.dst_iova = iova,
		.src_iova = iova,
	};

	return ioctl(to->iommu_fd, IOMMU_IOAS_COPY, &copy) ? -errno : 0;
}

int vdev_unmap(struct vdev *v, uint64_t iova, size_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};
	struct iommu_ioas_unmap ioas_unmap = {
		.size = sizeof(ioas_unmap),
		.ioas_id = v->ioas,
		.iova = iova,
		.length = size,
	};
	int ret;

	if (v->how == VDEV_IOMMUFD)
		ret = ioctl(v->iommu_fd, IOMMU_IOAS_UNMAP, &ioas_unmap);
	else
		ret = ioctl(v->iommu_fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
	return ret ? -errno : 0;
}

int vdev_log_start(struct vdev *v,
		   const struct vfio_device_feature_dma_logging_range *ranges,
		   uint32_t nr, uint64_t *page_size)
{
	struct vfio_device_feature_dma_logging_control control = {
		.page_size = *page_size,
		.num_ranges = nr,
		.ranges = (uintptr_t)ranges,
	};
	int ret = vdev_feature(v, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
			       &control, sizeof(control));

	*page_size = control.page_size;
	return ret;
}

bool vdev_logs(struct vdev *v)
{
	return !vdev_feature(v, VFIO_DEVICE_FEATURE_PROBE |
			     VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_DMA_LOGGING_START, NULL, 0);
}

int vdev_log_start_one(struct vdev *v, uint64_t iova, uint64_t length)
{
	struct vfio_device_feature_dma_logging_range range = { iova, length };
	uint64_t page_size = 4096;

	return vdev_log_start(v, &range, 1, &page_size);
}

int vdev_log_stop(struct vdev *v)
{
	return vdev_feature(v, VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, NULL, 0);
}

int vdev_log_report(struct vdev *v, uint64_t iova, uint64_t length,
		    uint64_t page_size, uint64_t *bitmap)
{
	struct vfio_device_feature_dma_logging_report report = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return vdev_feature(v, VFIO_DEVICE_FEATURE_GET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
			    &report, sizeof(report));
}

static int type1_dirty(struct vdev *v, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flags,
	};

	return ioctl(v->iommu_fd, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

int type1_dirty_start(struct vdev *v)
{
	return type1_dirty(v, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

int type1_dirty_stop(struct vdev *v)
{
	return type1_dirty(v, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

/* Reads and clears; @bitmap must be zero before. Pages of 4 KiB. */
int type1_dirty_get(struct vdev *v, uint64_t iova, uint64_t size,
		    uint64_t *bitmap, size_t bitmap_size)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap hdr;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} dirty = {
		.hdr.argsz = sizeof(dirty),
		.hdr.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = iova,
		.get.size = size,
		.get.bitmap.pgsize = 4096,
		.get.bitmap.size = bitmap_size,
		.get.bitmap.data = (void *)bitmap,
	};

	return ioctl(v->iommu_fd, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}
