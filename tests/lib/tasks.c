// SPDX-License-Identifier: GPL-2.0-only
#include "tasks.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"

static bool has_name(const char *pid, const char *prefix)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	return sysfs_read(path, name, sizeof(name)) > 0 &&
	       !strncmp(name, prefix, strlen(prefix));
}

/* The tasks whose names begin with @prefix; how many, @max at most. */
unsigned int tasks_find(const char *prefix, pid_t *pids, unsigned int max)
{
	DIR *d = opendir("/proc");
	struct dirent *de;
	unsigned int n = 0;

	while (d && n < max && (de = readdir(d))) {
		if (isdigit(de->d_name[0]) && has_name(de->d_name, prefix))
			pids[n++] = atoi(de->d_name);
	}
	if (d)
		closedir(d);
	return n;
}

/* What follows the name in /proc/PID/stat: the state and numbers; or NULL. */
static const char *task_stat(pid_t pid, char *text, size_t size)
{
	char path[64], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (sysfs_read(path, text, size) <= 0)
		return NULL;
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end + 2 : NULL;
}

/* User and system time of a task, 0 if there is none. */
uint64_t task_cpu_ms(pid_t pid)
{
	unsigned long user, system;
	const char *stat;
	char text[1024];

	stat = task_stat(pid, text, sizeof(text));
	if (!stat || sscanf(stat, "%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu",
			    &user, &system) != 2)
		return 0;
	return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

/* Of all whose names begin with @prefix. */
uint64_t tasks_cpu_ms(const char *prefix)
{
	unsigned int i, n;
	uint64_t sum = 0;
	pid_t pids[256];

	n = tasks_find(prefix, pids, 256);
	for (i = 0; i < n; i++)
		sum += task_cpu_ms(pids[i]);
	return sum;
}

/* The same since there was @before; those that have ended took theirs with them. */
uint64_t tasks_cpu_ms_since(const char *prefix, uint64_t before)
{
	uint64_t now = tasks_cpu_ms(prefix);

	return now > before ? now - before : 0;
}

/* Is it in that control group, "/name", of the unified hierarchy? */
bool task_is_in(pid_t pid, const char *cgroup)
{
	char path[64], text[1024], *line, *end;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (sysfs_read(path, text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "0::");
	if (!line)
		return false;
	end = strchr(line, '\n');
	if (end)
		*end = 0;
	return !strcmp(line + 3, cgroup);
}

/* The kernel's log from here on; as root. */
int kernel_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

/* How many lines with @text came since; those that were lost count, too. */
unsigned int kernel_log_count(int fd, const char *text)
{
	unsigned int count = 0;
	char line[2048];
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		line[n < 0 ? 0 : n] = 0;
		if (n < 0 || strstr(line, text))
			count++;
	}
	return count;
}
