# SPDX-License-Identifier: GPL-2.0
#
# Included by each Kbuild: puts the headers beside this file in front of the
# kernel's. They make an older kernel look like the newest one; on that, they come
# to nothing.
#
# What a header cannot find out by itself is looked for here, in the kernel's
# headers: by feature and never by version, as stable kernels get back-ports.

compat := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# $(call compat-unless,HEADER,REGEX,MACRO): define COMPAT_<MACRO> if the header has
# no line that matches.
compat-unless = $(if $(shell grep -Es '$(2)' $(srctree)/include/$(1)),,-DCOMPAT_$(3))

# $(call compat-if,HEADER,REGEX,MACRO): define it if there is one.
compat-if = $(if $(shell grep -Es '$(2)' $(srctree)/include/$(1)),-DCOMPAT_$(3))

compat-vfio-unless = $(call compat-unless,linux/vfio.h,$(1),$(2))
compat-uapi-vfio-unless = $(call compat-unless,uapi/linux/vfio.h,$(1),$(2))

NOSTDINC_FLAGS += -I$(compat) \
	$(call compat-unless,linux/bitmap.h,DEFINE_FREE.bitmap\>,NO_FREE_BITMAP) \
	$(call compat-unless,linux/crc32c.h,linux/crc32\.h,CRC32C_IN_LIBCRC32C) \
	$(call compat-unless,linux/eventfd.h,eventfd_signal\(struct eventfd_ctx \*ctx\),EVENTFD_SIGNAL_COUNTS) \
	$(call compat-unless,linux/hex.h,mac_pton,NO_HEX_H) \
	$(call compat-unless,linux/iova_bitmap.h,CONFIG_IOMMUFD_DRIVER,IOVA_BITMAP_ALWAYS) \
	$(call compat-unless,linux/mm.h,vm_flags_set,NO_VM_FLAGS_SET) \
	$(call compat-unless,linux/unaligned.h,get_unaligned,NO_UNALIGNED_H) \
	$(call compat-unless,uapi/linux/virtio_net.h,VIRTIO_NET_HDR_GSO_UDP_L4,NO_USO) \
	$(call compat-vfio-unless,get_region_info_caps,NO_REGION_INFO_CAPS) \
	$(call compat-vfio-unless,vfio_check_precopy_ioctl,NO_CHECK_PRECOPY_IOCTL) \
	$(call compat-vfio-unless,precopy_info_v2,NO_PRECOPY_INFO_V2) \
	$(call compat-vfio-unless,detach_ioas,NO_DETACH_IOAS) \
	$(call compat-vfio-unless,bind_iommufd,NO_BIND_IOMMUFD) \
	$(call compat-vfio-unless,migration_get_data_size,NO_MIG_DATA_SIZE) \
	$(call compat-if,linux/vfio.h,vfio_free_device,VFIO_FREE_DEVICE) \
	$(call compat-uapi-vfio-unless,VFIO_DEVICE_STATE_PRE_COPY,NO_PRE_COPY) \
	$(call compat-uapi-vfio-unless,VFIO_DEVICE_STATE_NR,NO_STATE_NR)
