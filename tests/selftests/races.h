/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs named races_* share: they set things against each other for
 * a time that the environment gives, in a process that the test watches.
 */
#ifndef TESTS_SELFTESTS_RACES_H
#define TESTS_SELFTESTS_RACES_H

#include <grp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include "test.h"
#include "vload.h"

#define RACES_TYPE	"virtio_net-v3"
/* Whoever has no rights. */
#define RACES_NOBODY	65534
/* Where a card has to get something done: on a busy machine, with a slow kernel. */
#define RACES_WAIT_MS	30000
/* What a process has to end in, once its time is over; and once it is killed. */
#define RACES_END_MS	60000
#define RACES_KILL_MS	20000

/* The time of one of @parts tests of a program, which has RACES_SECONDS. */
static inline int races_ms(unsigned int parts)
{
	const char *seconds = getenv("RACES_SECONDS");

	return (seconds && atoi(seconds) > 0 ? atoi(seconds) : 20) * 1000 /
	       parts;
}

/* For TEST_F_TIMEOUT(): later than the test itself finds out. */
#define RACES_TIMEOUT(parts)						\
	((races_ms(parts) + RACES_END_MS + 2 * RACES_KILL_MS) / 1000)

/* Says what failed, in a process that has no test around it; returns 1. */
__attribute__((format(printf, 1, 2)))
static inline int races_failed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# failed: ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	return 1;
}

/* In the process that races: pages of a guest may be many; no rights. */
static inline int races_nobody(void)
{
	const struct rlimit limit = { 256 * MIB, 256 * MIB };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) ||
	    setresgid(RACES_NOBODY, RACES_NOBODY, RACES_NOBODY) ||
	    setresuid(RACES_NOBODY, RACES_NOBODY, RACES_NOBODY))
		return -errno;
	return 0;
}

/**
 * struct races_log - the kernel's log from some time on
 * @fd: /dev/kmsg
 */
struct races_log {
	int fd;
};

static inline int races_log_begin(struct races_log *log)
{
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		return -errno;
	lseek(log->fd, 0, SEEK_END);
	return 0;
}

/* Shows the first warning since; false if there is none. */
static inline bool races_log_warned(struct races_log *log)
{
	char line[2048];
	ssize_t n;

	while ((n = read(log->fd, line, sizeof(line) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		line[n < 0 ? 0 : n] = 0;
		if (!strstr(line, "WARNING: ") && !strstr(line, "BUG: "))
			continue;
		printf("# %s", strchr(line, ';') ?: line);
		return true;
	}
	return false;
}

static inline void races_log_end(struct races_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

/* Has the process ended by itself after @ms? -ETIMEDOUT if not. */
static inline int races_wait(pid_t pid, int ms, int *status)
{
	int64_t deadline = deadline_ms(ms);

	while (!waitpid(pid, status, WNOHANG)) {
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		usleep(10000);
	}
	return 0;
}

/*
 * Runs @fn in a process of its own. Its result, or -ETIMEDOUT if it had to be
 * killed, -EDEADLK if that did not end it.
 */
static inline int races_run(int (*fn)(void *arg), void *arg, int ms)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		exit(fn(arg));
	if (!races_wait(pid, ms + RACES_END_MS, &status))
		return WIFEXITED(status) ? WEXITSTATUS(status) :
					   128 + WTERMSIG(status);
	kill(pid, SIGKILL);
	return races_wait(pid, RACES_KILL_MS, &status) ? -EDEADLK : -ETIMEDOUT;
}

#endif /* TESTS_SELFTESTS_RACES_H */
