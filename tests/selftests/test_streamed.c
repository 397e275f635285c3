// SPDX-License-Identifier: GPL-2.0-only
/*
 * A large state that is sent while the device changes, in any order of reads, writes and
 * states; and what a user's own waiters or large calls hold up: tests/modules/streamed.
 */
#include "faults.h"
#include "testmod.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define TYPE		"/sys/class/mdev_bus/mdm_streamed/mdev_supported_types/mdm_streamed-v1"
#define PARAMS		"/sys/module/mdm_streamed/parameters"
#define MEM_SIZE	(2 * MIB)
#define BIG_REGION	9

/* Many eventfds at once, each of which many wait for. */
#define VECTORS		256
#define WATCHES		2000

FIXTURE(streamed) {
	struct vdev a, b;
	struct buf stream;
};

FIXTURE_SETUP(streamed)
{
	const char *ko = getenv("MDM_STREAMED_KO");

	REQUIRE_MODULE(ko);
	self->a.fd = -1;
	self->b.fd = -1;
	if (!access("/sys/module/mdm_streamed", F_OK))
		module_unload("mdm_streamed");
	ASSERT_EQ(0, module_insert(ko, ""));
	ASSERT_EQ(0, put(TYPE, "create", MDEV_UUID_A));
	ASSERT_EQ(0, put(TYPE, "create", MDEV_UUID_B));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, any_way()));
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, any_way()));
}

FIXTURE_TEARDOWN(streamed)
{
	if (self->a.fd >= 0)
		vdev_close(&self->a);
	if (self->b.fd >= 0)
		vdev_close(&self->b);
	buf_free(&self->stream);
	mdev_remove(MDEV_UUID_A);
	mdev_remove(MDEV_UUID_B);
	module_unload("mdm_streamed");
}

/**
 * struct helper - a thread that reads the data FD, or writes to the device
 * @thread: the thread
 * @v: the device
 * @fd: the data FD
 * @out: what came
 * @ret: how it ended
 * @stop: it is to end
 */
struct helper {
	pthread_t thread;
	struct vdev *v;
	int fd;
	struct buf *out;
	int ret;
	atomic_bool stop;
};

#define ROOM_PAGES	64

/* What comes at once, of odd sizes; now and then there is less room than is asked for. */
static int read_some(struct helper *h, uint8_t *end, uint64_t *random)
{
	size_t size = 1 + rng_next(random) % (ROOM_PAGES * 4096), more = 0;
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	ssize_t n;

	if (!(rng_next(random) % 4))
		more = 3 * 4096;
	n = read(h->fd, end - size, size + more);
	if (n > 0)
		return buf_append(h->out, end - size, n) ?: 1;
	if (!n || errno == EFAULT)
		return n ? 1 : 0;
	if (errno != ENOMSG)
		return -errno;
	/* Wait for more, or ask again. */
	if (rng_next(random) % 2 && poll(&p, 1, DEADLINE_MS) != 1)
		return -ETIMEDOUT;
	return 1;
}

static void *read_all(void *arg)
{
	size_t size = ROOM_PAGES * 4096, behind = 4 * 4096;
	uint64_t random = now_ns();
	struct helper *h = arg;
	uint8_t *room;

	room = mmap(NULL, size + behind, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED || mprotect(room + size, behind, PROT_NONE)) {
		h->ret = -ENOMEM;
		return NULL;
	}
	do {
		h->ret = read_some(h, room + size, &random);
	} while (h->ret > 0);
	munmap(room, size + behind);
	return NULL;
}

static void *write_all(void *arg)
{
	uint64_t random = now_ns();
	struct helper *h = arg;

	while (!h->stop) {
		vdev_write(h->v, 0, 4, (rng_next(&random) % MEM_SIZE) & ~3ULL,
			   rng_next(&random));
		if (!(rng_next(&random) % 64))
			usleep(rng_next(&random) % 2000);
	}
	return NULL;
}

/* Pre-copy, stopped and started some times while the device changes and is read. */
static void send_all(struct __test_metadata *_metadata,
		     FIXTURE_DATA(streamed) *self, uint64_t *random)
{
	struct helper writer = { .v = &self->a };
	struct helper reader = { .out = &self->stream };
	unsigned int i, n = rng_next(random) % 6;
	struct vfio_precopy_info info;

	self->stream.len = 0;
	ASSERT_EQ(0, pthread_create(&writer.thread, NULL, write_all, &writer));
	ASSERT_EQ(0, go_to(&self->a, n % 2 ? PRE_COPY : PRE_COPY_P2P,
			   &reader.fd));
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_all, &reader));
	for (i = 0; i < n; i++) {
		usleep(rng_next(random) % 20000);
		ASSERT_EQ(0, mig_set(&self->a, i % 2 ? PRE_COPY : PRE_COPY_P2P,
				     NULL));
		ASSERT_EQ(0, mig_precopy_info(reader.fd, &info));
	}
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY_P2P, NULL));
	writer.stop = true;
	pthread_join(writer.thread, NULL);
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	pthread_join(reader.thread, NULL);
	close(reader.fd);
	ASSERT_EQ(0, reader.ret);
}

TEST_F_TIMEOUT(streamed, nothing_is_lost, 120)
{
	static const char * const chunks[] = { "1", "16", "200", "1000" };
	static uint8_t theirs[MEM_SIZE], ours[MEM_SIZE];
	uint64_t random = now_ns();
	unsigned int i;

	REQUIRE_PRE_COPY(&self->a);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, put(PARAMS, "chunk_pages", chunks[i]));
		send_all(_metadata, self, &random);
		ASSERT_EQ(0, mig_load(&self->b, self->stream.data,
				      self->stream.len,
				      rng_next(&random) % 100000)) {
			TH_LOG("%s", text_of(MDEV_DEVICES "/" MDEV_UUID_B,
					     "migration/last_error"));
		}
		ASSERT_EQ((ssize_t)MEM_SIZE,
			  vdev_pread(&self->a, 0, theirs, MEM_SIZE, 0));
		ASSERT_EQ((ssize_t)MEM_SIZE,
			  vdev_pread(&self->b, 0, ours, MEM_SIZE, 0));
		ASSERT_EQ(0, memcmp(theirs, ours, MEM_SIZE));
		ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
		ASSERT_EQ(0, vdev_reset(&self->b));
	}
}

/**
 * struct user - one of those who do anything at any time
 * @random: what
 * @v: a device
 * @fd: a data FD, of any session, or -1
 * @slot: where it is kept
 */
struct user {
	uint64_t random;
	struct vdev *v;
	int fd;
	atomic_int *slot;
};

/* What they have in common. */
static struct vdev *devices[2];
static atomic_int data_fds[8];
static atomic_bool stop_all;
static struct buf good;
static pthread_rwlock_t open_locks[2] = {
	PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER
};

static uint64_t below(struct user *u, uint64_t limit)
{
	return rng_next(&u->random) % limit;
}

static int act_state(struct user *u)
{
	int fd = -1, ret = mig_set(u->v, below(u, 8), &fd);

	if (fd >= 0)
		fd = atomic_exchange(u->slot, fd);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int act_read(struct user *u)
{
	size_t size = 1 + below(u, MIB);
	void *buf = malloc(size);
	ssize_t n = read(u->fd, buf, size);

	free(buf);
	return n < 0;
}

/* A stream, or a part of one. */
static int act_write(struct user *u)
{
	size_t at = below(u, 3) ? 0 : below(u, good.len);
	size_t len = good.len - at;

	if (below(u, 2))
		len = 1 + below(u, len);
	return write(u->fd, good.data + at, len) < 0;
}

static int act_poll(struct user *u)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, below(u, 5)) < 0;
}

static int act_ask(struct user *u)
{
	struct vfio_precopy_info info;

	sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A "/migration", 3);
	return (mig_data_size(u->v) < 0) + mig_precopy_info(u->fd, &info);
}

static int act_reset(struct user *u)
{
	return below(u, 8) ? 0 : vdev_reset(u->v);
}

static int act_memory(struct user *u)
{
	static uint8_t bytes[9000];

	return vdev_pwrite(u->v, 0, bytes, below(u, sizeof(bytes)),
			   below(u, MEM_SIZE)) < 0;
}

static int act_pci(struct user *u)
{
	pci_read(u->v, 4, below(u, 64) * 4);
	vdev_write(u->v, 1, 8, below(u, 512) * 8, below(u, 1ULL << 32));
	return pci_write(u->v, 4, below(u, 64) * 4, below(u, 1ULL << 32));
}

static int act_irqs(struct user *u)
{
	int32_t event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), data[8];
	unsigned int i;
	int ret;

	for (i = 0; i < 8; i++)
		data[i] = below(u, 4) ? event : -1;
	ret = vdev_irq_set(u->v, below(u, 6), below(u, 64), below(u, 3),
			   below(u, 5), data, sizeof(data));
	close(event);
	return ret;
}

typedef int (*act_fn)(struct user *u);

static const act_fn acts[] = {
	act_state, act_state, act_state, act_read, act_read, act_read,
	act_write, act_write, act_poll, act_ask, act_reset, act_memory,
	act_pci, act_irqs,
};

static void reopen(struct user *u, unsigned int d)
{
	enum vdev_how how = below(u, 2) ? VDEV_GROUP : any_way();

	pthread_rwlock_wrlock(&open_locks[d]);
	vdev_close(u->v);
	vdev_open(u->v, d ? MDEV_UUID_B : MDEV_UUID_A, how);
	pthread_rwlock_unlock(&open_locks[d]);
}

static void *act_all(void *arg)
{
	struct user u = { .random = now_ns() + (uintptr_t)arg };
	uintptr_t done = 0;
	unsigned int d;

	while (!stop_all) {
		d = below(&u, 2);
		u.v = devices[d];
		u.slot = &data_fds[below(&u, ARRAY_SIZE(data_fds))];
		u.fd = *u.slot;
		pthread_rwlock_rdlock(&open_locks[d]);
		done += !acts[below(&u, ARRAY_SIZE(acts))](&u);
		pthread_rwlock_unlock(&open_locks[d]);
		if (!below(&u, 1000))
			reopen(&u, d);
	}
	return (void *)done;
}

/* Anybody does anything; callbacks overlap never (WARN_ON), and some fail. */
TEST_F_TIMEOUT(streamed, anything, 120)
{
	pthread_t threads[8];
	uintptr_t sum = 0;
	unsigned int i;
	void *done;

	devices[0] = &self->a;
	devices[1] = &self->b;
	for (i = 0; i < ARRAY_SIZE(data_fds); i++)
		data_fds[i] = -1;
	ASSERT_EQ(0, mig_save(&self->a, &good));
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, put(PARAMS, "chunk_pages", "50"));
	ASSERT_EQ(0, put(PARAMS, "fail_one_in", "200"));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, act_all,
					    (void *)(uintptr_t)i));
	usleep(RACE_MS * 1000);
	stop_all = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &done);
		sum += (uintptr_t)done;
	}
	TH_LOG("%lu calls succeeded", (unsigned long)sum);
	EXPECT_LT(100, sum);
	for (i = 0; i < ARRAY_SIZE(data_fds); i++) {
		if (data_fds[i] >= 0)
			close(data_fds[i]);
	}
	buf_free(&good);
}

#define BIG	0x7ffff000UL

/* A MiB again and again: 2 GiB that take no memory. */
static uint8_t *big_buffer(void)
{
	int fd = memfd_create("big", MFD_CLOEXEC);
	uint8_t *at;
	size_t i;

	at = mmap(NULL, BIG, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED || fd < 0 || ftruncate(fd, MIB))
		return NULL;
	for (i = 0; i < BIG; i += MIB)
		mmap(at + i, BIG - i < MIB ? BIG - i : MIB,
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
	return at;
}

/* Who reads or writes two gigabytes and is killed is gone at once. */
TEST_F_TIMEOUT(streamed, killed, 120)
{
	loff_t at = (loff_t)BIG_REGION << 40;
	uint8_t *buf = big_buffer();
	int status, i;
	pid_t pid;

	ASSERT_NE(NULL, buf);
	for (i = 0; i < 2; i++) {
		uint64_t start;

		fflush(stdout);
		pid = fork();
		if (!pid)
			_exit((i ? pwrite(self->a.fd, buf, BIG, at) :
				   pread(self->a.fd, buf, BIG, at)) < 0);
		usleep(2 * QUIET_MS * 1000);
		ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
		kill(pid, SIGKILL);
		start = now_ns();
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_GT(1000, (now_ns() - start) / 1000000);
	}
	munmap(buf, BIG);
}

static void *to_p2p(void *arg)
{
	struct helper *h = arg;

	h->ret = mig_set(h->v, PRE_COPY_P2P, NULL);
	return NULL;
}

static bool has_end(struct __test_metadata *_metadata, int fd)
{
	struct vfio_precopy_info info;

	EXPECT_EQ(0, mig_precopy_info(fd, &info));
	return !info.initial_bytes && !info.dirty_bytes;
}

static void ignore(int signal)
{
	(void)signal;
}

/* In pre-copy, with a thread that stops the device, which takes long. */
static void begin_stop(struct __test_metadata *_metadata,
		       FIXTURE_DATA(streamed) *self, struct helper *stopper)
{
	struct pollfd p;
	uint8_t byte;

	stopper->v = &self->a;
	ASSERT_EQ(0, put(PARAMS, "chunk_pages", "1"));
	ASSERT_EQ(0, put(PARAMS, "stop_ms", "400"));
	ASSERT_EQ(0, go_to(&self->a, PRE_COPY, &stopper->fd));
	ASSERT_EQ(1, read(stopper->fd, &byte, 1));
	ASSERT_EQ(0, pthread_create(&stopper->thread, NULL, to_p2p, stopper));
	usleep(QUIET_MS * 1000);
	/* What was put is there, and then nothing for now. */
	fcntl(stopper->fd, F_SETFL, O_NONBLOCK);
	while (read(stopper->fd, &byte, 1) == 1)
		;
	ASSERT_EQ(EAGAIN, errno);
	p = (struct pollfd){ .fd = stopper->fd, .events = POLLIN };
	ASSERT_EQ(0, poll(&p, 1, 0));
	EXPECT_FALSE(has_end(_metadata, stopper->fd));
	fcntl(stopper->fd, F_SETFL, 0);
}

/*
 * "[...] temporary end of stream that is reached when both initial_bytes and dirty_bytes
 * are zero" (<linux/vfio.h>): who reads while the device is being stopped waits.
 */
TEST_F_TIMEOUT(streamed, no_end_before_the_end, 60)
{
	struct sigaction act = { .sa_handler = ignore };
	struct helper stopper = {};
	uint8_t bytes[4096];
	ssize_t n;

	REQUIRE_PRE_COPY(&self->a);
	begin_stop(_metadata, self, &stopper);
	/* It can be interrupted. */
	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	ualarm(QUIET_MS * 1000, 0);
	EXPECT_EQ(-1, read(stopper.fd, bytes, sizeof(bytes)));
	EXPECT_EQ(EINTR, errno);
	EXPECT_LT(0, read(stopper.fd, bytes, sizeof(bytes)));
	pthread_join(stopper.thread, NULL);
	EXPECT_EQ(0, stopper.ret);
	do {
		n = read(stopper.fd, bytes, sizeof(bytes));
	} while (n > 0);
	EXPECT_EQ(ENOMSG, errno);
	EXPECT_TRUE(has_end(_metadata, stopper.fd));
	close(stopper.fd);
}

/* Who has interrupts to raise meanwhile, as another one would: how many can he? */
static atomic_uint raised;

static void *raise_always(void *arg)
{
	struct helper *h = arg;

	while (!h->stop) {
		vdev_write(h->v, 0, 4, 0, 0);
		raised++;
	}
	return NULL;
}

/* Opened with many vectors, which are one eventfd that many wait for. */
static int many_vectors(struct __test_metadata *_metadata,
			FIXTURE_DATA(streamed) *self)
{
	const struct rlimit limit = { 2 * WATCHES, 2 * WATCHES };
	int32_t event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), fds[VECTORS];
	struct epoll_event watch = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), i;

	EXPECT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	vdev_close(&self->a);
	EXPECT_EQ(0, put(PARAMS, "vectors", "256"));
	EXPECT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, any_way()));
	for (i = 0; i < VECTORS; i++)
		fds[i] = event;
	EXPECT_EQ(0, vdev_irq_eventfds(&self->a, VFIO_PCI_MSIX_IRQ_INDEX, 0,
				       VECTORS, fds));
	for (i = 0; i < WATCHES; i++)
		EXPECT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, dup(event), &watch));
	return event;
}

/* A user signals all vectors: who raises one of them does not wait for all. */
TEST_F_TIMEOUT(streamed, signalled_at_once, 120)
{
	struct helper other = { .v = &self->a };
	unsigned int before, after;

	many_vectors(_metadata, self);
	ASSERT_EQ(0, pthread_create(&other.thread, NULL, raise_always, &other));
	usleep(QUIET_MS * 1000);
	before = raised;
	ASSERT_EQ(0, vdev_irq_set(&self->a, VFIO_PCI_MSIX_IRQ_INDEX,
				  VFIO_IRQ_SET_DATA_NONE |
				  VFIO_IRQ_SET_ACTION_TRIGGER, 0, VECTORS,
				  NULL, 0));
	after = raised;
	other.stop = true;
	pthread_join(other.thread, NULL);
	TH_LOG("%u interrupts meanwhile", after - before);
	EXPECT_LT(VECTORS / 4, after - before);
}

static int save_ret(struct vdev *v, uint32_t begin, struct buf *b)
{
	int fd = -1, ret;

	b->len = 0;
	ret = mig_set(v, begin, &fd);
	if (!ret)
		ret = mig_drain(fd, b, 70000);
	if (ret == -ENOMSG)
		ret = mig_set(v, STOP_COPY, NULL);
	if (!ret)
		ret = mig_drain(fd, b, 70000);
	close(fd);
	while (mig_set(v, RUNNING, NULL))
		;
	return ret;
}

static int load_ret(struct vdev *v, const struct buf *b)
{
	int ret = mig_load(v, b->data, b->len, 0);

	vdev_reset(v);
	return ret;
}

TEST_F_TIMEOUT(streamed, allocations_fail, 120)
{
	uint32_t begin = has_pre_copy(&self->a) ? PRE_COPY : STOP_COPY;
	struct buf first = {};

	REQUIRE_FAIL_NTH();
	ASSERT_EQ(0, put(PARAMS, "chunk_pages", "200"));
	ASSERT_EQ(0, save_ret(&self->a, begin, &first));
	FAIL_EACH(every(5), save_ret(&self->a, begin, &self->stream),
		  EXPECT_TRUE(buf_equal(&first, &self->stream)));
	FAIL_EACH(every(5), load_ret(&self->b, &first), );
	buf_free(&first);
}

TEST_HARNESS_MAIN
