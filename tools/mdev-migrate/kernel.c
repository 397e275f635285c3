// SPDX-License-Identifier: GPL-2.0-only
/* This host's kernel, asked whether it would take a device. Nothing is made or opened. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "reading.h"

/* Of a type, or of a device that is no mdev. false if it has no place. */
static bool check_path(char *path, size_t size, const struct host *host,
		       const struct type *type)
{
	const char *slash = type->device ? strchr(type->device, '/') : NULL;
	int len;

	if (slash)
		len = snprintf(path, size, "%s/bus/%.*s/devices%s/migration/type/check",
			       host->root, (int)(slash - type->device),
			       type->device, slash);
	else if (type->parent)
		len = snprintf(path, size,
			       "%s/class/mdev_bus/%s/mdev_supported_types/%s/migration/check",
			       host->root, type->parent, type->name);
	else
		return false;
	return len >= 0 && (size_t)len < size;
}

int kernel_ask(const struct host *host, const struct type *type,
	       const char *config, struct mdev_migrate_msg *why)
{
	char path[PATH_MAX];
	struct statfs fs;
	int fd, err = 0;

	if (!check_path(path, sizeof(path), host, type)) {
		snprintf(why->text, sizeof(why->text), "its place in sysfs is not known");
		return 1;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(why->text, sizeof(why->text), "%.180s: %s%s", path, strerror(errno),
			 errno == EACCES ? "; root may" : "");
		return 1;
	}
	/* A copy of a sysfs would take anything, and be changed. */
	if (fstatfs(fd, &fs) || fs.f_type != SYSFS_MAGIC) {
		close(fd);
		snprintf(why->text, sizeof(why->text), "%.180s is not a sysfs", host->root);
		return 1;
	}
	if (write(fd, config, strlen(config)) < 0)
		err = -errno;
	close(fd);
	return err;
}
