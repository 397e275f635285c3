/* SPDX-License-Identifier: GPL-2.0-only */
/* A control group with a limit. */
#ifndef TESTS_LIB_CGROUP_H
#define TESTS_LIB_CGROUP_H

#include <stdbool.h>

#define CGROUPS		"/sys/fs/cgroup"

/**
 * cgroup_make() - make a group, below the root
 * @path: it, CGROUPS "/NAME"
 * @controller: such as "cpu"
 * @file: where the limit goes, such as "cpu.max"
 * @limit: what is written there
 *
 * Return: whether this kernel has such groups.
 */
bool cgroup_make(const char *path, const char *controller, const char *file,
		 const char *limit);

/* The caller goes into it. */
int cgroup_enter(const char *path);

#endif /* TESTS_LIB_CGROUP_H */
