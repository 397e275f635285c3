// SPDX-License-Identifier: GPL-2.0-only
/* A large state that is streamed, and who gets in its way: tests/modules/streamed. */
#include "testmod.h"

#include "faults.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define TYPES	"/sys/class/mdev_bus/mdm_streamed/mdev_supported_types/mdm_streamed-v1"
#define MEM_SIZE (2 * MIB)

FIXTURE(streamed) {
	const char *ko;
	struct vdev a, b;
	struct buf stream;
};

static int create(const char *uuid)
{
	return sysfs_write(TYPES "/create", uuid);
}

static void param(const char *name, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/mdm_streamed/parameters/%s", name);
	sysfs_write(path, value);
}

FIXTURE_SETUP(streamed)
{
	self->ko = getenv("MDM_STREAMED_KO");
	REQUIRE_MODULE(self->ko);
	self->a.fd = self->b.fd = -1;
	if (!access("/sys/module/mdm_streamed", F_OK))
		module_unload("mdm_streamed");
	ASSERT_EQ(0, module_insert(self->ko, ""));
	ASSERT_EQ(0, create(MDEV_UUID_A));
	ASSERT_EQ(0, create(MDEV_UUID_B));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, VDEV_IOMMUFD));
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, VDEV_IOMMUFD));
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

struct reader {
	int fd;
	struct buf *out;
	int end;
	pthread_t thread;
};

/* Odd sizes; now and then into a page that ends early. */
static void *read_all(void *arg)
{
	struct reader *r = arg;
	uint64_t random = now_ns();
	uint8_t *room = mmap(NULL, 68 * 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(room + 64 * 4096, 4096 * 4, PROT_NONE);
	for (;;) {
		size_t size = 1 + rng_next(&random) % (64 * 4096);
		uint8_t *at = room + 64 * 4096 - size;
		ssize_t n;

		n = read(r->fd, at, size + (rng_next(&random) % 4 ? 0 : 3 * 4096));
		if (n > 0) {
			buf_append(r->out, at, n);
			continue;
		}
		if (!n) {
			r->end = 0;
			break;
		}
		if (errno == EFAULT)
			continue;
		if (errno != ENOMSG) {
			r->end = -errno;
			break;
		}
		if (rng_next(&random) % 2) {
			struct pollfd p = { .fd = r->fd, .events = POLLIN };

			if (poll(&p, 1, 5000) != 1) {
				r->end = -ETIMEDOUT;
				break;
			}
		}
	}
	munmap(room, 68 * 4096);
	return NULL;
}

struct writer {
	struct vdev *v;
	atomic_bool stop;
	pthread_t thread;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;
	uint64_t random = now_ns();

	while (!w->stop) {
		vdev_write(w->v, 0, 4, (rng_next(&random) % MEM_SIZE) & ~3ULL,
			   rng_next(&random));
		if (!(rng_next(&random) % 64))
			usleep(rng_next(&random) % 2000);
	}
	return NULL;
}

TEST_F_TIMEOUT(streamed, nothing_is_lost, 200)
{
	static uint8_t ma[MEM_SIZE], mb[MEM_SIZE];
	uint64_t random = now_ns();
	int64_t deadline = deadline_ms(20000);
	unsigned int rounds = 0;

	while (deadline_left(deadline)) {
		struct reader r = { .out = &self->stream };
		struct writer w = { .v = &self->a };
		unsigned int i, n = rng_next(&random) % 6;
		int ret, state;

		self->stream.len = 0;
		param("chunk_pages", (const char *[]){"1", "16", "200", "1000"}[rng_next(&random) % 4]);
		ASSERT_EQ(0, pthread_create(&w.thread, NULL, write_all, &w));
		ASSERT_EQ(0, go_to(&self->a, rng_next(&random) % 2 ? PRE_COPY :
				   PRE_COPY_P2P, &r.fd));
		ASSERT_EQ(0, pthread_create(&r.thread, NULL, read_all, &r));
		for (i = 0; i < n; i++) {
			struct vfio_precopy_info info;

			usleep(rng_next(&random) % 20000);
			ASSERT_EQ(0, mig_set(&self->a, i % 2 ? PRE_COPY :
					     PRE_COPY_P2P, NULL));
			ASSERT_EQ(0, mig_precopy_info(r.fd, &info));
		}
		ASSERT_EQ(0, mig_set(&self->a, PRE_COPY_P2P, NULL));
		w.stop = true;
		pthread_join(w.thread, NULL);
		ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
		pthread_join(r.thread, NULL);
		close(r.fd);
		ASSERT_EQ(0, r.end);
		ret = mig_load(&self->b, self->stream.data, self->stream.len,
			       rng_next(&random) % 100000);
		ASSERT_EQ(0, ret) {
			char error[512];

			last_error(MDEV_UUID_B, error, sizeof(error));
			TH_LOG("round %u: %s", rounds, error);
		}
		ASSERT_EQ((ssize_t)MEM_SIZE, vdev_pread(&self->a, 0, ma, MEM_SIZE, 0));
		ASSERT_EQ((ssize_t)MEM_SIZE, vdev_pread(&self->b, 0, mb, MEM_SIZE, 0));
		ASSERT_EQ(0, memcmp(ma, mb, MEM_SIZE));
		state = mig_get(&self->a);
		ASSERT_EQ(STOP_COPY, state);
		ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
		ASSERT_EQ(0, vdev_reset(&self->b));
		rounds++;
	}
	TH_LOG("%u rounds", rounds);
	ASSERT_LT(3, rounds);
}

/* Anybody does anything. */
static atomic_int fds[8];
static atomic_bool stop_all;
static struct vdev *devs[2];
static pthread_rwlock_t open_lock[2] = {
	PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER
};
static struct buf good;
static atomic_ulong done_ops[24];

static void *chaos(void *arg)
{
	uint64_t random = now_ns() ^ (uintptr_t)arg * 0x9e3779b97f4a7c15ULL;
	uint8_t *buf = malloc(1 << 20);

	while (!stop_all) {
		unsigned int d = rng_next(&random) % 2, op = rng_next(&random) % 16;
		unsigned int slot = rng_next(&random) % ARRAY_SIZE(fds);
		struct vfio_precopy_info info;
		struct vdev *v = devs[d];
		int fd = fds[slot], ret = -1;
		size_t at, n;

		pthread_rwlock_rdlock(&open_lock[d]);
		switch (op) {
		case 0: case 1: case 2:
			fd = -1;
			ret = mig_set(v, rng_next(&random) % 8, &fd);
			if (fd >= 0) {
				fd = atomic_exchange(&fds[slot], fd);
				if (fd >= 0)
					close(fd);
			}
			break;
		case 3: case 4: case 5:
			ret = read(fd, buf, rng_next(&random) % (1 << 20)) < 0;
			break;
		case 6: case 7:
			/* A stream, or a part of one. */
			at = rng_next(&random) % 3 ? 0 : rng_next(&random) % good.len;
			n = good.len - at;
			if (rng_next(&random) % 2)
				n = 1 + rng_next(&random) % n;
			ret = write(fd, good.data + at, n) < 0;
			break;
		case 8:
			ret = poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1,
				   rng_next(&random) % 5) < 0;
			break;
		case 9:
			ret = mig_precopy_info(fd, &info);
			break;
		case 10:
			if (!(rng_next(&random) % 4))
				ret = vdev_reset(v);
			break;
		case 11:
			ret = mig_data_size(v) < 0;
			break;
		case 12:
			ret = vdev_pwrite(v, 0, buf, rng_next(&random) % 9000,
					  rng_next(&random) % MEM_SIZE) < 0;
			break;
		case 13: {
			uint32_t set[5 + 8];
			unsigned int k;
			int32_t e = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

			for (k = 5; k < 13; k++)
				set[k] = rng_next(&random) % 2 ? (uint32_t)e :
					 rng_next(&random) % 2 ? ~0U : (uint32_t)rng_next(&random);
			set[0] = rng_next(&random) % 4 ? sizeof(set) : rng_next(&random);
			set[1] = rng_next(&random) % 64;
			set[2] = rng_next(&random) % 6;
			set[3] = rng_next(&random) % 4 ? 0 : rng_next(&random) % 5;
			set[4] = rng_next(&random) % 16 ? rng_next(&random) % 5 : rng_next(&random);
			ret = ioctl(v->fd, VFIO_DEVICE_SET_IRQS, set);
			close(e);
			break;
		}
		case 14:
			ret = pci_write(v, 4, (rng_next(&random) % 64) * 4,
					rng_next(&random));
			pci_read(v, 4, (rng_next(&random) % 64) * 4);
			vdev_write(v, 1, 8, (rng_next(&random) % 512) * 8, rng_next(&random));
			break;
		case 15:
			if (rng_next(&random) % 8)
				break;
			sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A "/migration", 3);
			ret = 0;
			break;
		}
		pthread_rwlock_unlock(&open_lock[d]);
		if (!ret)
			done_ops[op]++;
		if (!(rng_next(&random) % 3000)) {
			pthread_rwlock_wrlock(&open_lock[d]);
			vdev_close(v);
			ret = vdev_open(v, d ? MDEV_UUID_B : MDEV_UUID_A,
					rng_next(&random) % 2 ? VDEV_GROUP :
					VDEV_IOMMUFD);
			pthread_rwlock_unlock(&open_lock[d]);
			done_ops[16] += !ret;
		}
	}
	free(buf);
	return NULL;
}

TEST_F_TIMEOUT(streamed, chaos, 300)
{
	pthread_t threads[12];
	unsigned int i;

	devs[0] = &self->a;
	devs[1] = &self->b;
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = -1;
	ASSERT_EQ(0, mig_save(&self->a, &good));
	ASSERT_EQ(0, vdev_reset(&self->a));
	param("chunk_pages", "50");
	param("fail_one_in", "200");
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, chaos, (void *)(uintptr_t)(i + 1)));
	sleep(20);
	stop_all = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 17; i++)
		TH_LOG("op %u: %lu", i, done_ops[i]);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* How long does a process live on that was killed in a large read? */
static int dies_in(struct __test_metadata *_metadata, void (*work)(void *), void *arg)
{
	uint64_t start;
	int status;
	pid_t pid = fork();

	if (!pid) {
		work(arg);
		_exit(0);
	}
	usleep(300000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	start = now_ns();
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	return (now_ns() - start) / 1000000;
}

#define BIG	0x7ffff000UL

/* A page again and again: 2 GiB that take no memory. */
static uint8_t *big_buffer(void)
{
	uint8_t *at = mmap(NULL, BIG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = memfd_create("big", 0);
	size_t n;

	if (at == MAP_FAILED || fd < 0 || ftruncate(fd, MIB))
		return NULL;
	for (n = 0; n < BIG; n += MIB)
		mmap(at + n, BIG - n < MIB ? BIG - n : MIB, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, fd, 0);
	return at;
}

static void read_region(void *arg)
{
	struct vdev *v = arg;

	pread(v->fd, big_buffer(), BIG, 9ULL << 40);
}

TEST_F_TIMEOUT(streamed, killed_in_a_read_of_a_region, 300)
{
	int ms = dies_in(_metadata, read_region, &self->a);

	TH_LOG("%d ms", ms);
	EXPECT_GT(1000, ms);
}

/*
 * "[...] the temporary end of stream that is reached when both initial_bytes and
 * dirty_byte are zero" (<linux/vfio.h>)
 */
static void *to_p2p(void *arg)
{
	mig_set(arg, PRE_COPY_P2P, NULL);
	return NULL;
}

TEST_F_TIMEOUT(streamed, enomsg_is_an_end, 60)
{
	struct vfio_precopy_info info;
	pthread_t thread;
	uint8_t buf[300];
	int fd, i;

	param("stop_ms", "300");
	ASSERT_EQ(0, go_to(&self->a, PRE_COPY, &fd));
	for (i = 0; i < 3; i++)
		ASSERT_LT(0, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, to_p2p, &self->a));
	usleep(100000);
	for (i = 0; i < 10000; i++) {
		ssize_t n = read(fd, buf, sizeof(buf));
		int err = errno;

		if (n > 0)
			continue;
		EXPECT_EQ(ENOMSG, err);
		ASSERT_EQ(0, mig_precopy_info(fd, &info));
		EXPECT_EQ(0, info.initial_bytes) {
			TH_LOG("read %d: ENOMSG with %llu initial and %llu dirty bytes to come",
			       i, info.initial_bytes, info.dirty_bytes);
		}
		break;
	}
	pthread_join(thread, NULL);
	close(fd);
}

#define VECTORS	2048
#define WATCHES	4000
#define TURNS	50

/* Another one has an interrupt to raise: how long does it take him at most? */
struct other {
	struct vdev *v;
	atomic_bool stop;
	uint64_t most;
};

static void *raise_always(void *arg)
{
	struct other *o = arg;
	uint64_t start, ns;

	while (!o->stop) {
		start = now_ns();
		vdev_write(o->v, 0, 4, 0, 0);
		ns = now_ns() - start;
		if (ns > o->most)
			o->most = ns;
	}
	return NULL;
}

/* A user signals all vectors, which are one eventfd that many wait for. */
TEST_F_TIMEOUT(streamed, signalled_at_once, 200)
{
	int32_t event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), *fds;
	const struct rlimit limit = { 2 * WATCHES, 2 * WATCHES };
	int ep = epoll_create1(EPOLL_CLOEXEC), i;
	struct other other = { .v = &self->a };
	uint64_t start, one = 1, ns_one;
	pthread_t thread;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	vdev_close(&self->a);
	param("vectors", "2048");
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, VDEV_IOMMUFD));
	fds = malloc(VECTORS * sizeof(*fds));
	for (i = 0; i < VECTORS; i++)
		fds[i] = event;
	ASSERT_EQ(0, vdev_irq_eventfds(&self->a, VFIO_PCI_MSIX_IRQ_INDEX, 0,
				       VECTORS, fds));
	for (i = 0; i < WATCHES; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, dup(event), &e));
	}
	start = now_ns();
	ASSERT_EQ(8, write(event, &one, 8));
	ns_one = now_ns() - start;
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_always, &other));
	usleep(QUIET_MS * 1000);
	start = now_ns();
	ASSERT_EQ(0, vdev_irq_set(&self->a, VFIO_PCI_MSIX_IRQ_INDEX,
				  VFIO_IRQ_SET_DATA_NONE |
				  VFIO_IRQ_SET_ACTION_TRIGGER, 0, VECTORS,
				  NULL, 0));
	TH_LOG("all: %llu ms", (unsigned long long)(now_ns() - start) / 1000000);
	other.stop = true;
	pthread_join(thread, NULL);
	TH_LOG("one: %llu us, who raises one meanwhile: %llu us",
	       (unsigned long long)ns_one / 1000,
	       (unsigned long long)other.most / 1000);
	EXPECT_GT(TURNS * ns_one, other.most);
}

static int save_ret(struct vdev *v, struct buf *b)
{
	int fd = -1, ret;

	b->len = 0;
	ret = mig_set(v, PRE_COPY, &fd);
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

TEST_F_TIMEOUT(streamed, allocations_fail, 200)
{
	struct buf first = {};

	REQUIRE_FAIL_NTH();
	param("chunk_pages", "200");
	ASSERT_EQ(0, save_ret(&self->a, &first));
	FAIL_EACH(1, save_ret(&self->a, &self->stream),
		  ASSERT_TRUE(buf_equal(&first, &self->stream)));
	FAIL_EACH(1, load_ret(&self->b, &first), );
	buf_free(&first);
}

TEST_HARNESS_MAIN
