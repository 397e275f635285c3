/* SPDX-License-Identifier: GPL-2.0-only */
/* Mediated devices in sysfs, and devices of the platform and PCI bus that are VFIO devices. */
#ifndef TESTS_LIB_MDEV_H
#define TESTS_LIB_MDEV_H

#include <stdbool.h>
#include <stddef.h>

#define MDEV_PARENT	"/sys/class/mdev_bus/virtio_net"
#define MDEV_TYPES	MDEV_PARENT "/mdev_supported_types"
#define MDEV_DEVICES	"/sys/bus/mdev/devices"
#define PLATFORM_DEVICES	"/sys/bus/platform/devices"
#define PCI_DEVICES	"/sys/bus/pci/devices"
#define MDEV_TYPE_V1	"virtio_net-v1"
#define MDEV_MODEL	"https://mdev-migrate.org/devices/virtio-net"

/* The devices of the tests; what an earlier test left is removed. */
#define MDEV_UUID_A	"6d646576-0000-4000-8000-00000000000a"
#define MDEV_UUID_B	"6d646576-0000-4000-8000-00000000000b"
#define MDEV_UUID_C	"6d646576-0000-4000-8000-00000000000c"

int sysfs_read(const char *path, char *value, size_t size);
int sysfs_write(const char *path, const char *value);
int sysfs_mode(const char *path);
void sysfs_read_all(const char *dir, unsigned int depth);

int mdev_create(const char *type, const char *uuid);
int mdev_remove(const char *uuid);
bool mdev_exists(const char *uuid);

const char *mdev_bus(const char *name);
int mdev_read(const char *uuid, const char *attr, char *value, size_t size);
int mdev_write(const char *uuid, const char *attr, const char *value);
int mdev_type_read(const char *type, const char *attr, char *value,
		   size_t size);
int mdev_type_write(const char *type, const char *attr, const char *value);
int mdev_available(const char *type);

#endif /* TESTS_LIB_MDEV_H */
