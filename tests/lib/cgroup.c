// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "mdev.h"

bool cgroup_make(const char *path, const char *controller, const char *file,
		 const char *limit)
{
	char text[256];

	mkdir(CGROUPS, 0755);
	if (sysfs_read(CGROUPS "/cgroup.controllers", text, sizeof(text)) < 0)
		mount("none", CGROUPS, "cgroup2", 0, NULL);
	snprintf(text, sizeof(text), "+%s", controller);
	if (sysfs_write(CGROUPS "/cgroup.subtree_control", text))
		return false;
	mkdir(path, 0755);
	snprintf(text, sizeof(text), "%s/%s", path, file);
	return !sysfs_write(text, limit);
}

int cgroup_enter(const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "%s/cgroup.procs", path);
	return sysfs_write(text, "0");
}
