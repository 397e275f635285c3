// SPDX-License-Identifier: GPL-2.0-only
#include "inject.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"

#define SLAB	"/sys/kernel/debug/failslab/"
#define PAGES	"/sys/kernel/debug/fail_page_alloc/"
#define COPIES	"/sys/kernel/debug/fail_usercopy/"

static void inject(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), SLAB "%s", name);
	sysfs_write(path, value);
	snprintf(path, sizeof(path), PAGES "%s", name);
	sysfs_write(path, value);
}

bool inject_init(void)
{
	if (access(SLAB "probability", W_OK) || fail_nth(0))
		return false;
	/* Also what may sleep. */
	inject("ignore-gfp-wait", "N");
	inject("verbose", "0");
	sysfs_write(COPIES "verbose", "0");
	inject("times", "-1");
	inject("interval", "1");
	inject("task-filter", "Y");
	sysfs_write(PAGES "min-order", "0");
	sysfs_write(PAGES "ignore-gfp-highmem", "N");
	return true;
}

int fail_nth_of(pid_t pid, int nth)
{
	char path[64], value[16];

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	snprintf(value, sizeof(value), "%d", nth);
	return sysfs_write(path, value);
}

int fail_left_of(pid_t pid)
{
	char path[64], value[16];

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	return sysfs_read(path, value, sizeof(value)) > 0 ? atoi(value) : 0;
}

/* The thread's own: not that of a process's first one. */
int fail_nth(int nth)
{
	return fail_nth_of(gettid(), nth);
}

bool fail_done(void)
{
	bool left = fail_left_of(gettid()) > 0;

	fail_nth(0);
	return left;
}

void fail_percent(unsigned int percent)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", percent);
	inject("probability", value);
}

void fail_large(unsigned int order)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", order);
	sysfs_write(PAGES "min-order", value);
	sysfs_write(PAGES "probability", order ? "100" : "0");
}

bool fail_not_in(const char *function)
{
	unsigned long start = 0, end = 0, at;
	char name[128], text[32];
	FILE *f = fopen("/proc/kallsyms", "re");

	/* Sorted by address. */
	while (f && !end && fscanf(f, "%lx %*c %127s%*[^\n]", &at, name) == 2) {
		if (start && at > start)
			end = at;
		if (!strcmp(name, function))
			start = at;
	}
	if (f)
		fclose(f);
	if (!end)
		return false;
	snprintf(text, sizeof(text), "0x%lx", start);
	inject("reject-start", text);
	snprintf(text, sizeof(text), "0x%lx", end);
	inject("reject-end", text);
	return !access(SLAB "reject-start", W_OK);
}

void fail_task(const char *pid, bool fail)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/make-it-fail", pid);
	sysfs_write(path, fail ? "1" : "0");
}

void fail_kthreads(bool fail)
{
	char path[64], text[16];
	struct dirent *de;
	DIR *d = opendir("/proc");

	while (d && (de = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%.16s/cmdline",
			 de->d_name);
		if (atoi(de->d_name) > 0 &&
		    !sysfs_read(path, text, sizeof(text)))
			fail_task(de->d_name, fail);
	}
	if (d)
		closedir(d);
}

void fail_threads(const char *name)
{
	char path[64], text[32];
	struct dirent *de;
	DIR *d = opendir("/proc");

	while (d && (de = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%.16s/comm", de->d_name);
		if (atoi(de->d_name) > 0 &&
		    sysfs_read(path, text, sizeof(text)) > 0 &&
		    !strncmp(text, name, strlen(name)))
			fail_task(de->d_name, true);
	}
	if (d)
		closedir(d);
}
