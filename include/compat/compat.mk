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

NOSTDINC_FLAGS += -I$(compat) \
	$(call compat-unless,linux/crc32c.h,linux/crc32\.h,CRC32C_IN_LIBCRC32C) \
	$(call compat-unless,linux/eventfd.h,eventfd_signal\(struct eventfd_ctx \*ctx\),EVENTFD_SIGNAL_COUNTS) \
	$(call compat-unless,linux/vfio.h,get_region_info_caps,NO_REGION_INFO_CAPS) \
	$(call compat-unless,linux/vfio.h,vfio_check_precopy_ioctl,NO_CHECK_PRECOPY_IOCTL)
