// SPDX-License-Identifier: GPL-2.0-only
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

bool way_available(enum vdev_how how)
{
	return !access(how == VDEV_IOMMUFD ? "/dev/iommu" : "/dev/vfio/vfio",
		       R_OK | W_OK);
}

/* Linux 6.1 has no PRE_COPY; test_fsm.c knows which kernels must. */
bool has_pre_copy(struct vdev *v)
{
	uint64_t flags;

	return !mig_flags(v, &flags) && flags & VFIO_MIGRATION_PRE_COPY;
}

bool has_state(struct vdev *v, unsigned int state)
{
	return (state != PRE_COPY && state != PRE_COPY_P2P) || has_pre_copy(v);
}

/* Where it makes no difference to a test. */
enum vdev_how any_way(void)
{
	return way_available(VDEV_IOMMUFD) ? VDEV_IOMMUFD : VDEV_GROUP;
}

int create_open(struct vdev *v, const char *uuid, enum vdev_how how)
{
	int ret = mdev_create(MDEV_TYPE_V1, uuid);

	if (ret) {
		printf("# create %s: %s\n", uuid, strerror(-ret));
		return ret;
	}
	ret = vdev_open(v, uuid, how);
	if (ret)
		printf("# open %s: %s\n", uuid, strerror(-ret));
	return ret;
}

void close_remove(struct vdev *v)
{
	char uuid[sizeof(v->uuid)];

	memcpy(uuid, v->uuid, sizeof(uuid));
	vdev_close(v);
	if (uuid[0])
		mdev_remove(uuid);
}

int pair_open(struct pair *p, enum vdev_how how)
{
	int ret = create_open(&p->a, MDEV_UUID_A, how);

	return ret ? ret : create_open(&p->b, MDEV_UUID_B, how);
}

void pair_close(struct pair *p)
{
	close_remove(&p->a);
	close_remove(&p->b);
}

static void read_common(struct vpci *pci, unsigned int queue, uint8_t *out)
{
	unsigned int i;

	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, queue);
	for (i = 0; i < 56; i += 4)
		put_le32(out + i, vpci_read(pci, VIRTIO_PCI_CAP_COMMON_CFG, 4,
					    i));
	/* May change whenever it likes. */
	out[VIRTIO_PCI_COMMON_CFGGENERATION] = 0;
}

/* Selects queue 0 at the end; reading ISR, which clears it, is left out. */
int snapshot_take(struct vdev *v, struct snapshot *snap)
{
	struct vpci pci;
	unsigned int i;
	int ret;

	memset(snap, 0, sizeof(*snap));
	for (i = 0; i < sizeof(snap->config); i += 4)
		put_le32(snap->config + i, pci_read(v, 4, i));
	ret = vpci_init(&pci, v);
	if (ret)
		return ret;
	read_common(&pci, 1, snap->common[1]);
	read_common(&pci, 0, snap->common[0]);
	for (i = 0; i < 12; i++)
		snap->device[i] = vpci_read(&pci, VIRTIO_PCI_CAP_DEVICE_CFG, 1,
					    i);
	mdev_read(v->uuid, "mac", snap->mac, sizeof(snap->mac));
	ret = mdev_read(v->uuid, "migration/config", snap->migration_config,
			sizeof(snap->migration_config));
	return ret < 0 ? ret : 0;
}

/* Says where they differ first. */
bool snapshot_equal(const struct snapshot *a, const struct snapshot *b)
{
	const uint8_t *x = (const void *)a, *y = (const void *)b;
	size_t i;

	for (i = 0; i < sizeof(*a) && x[i] == y[i]; i++)
		;
	if (i == sizeof(*a))
		return true;
	printf("# snapshots: %s, byte %zu: 0x%02x became 0x%02x\n",
	       i < offsetof(struct snapshot, common) ? "PCI configuration" :
	       i < offsetof(struct snapshot, device) ? "common configuration" :
	       i < offsetof(struct snapshot, mac) ? "device configuration" :
	       "attributes", i, x[i], y[i]);
	return false;
}

int last_error(const char *uuid, char *text, size_t size)
{
	return mdev_read(uuid, "migration/last_error", text, size);
}

/* Do the ioctl and sysfs both say so? */
bool state_is(struct vdev *v, unsigned int state)
{
	char name[32];

	if (mig_get(v) != (int)state)
		return false;
	if (mdev_read(v->uuid, "migration/state", name, sizeof(name)) < 0)
		return false;
	return mig_name(state) && !strcmp(name, mig_name(state));
}

/* Reset, then to @state; *@data_fd gets the session's FD, or -1. */
int go_to(struct vdev *v, unsigned int state, int *data_fd)
{
	int ret = vdev_reset(v);

	*data_fd = -1;
	if (ret)
		return ret;
	if (!state_is(v, RUNNING))
		return -EPROTO;
	return state == RUNNING ? 0 : mig_set(v, state, data_fd);
}

/*
 * A line for who reads the kernel's log. One write(): dprintf() seeks first, which
 * that file refuses.
 */
void log_line(const char *fmt, ...)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[256];
	va_list args;

	if (fd < 0)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(fd, line, strlen(line)) < 0)
		perror("/dev/kmsg");
	close(fd);
}

/* Names in a folder, without . and .. */
unsigned int count_entries(const char *dir)
{
	unsigned int n = 0;
	struct dirent *de;
	DIR *d = opendir(dir);

	if (!d)
		return 0;
	while ((de = readdir(d))) {
		if (de->d_name[0] != '.')
			n++;
	}
	closedir(d);
	return n;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* Loads the module in a file. */
int module_insert(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * Loads the module with the runner's parameters and @params. Where it is the
 * runner says; else modprobe knows.
 */
int module_load(const char *params)
{
	const char *ours = getenv("MDEV_VIRTIO_NET_PARAMS");
	const char *path = getenv("MDEV_VIRTIO_NET_KO");
	char text[512];

	snprintf(text, sizeof(text), "%s%s %s", path ? "" : "modprobe " MODULE
		 " ", ours ? ours : "", params);
	if (!path)
		return system(text) ? -ENOENT : 0;
	return module_insert(path, text);
}
