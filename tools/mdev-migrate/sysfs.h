/* SPDX-License-Identifier: GPL-2.0-only */
/* A sysfs, as a folder of folders of attributes. */
#ifndef MDEV_MIGRATE_SYSFS_H
#define MDEV_MIGRATE_SYSFS_H

#include "reading.h"

/* Where attributes are looked for: a folder that is open. */
struct dir {
	struct arena *arena;
	int fd;
};

/**
 * struct reader - a host on its way in
 * @host: where it goes
 * @root: the sysfs, open
 * @parent: the parent whose types are read
 * @subsystem: the parent's
 * @bus: the bus whose devices are read
 * @where: what is read, for messages
 * @unreadable: the first of a type's parameters that makes no sense
 * @params: where a type's parameters go
 */
struct reader {
	struct host *host;
	int root;
	const char *parent;
	const char *subsystem;
	const char *bus;
	const char *where;
	const char *unreadable;
	struct params *params;
};

int dir_open(struct dir *dir, struct arena *arena, int at, const char *path);
void dir_close(struct dir *dir);
const char *attr(const struct dir *dir, const char *path);
long long attr_number(const struct dir *dir, const char *path);
const char *link_name(const struct dir *dir, const char *path);
void each_in(int at, const char *path, void *context,
	     void (*each)(void *context, int fd, const char *name));

/* sysfs_other.c: devices that do not say what they are */
void read_other_mdev(struct reader *reader, const struct dir *dir,
		     const char *name, const char *type);
void read_other(struct reader *reader, int at, const char *name);
void read_vfio(void *context, int at, const char *name);
void name_vgpus(struct host *host);

#endif /* MDEV_MIGRATE_SYSFS_H */
