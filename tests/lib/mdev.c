// SPDX-License-Identifier: GPL-2.0-only
#include "mdev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads an attribute without its newline. Length of @value or an errno. */
int sysfs_read(const char *path, char *value, size_t size)
{
	ssize_t len;
	int fd;

	value[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, value, size - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return len;
	if (len && value[len - 1] == '\n')
		len--;
	value[len] = '\0';
	return len;
}

int sysfs_write(const char *path, const char *value)
{
	size_t len = strlen(value);
	int ret = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	if (n < 0)
		ret = -errno;
	else if ((size_t)n != len)
		ret = -EIO;
	close(fd);
	return ret;
}

/* Permission bits of a file, or an errno. */
int sysfs_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	return st.st_mode & 0777;
}

/* Reads the files of a folder, and those in folders below, @depth levels down. */
void sysfs_read_all(const char *dir, unsigned int depth)
{
	char path[PATH_MAX], value[4096];
	struct dirent *de;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		if (de->d_type == DT_REG)
			sysfs_read(path, value, sizeof(value));
		else if (de->d_type == DT_DIR && depth)
			sysfs_read_all(path, depth - 1);
	}
	closedir(d);
}

static int format(char *path, const char *fmt, const char *a, const char *b)
{
	int n = snprintf(path, PATH_MAX, fmt, a, b);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

bool mdev_exists(const char *uuid)
{
	char path[PATH_MAX];

	return !format(path, MDEV_DEVICES "/%s%s", uuid, "") &&
	       !access(path, F_OK);
}

int mdev_remove(const char *uuid)
{
	return mdev_write(uuid, "remove", "1");
}

/* A device of an earlier test, which must have crashed, goes away first. */
int mdev_create(const char *type, const char *uuid)
{
	char path[PATH_MAX];
	int ret;

	if (mdev_exists(uuid)) {
		ret = mdev_remove(uuid);
		if (ret)
			return ret;
	}
	ret = format(path, MDEV_TYPES "/%s/%s", type, "create");
	return ret ? ret : sysfs_write(path, uuid);
}

/* On which bus a device is: those of the other ones have no UUIDs for names. */
const char *mdev_bus(const char *name)
{
	static const char * const others[] = { PLATFORM_DEVICES, PCI_DEVICES };
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!format(path, "%s/%s", others[i], name) &&
		    !access(path, F_OK))
			return others[i];
	}
	return MDEV_DEVICES;
}

static int attr_path(char *path, const char *uuid, const char *attr)
{
	int n = snprintf(path, PATH_MAX, "%s/%s/%s", mdev_bus(uuid), uuid, attr);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int mdev_read(const char *uuid, const char *attr, char *value, size_t size)
{
	char path[PATH_MAX];
	int ret = attr_path(path, uuid, attr);

	return ret ? ret : sysfs_read(path, value, size);
}

int mdev_write(const char *uuid, const char *attr, const char *value)
{
	char path[PATH_MAX];
	int ret = attr_path(path, uuid, attr);

	return ret ? ret : sysfs_write(path, value);
}

int mdev_type_read(const char *type, const char *attr, char *value, size_t size)
{
	char path[PATH_MAX];
	int ret = format(path, MDEV_TYPES "/%s/%s", type, attr);

	return ret ? ret : sysfs_read(path, value, size);
}

int mdev_type_write(const char *type, const char *attr, const char *value)
{
	char path[PATH_MAX];
	int ret = format(path, MDEV_TYPES "/%s/%s", type, attr);

	return ret ? ret : sysfs_write(path, value);
}

int mdev_available(const char *type)
{
	char value[32];
	int ret = mdev_type_read(type, "available_instances", value,
				 sizeof(value));

	return ret < 0 ? ret : atoi(value);
}
