// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that is written, or stays what it was: who reads it meanwhile, as a
 * collector does, finds the old one or the new one, never a part.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replace.h"

/* Where it is, if it is a link to somewhere. NULL if it is to be written as it is. */
static char *target_of(const char *file, struct stat *st)
{
	struct stat link;

	memset(st, 0, sizeof(*st));
	if (!stat(file, st))
		return S_ISREG(st->st_mode) ? realpath(file, NULL) : NULL;
	return lstat(file, &link) ? strdup(file) : NULL;
}

/* In the same folder, and hidden: what collects files does not take it. */
static char *temp_of(const char *target)
{
	char *folder = strdup(target), *name = strdup(target), *temp;

	if (!folder || !name ||
	    asprintf(&temp, "%s/.%.*s.XXXXXX", dirname(folder), NAME_MAX - 8,
		     basename(name)) < 0)
		out_of_memory();
	free(folder);
	free(name);
	return temp;
}

static mode_t mode_of_new(mode_t mode)
{
	mode_t mask = umask(0);

	umask(mask);
	return mode & ~mask;
}

/* As the file was, or as a new one is. */
static void give_rights(int fd, const struct stat *st, mode_t mode)
{
	if (!st->st_nlink) {
		fchmod(fd, mode_of_new(mode));
		return;
	}
	/* Who may not give it to its owner owns it then. */
	if (!fchown(fd, st->st_uid, st->st_gid) || st->st_uid == geteuid())
		fchmod(fd, st->st_mode & 07777);
	else
		fchmod(fd, st->st_mode & 0777);
}

/* A file descriptor; -1, with a complaint, if it cannot be written. */
int replace_open(struct replacement *new, const char *file, mode_t mode)
{
	struct stat st;
	int fd;

	memset(new, 0, sizeof(*new));
	new->file = file;
	new->target = target_of(file, &st);
	if (new->target) {
		new->temp = temp_of(new->target);
		fd = mkostemp(new->temp, O_CLOEXEC);
	} else {
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	}
	if (fd < 0) {
		complain(DONE_ERROR, "cannot create %s: %s", file, strerror(errno));
		free(new->temp);
		new->temp = NULL;
		replace_end(new, DONE_ERROR);
		return -1;
	}
	if (new->temp)
		give_rights(fd, &st, mode);
	return fd;
}

/* What has been written is on the disk. */
int replace_sync(const struct replacement *new, int fd)
{
	/* Neither a pipe nor a device need have one. */
	if (!fsync(fd) || errno == EINVAL || errno == EROFS)
		return DONE_YES;
	return complain(DONE_ERROR, "cannot write %s: %s", new->file, strerror(errno));
}

static void sync_folder(const char *target)
{
	char *copy = strdup(target);
	int fd;

	if (!copy)
		out_of_memory();
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

/*
 * The file is closed. With @ret 0 it takes the place of the old one, else that stays.
 * Returns @ret, or DONE_ERROR.
 */
int replace_end(struct replacement *new, int ret)
{
	if (new->temp && !ret && rename(new->temp, new->target))
		ret = complain(DONE_ERROR, "cannot replace %s: %s", new->file,
			       strerror(errno));
	if (new->temp && ret)
		unlink(new->temp);
	if (new->temp && !ret)
		sync_folder(new->target);
	free(new->temp);
	free(new->target);
	memset(new, 0, sizeof(*new));
	return ret;
}
