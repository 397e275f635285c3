/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's own threads do, and what it writes to its log. */
#ifndef TESTS_LIB_TASKS_H
#define TESTS_LIB_TASKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Threads that work for open devices, by the beginning of their names. */
#define TASKS_QUEUES	"vnet/"
#define TASKS_UNPIN	"unpin/"
#define TASKS_UNMASK	"unmask/"
/* Threads that work for everybody. */
#define TASKS_SHARED	"kworker/"

unsigned int tasks_find(const char *prefix, pid_t *pids, unsigned int max);
uint64_t task_cpu_ms(pid_t pid);
uint64_t tasks_cpu_ms(const char *prefix);
uint64_t tasks_cpu_ms_since(const char *prefix, uint64_t before);
bool task_is_in(pid_t pid, const char *cgroup);

int kernel_log_open(void);
unsigned int kernel_log_count(int fd, const char *text);

#endif /* TESTS_LIB_TASKS_H */
