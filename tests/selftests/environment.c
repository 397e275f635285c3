// SPDX-License-Identifier: GPL-2.0-only
/*
 * environment NAME... -- PROGRAM [ARGUMENT...]
 *
 * Runs a selftest as hosts and guests are outside of laboratories. The tests must come
 * to the same results.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "cgroup.h"
#include "inject.h"
#include "mdev.h"
#include "slowmem.h"
#include "util.h"

#define GROUP		CGROUPS "/selftests"
#define MEMLOCK		(8 << 20)
/* Of the allocations of a card's threads, so many percent fail. */
#define FAIL_PERCENT	3
/*
 * What was refused for want of memory is tried again a second later at the latest, and
 * one in five of those that make a ring live fails.
 */
#define FAIL_DEADLINE	"20000"
/* A page of a guest's comes so much later than it is needed. */
#define SLOW_MS		"1"
#define TICK_US		5000

/* Without CAP_IPC_LOCK, as a user has none: the limit holds for root, too. */
static int enter_memlock(void)
{
	const struct rlimit limit = { MEMLOCK, MEMLOCK };

	return prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK) ||
	       setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

static int enter_cpu(void)
{
	return cgroup_make(GROUP, "cpu", "cpu.max", "20000 100000") ?
	       cgroup_enter(GROUP) : -EOPNOTSUPP;
}

static void leave_cpu(void)
{
	rmdir(GROUP);
}

/* Interfaces that come from here on; XDP is noise's. */
static int enter_rps(void)
{
	return sysfs_write("/proc/sys/net/core/rps_default_mask", "f");
}

static void leave_rps(void)
{
	sysfs_write("/proc/sys/net/core/rps_default_mask", "0");
}

/*
 * Not those that the test makes: what a user is told then is for faults and calls. Nor those
 * of the host's network, which drops packets for want of memory as it does everybody's.
 */
static int enter_failslab(void)
{
	if (!inject_init() || !fail_not_in("netif_receive_skb_list_internal"))
		return -EOPNOTSUPP;
	fail_percent(FAIL_PERCENT);
	return setenv(DEADLINE_ENV, FAIL_DEADLINE, 1) ? -errno : 0;
}

/* Threads come and go with the cards. */
static void tick_failslab(void)
{
	fail_threads("vnet/");
	fail_threads("unpin/");
}

static void leave_failslab(void)
{
	fail_percent(0);
}

static int enter_slow(void)
{
	return setenv(ALL_SLOW, SLOW_MS, 1) ? -errno : 0;
}

/**
 * struct environment - what is around a test
 * @name: what it is called
 * @enter: begin it for the calling process and its children; 0 or an error
 * @tick: again and again while they run
 * @leave: what does not end with the process
 * @what: what it is
 */
static const struct environment {
	const char *name;
	int (*enter)(void);
	void (*tick)(void);
	void (*leave)(void);
	const char *what;
} environments[] = {
	{ "memlock", enter_memlock, NULL, NULL,
	  "8 MiB of locked memory, without CAP_IPC_LOCK" },
	{ "cpu", enter_cpu, NULL, leave_cpu,
	  "20 % of a processor, a control group's limit" },
	{ "rps", enter_rps, NULL, leave_rps,
	  "receive packet steering on every interface" },
	{ "failslab", enter_failslab, tick_failslab, leave_failslab,
	  "some of the allocations of a card's threads fail" },
	{ "slow", enter_slow, NULL, NULL,
	  "a guest's pages come late when they are touched first" },
};

#define NR_ENVIRONMENTS	(sizeof(environments) / sizeof(environments[0]))

static const struct environment *find(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_ENVIRONMENTS; i++) {
		if (!strcmp(environments[i].name, name))
			return &environments[i];
	}
	return NULL;
}

static int usage(void)
{
	unsigned int i;

	fputs("environment NAME... -- PROGRAM [ARGUMENT...]\n", stderr);
	for (i = 0; i < NR_ENVIRONMENTS; i++)
		fprintf(stderr, "  %-8s %s\n", environments[i].name,
			environments[i].what);
	return 2;
}

/* In the child, of which nothing is left afterwards. */
static int run(char **names, unsigned int nr, char **program)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = find(names[i])->enter();
		if (ret) {
			fprintf(stderr, "environment: %s: %s\n", names[i],
				strerror(-ret));
			return 1;
		}
	}
	execv(program[0], program);
	perror(program[0]);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned int i, nr = 0;
	pid_t pid, done;
	int status;

	while ((int)nr + 1 < argc && strcmp(argv[nr + 1], "--")) {
		if (!find(argv[++nr])) {
			fprintf(stderr, "environment: %s is none\n", argv[nr]);
			return usage();
		}
	}
	if ((int)nr + 2 >= argc)
		return usage();
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid)
		_exit(run(argv + 1, nr, argv + nr + 2));
	while ((done = waitpid(pid, &status, WNOHANG)) == 0 ||
	       (done < 0 && errno == EINTR)) {
		for (i = 0; i < nr; i++) {
			if (find(argv[i + 1])->tick)
				find(argv[i + 1])->tick();
		}
		usleep(TICK_US);
	}
	for (i = 0; i < nr; i++) {
		if (find(argv[i + 1])->leave)
			find(argv[i + 1])->leave();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
