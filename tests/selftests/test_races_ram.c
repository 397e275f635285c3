// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads and processes that write to a device's memory through mappings, while it is saved,
 * reset, loaded, closed: nothing that they wrote is lost, nothing of it turns up elsewhere.
 * Until the time is over (RACES_SECONDS).
 */
#include "races.h"
#include "ram_map.h"

#include <pthread.h>
#include <sys/wait.h>

#define PARTS		3
#define WRITERS		4
#define WORDS		(PAGE / 8)

/* What a test shares with those that write, in other processes too. */
struct control {
	int stop; /* 1: the threads, 2: the process */
	unsigned int round;
	unsigned int done; /* how many have been everywhere in this round */
};

struct writer {
	struct control *control;
	volatile uint64_t *map;
	size_t size;
	unsigned int id;
	pthread_t thread;
	pid_t pid;
};

static bool goes_on(const struct writer *w)
{
	return __atomic_load_n(&w->control->stop, __ATOMIC_SEQ_CST) <=
	       (w->id == WRITERS - 1);
}

static unsigned int next_round(const struct writer *w, unsigned int last)
{
	unsigned int round;

	while (goes_on(w)) {
		round = __atomic_load_n(&w->control->round, __ATOMIC_SEQ_CST);
		if (round != last)
			return round;
		usleep(100);
	}
	return last;
}

/*
 * Words that are this writer's: in each page once a round, since what is lost shows as long
 * as nobody writes to the page again. Each time with another number.
 */
static void *write_on(void *arg)
{
	struct writer *w = arg;
	uint64_t random = w->id + 1, seq = 0, nr = w->size / PAGE, page, n;
	unsigned int i, round = 0;

	while (goes_on(w)) {
		round = next_round(w, round);
		page = rng_next(&random) % nr;
		for (n = 0; n < nr && goes_on(w); n++) {
			/* Some pages are read first, and mapped for that. */
			if (page % 4 == 0 && w->map[page * WORDS] == ~0ULL)
				break;
			for (i = w->id; i < WORDS; i += 8 * WRITERS)
				w->map[page * WORDS + i] = ++seq;
			/* Odd, so that it comes to all of them: nr is a power of two. */
			page = (page + 37) % nr;
		}
		__atomic_add_fetch(&w->control->done, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* All but the last in threads of the caller's, that one in a process of its own. */
static int writers_start(struct writer *writers, struct vdev *v, size_t size)
{
	struct control *control;
	unsigned int i;

	control = mmap(NULL, PAGE, PROT, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (control == MAP_FAILED)
		return -errno;
	for (i = 0; i < WRITERS; i++) {
		struct writer *w = &writers[i];

		*w = (struct writer) { .control = control, .size = size, .id = i };
		w->map = (void *)memory_map(v, 0, size);
		if (w->map == MAP_FAILED)
			return -errno;
		if (i < WRITERS - 1) {
			if (pthread_create(&w->thread, NULL, write_on, w))
				return -ENOMEM;
			continue;
		}
		fflush(stdout);
		w->pid = fork();
		if (w->pid)
			continue;
		write_on(w);
		_exit(0);
	}
	return 0;
}

static void writers_go(struct writer *writers)
{
	__atomic_store_n(&writers[0].control->done, 0, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&writers[0].control->round, 1, __ATOMIC_SEQ_CST);
}

static bool writers_rest(struct writer *writers)
{
	return __atomic_load_n(&writers[0].control->done, __ATOMIC_SEQ_CST) == WRITERS;
}

static int writers_end(struct writer *writers)
{
	unsigned int i;
	int status = 0;

	__atomic_store_n(&writers[0].control->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < WRITERS - 1; i++)
		pthread_join(writers[i].thread, NULL);
	__atomic_store_n(&writers[0].control->stop, 2, __ATOMIC_SEQ_CST);
	waitpid(writers[WRITERS - 1].pid, &status, 0);
	for (i = 0; i < WRITERS; i++)
		munmap((void *)writers[i].map, writers[i].size);
	munmap(writers[0].control, PAGE);
	return status;
}

/* The first word that differs; WORDS * pages if none does. */
static size_t differs(const volatile uint64_t *a, const volatile uint64_t *b, size_t size)
{
	size_t i = 0;

	while (i < size / 8 && a[i] == b[i])
		i++;
	if (i < size / 8)
		printf("# page %zu word %zu: %llu there, %llu here\n", i / WORDS, i % WORDS,
		       (unsigned long long)b[i], (unsigned long long)a[i]);
	return i;
}

/* What can be read now, up to so many bytes, goes to the other device. */
static int pass_on(int from, int to, size_t max, struct buf *work)
{
	ssize_t n;
	int ret = buf_reserve(work, 64 * KIB);

	while (!ret && max) {
		n = read(from, work->data, max < 64 * KIB ? max : 64 * KIB);
		if (n <= 0)
			return n ? -errno : 0;
		max -= n;
		ret = mig_feed(to, work->data, n, 0);
	}
	return ret;
}

/*
 * In pre-copy: the writers rest after each round, what there is goes over, and then both
 * memories are the same.
 */
TEST_F_TIMEOUT(pattern, nothing_is_lost, RACES_TIMEOUT(PARTS))
{
	int64_t deadline = deadline_ms(races_ms(PARTS));
	struct writer writers[WRITERS];
	volatile uint8_t *there, *here;
	unsigned int rounds = 0;
	const size_t size = MIB;
	int fd = -1;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	here = memory_map(&self->a, 0, size);
	there = memory_map(&self->b, 0, size);
	ASSERT_NE(MAP_FAILED, here);
	ASSERT_NE(MAP_FAILED, there);
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_set(&self->b, RESUMING, &fd));
	ASSERT_EQ(0, writers_start(writers, &self->a, size));
	do {
		int ret = 0;

		writers_go(writers);
		while (!writers_rest(writers) && (!ret || ret == -ENOMSG))
			ret = pass_on(self->fd, fd, 64 * KIB, &self->work);
		EXPECT_EQ(-ENOMSG, pass_on(self->fd, fd, SIZE_MAX, &self->work));
		rounds++;
		if (differs((void *)here, (void *)there, size) < size / 8)
			break;
	} while (deadline_left(deadline));
	EXPECT_EQ(size / 8, differs((void *)here, (void *)there, size)) {
		TH_LOG("round %u", rounds);
	}
	writers_go(writers);
	EXPECT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	EXPECT_EQ(0, writers_end(writers));
	TH_LOG("%u rounds", rounds);
	close(fd);
}

/* Likewise while the device is stopped, where a kernel has nothing else. */
TEST_F_TIMEOUT(pattern, nothing_is_lost_when_stopped, RACES_TIMEOUT(PARTS))
{
	int64_t deadline = deadline_ms(races_ms(PARTS));
	struct writer writers[WRITERS];
	volatile uint8_t *there, *here;
	unsigned int rounds = 0;
	const size_t size = MIB;
	int fd = -1;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", variant->how));
	ASSERT_EQ(0, memory_fill(&self->a, 0, size / PAGE, 1));
	here = memory_map(&self->a, 0, size);
	there = memory_map(&self->b, 0, size);
	ASSERT_NE(MAP_FAILED, here);
	ASSERT_NE(MAP_FAILED, there);
	ASSERT_EQ(0, writers_start(writers, &self->a, size));
	do {
		ASSERT_EQ(0, go_to(&self->b, RESUMING, &fd));
		writers_go(writers);
		EXPECT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
		EXPECT_EQ(0, pass_on(self->fd, fd, size / 2, &self->work));
		while (!writers_rest(writers))
			usleep(100);
		EXPECT_EQ(0, pass_on(self->fd, fd, SIZE_MAX, &self->work));
		EXPECT_EQ(0, mig_set(&self->b, STOP, NULL));
		EXPECT_EQ(0, mig_set(&self->a, RUNNING, NULL));
		close(self->fd);
		self->fd = -1;
		close(fd);
		rounds++;
		if (differs((void *)here, (void *)there, size) < size / 8)
			break;
	} while (deadline_left(deadline));
	EXPECT_EQ(size / 8, differs((void *)here, (void *)there, size)) {
		TH_LOG("round %u", rounds);
	}
	EXPECT_EQ(0, writers_end(writers));
	TH_LOG("%u rounds", rounds);
}

/* A device's user, whose bytes are all the same: nobody else's are ever in its memory. */
struct user {
	const char *uuid;
	enum vdev_how how;
	int64_t deadline;
	uint64_t random;
	uint8_t byte;
	volatile uint8_t *map; /* may go at any time, and come somewhere else */
	int failed;
	int stop;
};

#define USER_SIZE	(2 * MIB)

static int is_foreign(struct user *u, uint8_t byte)
{
	if (!byte || byte == u->byte)
		return 0;
	printf("# %s: %02x in a memory with %02x\n", u->uuid, byte, u->byte);
	fflush(stdout);
	return 1;
}

static int touch_some(struct user *u, uint64_t *random, unsigned int nr)
{
	while (nr--) {
		volatile uint8_t *map = __atomic_load_n(&u->map, __ATOMIC_SEQ_CST);
		size_t at = rng_next(random) % USER_SIZE;

		if (!map)
			continue;
		if (rng_next(random) % 4) {
			touch(map + at, true, u->byte);
		} else if (sigsetjmp(on_fault, 1) == 0) {
			uint8_t byte;

			fault_expected = 1;
			byte = map[at];
			fault_expected = 0;
			if (is_foreign(u, byte))
				return 1;
		}
		fault_expected = 0;
	}
	return 0;
}

static void *touch_on(void *arg)
{
	struct user *u = arg;
	uint64_t random = (uintptr_t)&random;

	while (!__atomic_load_n(&u->stop, __ATOMIC_SEQ_CST) && !u->failed)
		u->failed |= touch_some(u, &random, 64);
	return NULL;
}

static void user_map(struct user *u, struct vdev *v)
{
	volatile uint8_t *map = memory_map(v, 0, USER_SIZE);

	__atomic_store_n(&u->map, map == MAP_FAILED ? NULL : map, __ATOMIC_SEQ_CST);
}

/* Who has it in a register touches it, or what is there by then: nothing is. */
static void user_unmap(struct user *u)
{
	volatile uint8_t *map = __atomic_exchange_n(&u->map, NULL, __ATOMIC_SEQ_CST);

	if (map)
		mmap((void *)map, USER_SIZE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static int child_touches(struct user *u)
{
	uint64_t random = u->random;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(touch_some(u, &random, 200));
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status ? 0 : 1;
}

static int state_moves(struct vdev *v, uint64_t *random, struct buf *work)
{
	int fd = -1;

	mig_set(v, rng_next(random) % NR_STATES, &fd);
	if (fd < 0)
		return 0;
	/* Of a device that is being loaded nobody reads, and the reverse. */
	if (mig_get(v) == RESUMING) {
		mig_feed(fd, work->data, rng_next(random) % (work->len + 1), 0);
	} else {
		work->len = 0;
		mig_drain(fd, work, 1 + rng_next(random) % 100000);
	}
	mig_set(v, rng_next(random) % NR_STATES, NULL);
	close(fd);
	return 0;
}

static int use_once(struct user *u, struct buf *work)
{
	unsigned int i, n = 10 + rng_next(&u->random) % 20;
	struct vdev v;
	int ret = vdev_open(&v, u->uuid, u->how);

	if (ret)
		return races_failed("open: %s", strerror(-ret));
	user_map(u, &v);
	for (i = 0; !ret && i < n; i++) {
		switch (rng_next(&u->random) % 8) {
		case 0:
			user_unmap(u);
			user_map(u, &v);
			break;
		case 1:
			ret = child_touches(u);
			break;
		case 2:
			mprotect((void *)u->map, USER_SIZE / 2, PROT_READ);
			mprotect((void *)u->map, USER_SIZE / 2, PROT);
			break;
		case 3:
		case 4:
			state_moves(&v, &u->random, work);
			break;
		default:
			ret = vdev_reset(&v);
		}
	}
	/* Closed while it is mapped and touched: it goes with the mapping. */
	vdev_close(&v);
	user_unmap(u);
	return ret;
}

static int use(void *arg)
{
	struct user *u = arg;
	struct buf work = {};
	pthread_t threads[3];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, touch_on, u);
	while (!ret && !u->failed && deadline_left(u->deadline))
		ret = use_once(u, &work);
	__atomic_store_n(&u->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	buf_free(&work);
	return ret || u->failed;
}

/* Another device's user, beside it: two that allocate, free and touch at the same time. */
TEST_F_TIMEOUT(pattern, touched_meanwhile, RACES_TIMEOUT(PARTS))
{
	int ms = races_ms(PARTS), status;
	struct user a = { .uuid = MDEV_UUID_A, .how = variant->how, .byte = 0xa5, .random = 1 };
	struct user b = { .uuid = MDEV_UUID_B, .how = variant->how, .byte = 0x5b, .random = 2 };
	struct races_log log;
	pid_t pid;

	ASSERT_EQ(0, pattern_create(MDEV_UUID_A, "2"));
	ASSERT_EQ(0, pattern_create(MDEV_UUID_B, "2"));
	ASSERT_EQ(0, races_log_begin(&log));
	a.deadline = deadline_ms(ms);
	b.deadline = a.deadline;
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(use(&b));
	EXPECT_EQ(0, races_run(use, &a, ms));
	EXPECT_EQ(0, races_wait(pid, RACES_END_MS, &status));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(races_log_warned(&log));
	races_log_end(&log);
}

TEST_HARNESS_MAIN
