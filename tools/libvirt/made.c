// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of what was made for domains: an empty file for each device, in a folder
 * for each domain. It is as lasting as the devices: gone with the next boot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "say.h"

#define RUN_FOLDER	"/run/mdev-migrate"
#define RECORD		RUN_FOLDER "/domains"

/**
 * made_add - a device is going to be made for a domain
 * @domain: the domain's UUID
 * @uuid: the device's
 *
 * Return: 0, or -1, which was said.
 */
int made_add(const char *domain, const char *uuid)
{
	char *folder = text(RECORD "/%s", domain);
	char *path = text("%s/%s", folder, uuid);
	int fd;

	mkdir(RUN_FOLDER, 0755);
	mkdir(RECORD, 0700);
	mkdir(folder, 0700);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		say("%s: %s", path, strerror(errno));
	else
		close(fd);
	free(path);
	free(folder);
	return fd < 0 ? -1 : 0;
}

/**
 * made_remove - remove what was made for a domain
 * @domain: the domain's UUID
 *
 * What cannot be removed stays in the record.
 *
 * Return: 0, or -1 if something stays, which was said.
 */
int made_remove(const char *domain)
{
	char *folder = text(RECORD "/%s", domain);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int ret = 0;

	while (dir && (entry = readdir(dir))) {
		char uuid[UUID_SIZE];

		if (!uuid_copy(uuid, entry->d_name))
			continue;
		if (device_remove(uuid))
			ret = -1;
		else
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
	if (!ret)
		rmdir(folder);
	free(folder);
	return ret;
}
