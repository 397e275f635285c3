/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of modules below tests/modules, which they load themselves. */
#ifndef TESTS_SELFTESTS_TESTMOD_H
#define TESTS_SELFTESTS_TESTMOD_H

#include "test.h"

#include <sys/wait.h>

/* How long things are set against each other. */
#define RACE_MS		2000

/* The runner says where the module is, if it was built. */
#define REQUIRE_MODULE(path)						\
	do {								\
		if (!(path) || !*(path))				\
			SKIP(return, "no such module, or no CONFIG_KUNIT");	\
	} while (0)

static inline bool path_of(char *path, const char *dir, const char *attr)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", dir, attr);

	return len >= 0 && len < PATH_MAX;
}

/* A file of sysfs without its newline, or what reading it says. */
static inline const char *text_of(const char *dir, const char *attr)
{
	static char values[4][4096];
	static unsigned int next;
	char path[PATH_MAX], *value = values[next++ % 4];
	int ret = -ENAMETOOLONG;

	if (path_of(path, dir, attr))
		ret = sysfs_read(path, value, sizeof(values[0]));
	return ret < 0 ? strerror(-ret) : value;
}

static inline long number_of(const char *dir, const char *attr)
{
	const char *text = text_of(dir, attr);
	char *end;
	long number = strtol(text, &end, 10);

	return end == text || *end ? -1 : number;
}

static inline int put(const char *dir, const char *attr, const char *value)
{
	char path[PATH_MAX];

	return path_of(path, dir, attr) ? sysfs_write(path, value) :
					  -ENAMETOOLONG;
}

/* A process that does @work until the time is over, or it returns other than 0. */
static inline pid_t start(int (*work)(unsigned int id, uint64_t *random),
			  unsigned int id, int ms)
{
	int64_t deadline = deadline_ms(ms);
	uint64_t random = id + 1;
	int ret = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	while (!ret && deadline_left(deadline))
		ret = work(id, &random);
	fflush(stdout);
	_exit(ret ? 1 : 0);
}

static inline int status_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

#endif /* TESTS_SELFTESTS_TESTMOD_H */
