// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unmap ioctl of type1's that does not get out of the kernel: the page that it has its
 * argument in may not be written yet, which userfaultfd decides. Type1 might ask again
 * what was unpinned already, so that nobody of its caller's pins anything. It is nobody
 * else's trouble.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "card.h"

#define PAGE		4096UL
#define OTHER		(64 * MIB)
#define NOBODY		65534
/* Long enough for a ring to be mapped and a packet to be sent, if that may be. */
#define WHILE_MS	500

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

/**
 * struct pending - an unmap that is held up on its way out
 * @v: in whose container
 * @arg: the argument, in a page of its own
 * @uffd: says when the page may be written
 * @thread: the caller
 * @ret: what it came to
 */
struct pending {
	struct vdev *v;
	struct vfio_iommu_type1_dma_unmap *arg;
	int uffd;
	pthread_t thread;
	int ret;
};

static int protect(struct pending *p, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)p->arg, PAGE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(p->uffd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

/* -ENOTTY if this kernel cannot do it. */
static int pending_init(struct pending *p, struct vdev *v)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };

	p->v = v;
	p->arg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->arg == MAP_FAILED)
		return -errno;
	*p->arg = (struct vfio_iommu_type1_dma_unmap) {
		.argsz = sizeof(*p->arg),
		.iova = OTHER,
		.size = PAGE,
	};
	reg.range.start = (uintptr_t)p->arg;
	reg.range.len = PAGE;
	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0 || ioctl(p->uffd, UFFDIO_API, &api) ||
	    ioctl(p->uffd, UFFDIO_REGISTER, &reg) || protect(p, true))
		return -ENOTTY;
	return 0;
}

static void *pending_thread(void *arg)
{
	struct pending *p = arg;

	p->ret = ioctl(p->v->iommu_fd, VFIO_IOMMU_UNMAP_DMA, p->arg) ?
		 -errno : 0;
	return NULL;
}

/* The page behind @mem is used by the card and then unmapped, which does not end. */
static void begin(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self,
		  struct pending *p)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	struct guest_mem other;
	struct uffd_msg msg;
	uint8_t frame[500];
	unsigned int i;

	ASSERT_EQ(0, guest_mem_init(&other, OTHER, PAGE));
	ASSERT_EQ(0, vdev_map(&self->v, &other));
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	for (i = 1; i < vq->num; i += 2)
		vq->desc[i].addr = OTHER;
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	ASSERT_TRUE(wait_used_index(vq, 1));
	ASSERT_EQ(0, pthread_create(&p->thread, NULL, pending_thread, p));
	ASSERT_LT(0, wait_readable(p->uffd, DEADLINE_MS));
	ASSERT_EQ(sizeof(msg), read(p->uffd, &msg, sizeof(msg)));
}

static void end(struct __test_metadata *_metadata, struct pending *p)
{
	ASSERT_EQ(0, protect(p, false));
	ASSERT_EQ(0, pthread_join(p->thread, NULL));
	EXPECT_EQ(0, p->ret);
	EXPECT_EQ(PAGE, p->arg->size);
	munmap(p->arg, PAGE);
	close(p->uffd);
}

/* Rings of its own, for which memory has to be pinned. */
static int restart(struct vdev *v, struct vnic *nic, struct guest_mem *mem)
{
	int ret = vdev_reset(v);

	vnic_down(nic);
	mem->used = 0;
	return ret ? ret : vnic_up(nic, v, mem, RING, 0);
}

/* Does the card take a packet from its ring? */
static bool sends(struct vnic *nic, int ms)
{
	uint8_t frame[100], mac[ETH_ALEN];

	vnic_mac(nic, mac);
	frame_make(frame, sizeof(frame), mac, 1);
	return !vnic_send(nic, frame, sizeof(frame)) && !vnic_sent(nic, ms);
}

#define REQUIRE_PENDING(p)						\
	do {								\
		if (pending_init(p, &self->v))				\
			SKIP(return, "this kernel's userfaultfd protects from no writes"); \
	} while (0)

/* The caller's own cards wait: the one that was asked, and one that joins. */
TEST_F(card, own_cards)
{
	struct pending p;
	struct guest_mem mem;
	struct vnic nic = { 0 };
	struct vdev b;

	REQUIRE_PENDING(&p);
	begin(_metadata, self, &p);
	ASSERT_EQ(0, restart(&self->v, &self->nic, &self->mem));
	EXPECT_FALSE(sends(&self->nic, WHILE_MS));

	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_B));
	ASSERT_EQ(0, vdev_join(&b, MDEV_UUID_B, &self->v));
	ASSERT_EQ(0, guest_mem_init(&mem, 128 * MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&b, &mem));
	ASSERT_EQ(0, restart(&b, &nic, &mem));
	EXPECT_FALSE(sends(&nic, WHILE_MS));

	end(_metadata, &p);
	EXPECT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(0, vnic_sent(&nic, DEADLINE_MS));
	EXPECT_TRUE(sends(&self->nic, DEADLINE_MS));
	EXPECT_TRUE(sends(&nic, DEADLINE_MS));
	vnic_down(&nic);
	close_remove(&b);
}

/* In a process of its own: somebody else opens the card. */
static int somebody_else(const char *uuid)
{
	struct guest_mem mem;
	struct vnic nic = { 0 };
	struct vdev v;
	int ret;

	if (setresuid(NOBODY, NOBODY, NOBODY))
		return -errno;
	ret = vdev_open(&v, uuid, VDEV_GROUP);
	if (!ret)
		ret = guest_mem_init(&mem, MIB, 2 * MIB);
	if (!ret)
		ret = vdev_map(&v, &mem);
	if (!ret)
		ret = restart(&v, &nic, &mem);
	return ret ? ret : sends(&nic, DEADLINE_MS) ? 0 : -ETIMEDOUT;
}

/* Whoever has the card next, or another one, does not wait. */
TEST_F(card, others)
{
	static const char *const uuids[] = { MDEV_UUID_A, MDEV_UUID_B };
	struct pending p;
	struct vdev gone;
	unsigned int i;
	int status;
	pid_t pid;

	REQUIRE_PENDING(&p);
	begin(_metadata, self, &p);
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_B));
	/* The caller keeps the container. */
	gone = self->v;
	vnic_down(&self->nic);
	close(gone.fd);
	close(gone.group_fd);
	for (i = 0; i < ARRAY_SIZE(uuids); i++) {
		ASSERT_EQ(0, vdev_give(uuids[i], VDEV_GROUP, NOBODY));
		fflush(stdout);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(-somebody_else(uuids[i]));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("%s: %s", uuids[i],
			       strerror(WEXITSTATUS(status)));
		}
	}
	end(_metadata, &p);
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_B));
	self->v.fd = -1;
	self->v.group_fd = -1;
}

TEST_HARNESS_MAIN
