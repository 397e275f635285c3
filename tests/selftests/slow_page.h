/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory whose page faults end when the test likes (userfaultfd). */
#ifndef TESTS_SELFTESTS_SLOW_PAGE_H
#define TESTS_SELFTESTS_SLOW_PAGE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

#include "util.h"

#define PAGE	4096UL

/* A page that nobody fills until uffd_fill(). */
struct slow_page {
	void *addr;
	int uffd;
};

static inline int slow_page_init(struct slow_page *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0)
		return -errno;
	p->addr = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->addr == MAP_FAILED)
		return -errno;
	reg.range.start = (uintptr_t)p->addr;
	reg.range.len = PAGE;
	if (ioctl(p->uffd, UFFDIO_API, &api) ||
	    ioctl(p->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

/* Wait until somebody faults on the page. */
static inline bool slow_page_touched(struct slow_page *p)
{
	struct uffd_msg msg;
	int64_t deadline = deadline_ms(DEADLINE_MS);

	while (read(p->uffd, &msg, sizeof(msg)) != sizeof(msg)) {
		if (!deadline_left(deadline))
			return false;
		sched_yield();
	}
	return true;
}

static inline int slow_page_fill(struct slow_page *p)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)p->addr, PAGE },
	};

	return ioctl(p->uffd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

static inline void slow_page_free(struct slow_page *p)
{
	munmap(p->addr, PAGE);
	close(p->uffd);
}

#endif /* TESTS_SELFTESTS_SLOW_PAGE_H */
