/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocations that fail, where the kernel injects faults. */
#ifndef TESTS_LIB_INJECT_H
#define TESTS_LIB_INJECT_H

#include <stdbool.h>
#include <sys/types.h>

/* Does this kernel inject faults? Sets what all the others need. */
bool inject_init(void);

/* The calling thread's allocation number @nth from here on fails; 0: none. */
int fail_nth(int nth);
/* Likewise of another task; and how many there are until then, 0 if it was. */
int fail_nth_of(pid_t pid, int nth);
int fail_left_of(pid_t pid);
/* Was there an allocation of that number? If not, all were tried. No more fail. */
bool fail_done(void);

/* Of the allocations of tasks that may fail, so many percent do. */
void fail_percent(unsigned int percent);
/* All of 2^@order pages and more that tasks get which may fail; 0: none. */
void fail_large(unsigned int order);
/* Not those below a function of the kernel's. */
bool fail_not_in(const char *function);
/* @pid's may fail, "self" is the caller; or not. */
void fail_task(const char *pid, bool fail);
/* Those of the kernel's own threads. */
void fail_kthreads(bool fail);
/* Those of threads whose names begin so. */
void fail_threads(const char *name);

#endif /* TESTS_LIB_INJECT_H */
