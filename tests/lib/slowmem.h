/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory whose page faults take as long as a test likes: with userfaultfd, or a
 * private mapping of a file whose file system (FUSE) is the test.
 */
#ifndef TESTS_LIB_SLOWMEM_H
#define TESTS_LIB_SLOWMEM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct slow_uffd - memory under userfaultfd
 * @va: the memory
 * @size: bytes
 * @fd: userfaultfd
 */
struct slow_uffd {
	void *va;
	size_t size;
	int fd;
};

/**
 * struct slow_pager - answers the page faults of a process, late
 * @fd: its userfaultfd
 * @delay_ms: from a fault to the answer
 * @faults: so far
 * @stop: the pager ends
 * @thread: the pager
 */
struct slow_pager {
	int fd;
	unsigned int delay_ms;
	unsigned int faults;
	bool stop;
	pthread_t thread;
};

/* The environment's: all of a guest's memory is so slow, in milliseconds. */
#define ALL_SLOW	"SELFTESTS_SLOW_PAGES"

int slow_memory(void *va, size_t size);
int slow_pager_start(struct slow_pager *s, int fd, unsigned int delay_ms);
void slow_pager_stop(struct slow_pager *s);

int slow_uffd_init(struct slow_uffd *s, void *va, size_t size);
bool slow_uffd_touched(struct slow_uffd *s, int ms);
int slow_uffd_fill(struct slow_uffd *s);
void slow_uffd_free(struct slow_uffd *s);

/**
 * struct slow_fuse - a file whose pages come late
 * @size: of the file
 * @delay_ms: from a request for pages to the answer
 * @reads: such requests so far
 * @fd: /dev/fuse
 * @file: the file
 * @stop: the server ends
 * @thread: the server
 * @dir: where it is mounted
 */
struct slow_fuse {
	size_t size;
	unsigned int delay_ms;
	unsigned int reads;
	int fd;
	int file;
	bool stop;
	pthread_t thread;
	char dir[64];
};

int slow_fuse_init(struct slow_fuse *s, size_t size, unsigned int delay_ms);
void slow_fuse_free(struct slow_fuse *s);

#endif /* TESTS_LIB_SLOWMEM_H */
