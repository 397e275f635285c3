/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of mdev_pattern, mapped: where it is, and who touches it and gets SIGBUS. */
#ifndef TESTS_SELFTESTS_RAM_MAP_H
#define TESTS_SELFTESTS_RAM_MAP_H

#include "pattern.h"

#include <setjmp.h>
#include <signal.h>

#define MEMORY		2	/* the BAR */
#define PROT		(PROT_READ | PROT_WRITE)

/* Where mmap() finds a place of a BAR. */
static inline int64_t bar_at(unsigned int bar, uint64_t offset)
{
	return ((uint64_t)bar << 40) + offset;
}

static inline volatile uint8_t *memory_map(struct vdev *v, uint64_t offset, size_t len)
{
	return mmap(NULL, len, PROT, MAP_SHARED, v->fd, bar_at(MEMORY, offset));
}

static __thread sigjmp_buf on_fault;
static __thread volatile sig_atomic_t fault_expected;

static inline void fault_handler(int sig)
{
	if (!fault_expected) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	siglongjmp(on_fault, sig);
}

/* A store, or a load, of a byte: 0, or the signal that it came to. */
static inline int touch(volatile uint8_t *p, bool write, uint8_t value)
{
	struct sigaction action = { .sa_handler = fault_handler };
	int sig;

	/* For all threads, from now on. */
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sig = sigsetjmp(on_fault, 1);
	if (!sig) {
		fault_expected = 1;
		if (write)
			*p = value;
		else
			(void)*p;
	}
	fault_expected = 0;
	return sig;
}

/* Copies of all of the memory of a device: through the BAR, not through the mapping. */
static inline int memory_copy(struct vdev *v, size_t size, struct buf *to)
{
	int ret = buf_reserve(to, size);

	to->len = size;
	if (!ret && vdev_pread(v, MEMORY, to->data, size, 0) != (int)size)
		ret = -EIO;
	return ret;
}

#endif /* TESTS_SELFTESTS_RAM_MAP_H */
