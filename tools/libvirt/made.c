// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of what was made for domains: an empty file for each device, in a folder
 * for each domain. It is as lasting as the devices: gone with the next boot.
 *
 * libvirt calls its hook for several domains at a time, and these may name one device, as
 * copies of a domain do. So what there is, is looked at and changed under a lock.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "say.h"

#define RUN_FOLDER	"/run/mdev-migrate"
#define RECORD		RUN_FOLDER "/domains"
#define LOCK		RUN_FOLDER "/lock"

/* Others make one device each, most in less than a second. */
#define LOCK_SECONDS	60

static void wake(int sig)
{
	(void)sig;
}

/**
 * devices_lock - nobody else makes or removes devices, nor looks whether they are there
 *
 * Programs that are run meanwhile have the lock too: one that outlives this program, which
 * somebody may kill, goes on with what it does.
 *
 * Return: a file descriptor, to be closed; or -1 if others have held it for LOCK_SECONDS,
 * which was said.
 */
int devices_lock(void)
{
	const struct sigaction action = { .sa_handler = wake };
	int fd, ret;

	mkdir(RUN_FOLDER, 0755);
	fd = open(LOCK, O_CREAT | O_RDONLY, 0600);
	if (fd < 0)
		return say(LOCK ": %s", strerror(errno));
	sigaction(SIGALRM, &action, NULL);
	alarm(LOCK_SECONDS);
	ret = flock(fd, LOCK_EX);
	alarm(0);
	if (!ret)
		return fd;
	say(LOCK ": %s", errno == EINTR ? "another hook does not end" : strerror(errno));
	close(fd);
	return -1;
}

/**
 * made_add - a device is going to be made for a domain
 * @domain: the domain's UUID
 * @uuid: the device's
 *
 * Under devices_lock().
 *
 * Return: 0, or -1, which was said.
 */
int made_add(const char *domain, const char *uuid)
{
	char *folder = text(RECORD "/%s", domain);
	char *path = text("%s/%s", folder, uuid);
	int fd;

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
 * made_for_another - was a device made for another domain?
 * @domain: this domain's UUID
 * @uuid: the device's
 *
 * That one's QEMU may not have opened it yet. Under devices_lock().
 */
bool made_for_another(const char *domain, const char *uuid)
{
	DIR *dir = opendir(RECORD);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char other[UUID_SIZE], *path;

		if (!uuid_copy(other, entry->d_name) || !strcmp(other, domain))
			continue;
		path = text(RECORD "/%s/%s", other, uuid);
		found = !access(path, F_OK);
		free(path);
	}
	if (dir)
		closedir(dir);
	return found;
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
	int lock = dir ? devices_lock() : -1;
	struct dirent *entry;
	int ret = dir && lock < 0 ? -1 : 0;

	while (lock >= 0 && (entry = readdir(dir))) {
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
	if (lock >= 0)
		close(lock);
	free(folder);
	return ret;
}
