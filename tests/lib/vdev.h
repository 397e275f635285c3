/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VFIO device, opened through iommufd or through a group and a container.
 *
 * Functions return 0 or what is said there, and a negative errno on failure.
 */
#ifndef TESTS_LIB_VDEV_H
#define TESTS_LIB_VDEV_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util.h"

enum vdev_how {
	VDEV_IOMMUFD,
	VDEV_GROUP,
};

/**
 * struct vdev - an open device
 * @how: how it was opened
 * @fd: the device
 * @iommu_fd: iommufd or container
 * @group_fd: group, or -1
 * @ioas: address space's id in the iommufd
 * @uuid: name on the mdev bus, or on the platform bus
 * @regions: of BARs and configuration space, or what else there is first
 */
struct vdev {
	enum vdev_how how;
	int fd;
	int iommu_fd;
	int group_fd;
	uint32_t ioas;
	char uuid[40];
	struct vfio_region_info regions[VFIO_PCI_NUM_REGIONS];
};

/* vdev_open.c */
int vdev_open(struct vdev *v, const char *uuid, enum vdev_how how);
int vdev_give(const char *uuid, enum vdev_how how, uid_t uid);
void vdev_close(struct vdev *v);
int vdev_join(struct vdev *v, const char *uuid, const struct vdev *other);
int vdev_ioas(struct vdev *v, uint32_t *ioas);
int vdev_attach(struct vdev *v, uint32_t ioas);
int vdev_detach(struct vdev *v);
int vdev_reset(struct vdev *v);
int vdev_info(struct vdev *v, struct vfio_device_info *info);

/* vdev_region.c */
int vdev_region_info(struct vdev *v, uint32_t index,
		     struct vfio_region_info *info);
int vdev_pread(struct vdev *v, unsigned int region, void *data, size_t len,
	       uint64_t offset);
int vdev_pwrite(struct vdev *v, unsigned int region, const void *data,
		size_t len, uint64_t offset);
uint64_t vdev_read(struct vdev *v, unsigned int region, unsigned int size,
		   uint64_t offset);
int vdev_write(struct vdev *v, unsigned int region, unsigned int size,
	       uint64_t offset, uint64_t value);
uint32_t pci_read(struct vdev *v, unsigned int size, unsigned int offset);
int pci_write(struct vdev *v, unsigned int size, unsigned int offset,
	      uint32_t value);
int pci_find_cap(struct vdev *v, uint8_t id, int after);

/* vdev_irq.c */
int vdev_irq_info(struct vdev *v, uint32_t index, struct vfio_irq_info *info);
int vdev_irq_set(struct vdev *v, uint32_t index, uint32_t flags,
		 uint32_t start, uint32_t count, const void *data,
		 size_t len);
int vdev_irq_eventfds(struct vdev *v, uint32_t index, uint32_t start,
		      uint32_t count, const int32_t *fds);
int vdev_irq_disable(struct vdev *v, uint32_t index);
int event_wait(int fd, int ms);

/* vdev_dma.c */
/**
 * struct guest_mem - memory that the device can reach
 * @va: where the test sees it
 * @iova: where the device sees it
 * @size: bytes
 * @used: bytes that guest_alloc() gave out
 */
struct guest_mem {
	uint8_t *va;
	uint64_t iova;
	size_t size;
	size_t used;
};

int guest_mem_init(struct guest_mem *mem, uint64_t iova, size_t size);
int guest_mem_init_shared(struct guest_mem *mem, uint64_t iova, size_t size);
void guest_mem_free(struct guest_mem *mem);
void *guest_alloc(struct guest_mem *mem, size_t size, size_t align);
uint64_t guest_iova(const struct guest_mem *mem, const void *va);
int vdev_map(struct vdev *v, const struct guest_mem *mem);
int vdev_map_readonly(struct vdev *v, const struct guest_mem *mem);
int vdev_copy(struct vdev *to, const struct vdev *from, uint64_t iova,
	      size_t size);
int vdev_unmap(struct vdev *v, uint64_t iova, size_t size);

int vdev_log_start(struct vdev *v,
		   const struct vfio_device_feature_dma_logging_range *ranges,
		   uint32_t nr, uint64_t *page_size);
/* Does this kernel have it? */
bool vdev_logs(struct vdev *v);
/* Of one range, in pages of 4 KiB. */
int vdev_log_start_one(struct vdev *v, uint64_t iova, uint64_t length);
int vdev_log_stop(struct vdev *v);
int vdev_log_report(struct vdev *v, uint64_t iova, uint64_t length,
		    uint64_t page_size, uint64_t *bitmap);
int type1_dirty_start(struct vdev *v);
int type1_dirty_stop(struct vdev *v);
int type1_dirty_get(struct vdev *v, uint64_t iova, uint64_t size,
		    uint64_t *bitmap, size_t bitmap_size);

/* vdev_mig.c */
int vdev_feature(struct vdev *v, uint32_t flags, void *data, size_t len);
int mig_flags(struct vdev *v, uint64_t *flags);
int mig_get(struct vdev *v);
int mig_set(struct vdev *v, uint32_t state, int *data_fd);
int64_t mig_data_size(struct vdev *v);
int mig_precopy_info(int data_fd, struct vfio_precopy_info *info);
const char *mig_name(unsigned int state);
int mig_drain(int data_fd, struct buf *out, size_t chunk);
int mig_feed(int data_fd, const uint8_t *data, size_t len, size_t chunk);
int mig_save(struct vdev *v, struct buf *out);
int mig_load(struct vdev *v, const uint8_t *data, size_t len, size_t split);

#endif /* TESTS_LIB_VDEV_H */
