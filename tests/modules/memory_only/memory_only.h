/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device on the platform bus that uses guest memory in all ways that mdev_migrate has:
 * it copies, has a ring that stays mapped, and a DMA engine of its own for which pages
 * stay pinned. Its driver has vfio_device_ops of its own and uses nothing else of
 * mdev_migrate: for tests/selftests/test_memory_only.c, and to read.
 *
 *	main.c		the driver: platform device, VFIO device
 *	device.c	the registers, and what is done in the context of who writes them
 *	ring.c		the ring, which a worker looks at
 *	engine.c	the DMA engine, and the pages that it has
 */
#ifndef MEMORY_ONLY_H
#define MEMORY_ONLY_H

#include <linux/mdev_migrate/memory.h>
#include <linux/mutex.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* Registers of 8 bytes, in region 0. Writing to MO_COMMAND does it, before write() returns. */
enum mo_register {
	MO_COMMAND,
	MO_IOVA,
	MO_LEN,
	MO_VALUE,
	MO_SLOT,
	MO_RESULT,	/* 0 or a negative errno; read only, as are those below */
	MO_UNMAPS,	/* how often the engine was told to let go of pages */
	MO_ROUNDS,	/* how often it has gone round */
	MO_DONE,	/* entries of the ring that were done */
	MO_NR_REGISTERS
};

/* What MO_COMMAND does. */
enum mo_command {
	MO_READ = 1,	/* MO_VALUE: the sum of the bytes from MO_IOVA on */
	MO_WRITE,	/* bytes of MO_VALUE to there */
	MO_RING,	/* there is a ring, MO_LEN entries long */
	MO_NO_RING,
	MO_KICK,	/* look at the ring: MO_VALUE entries are there in all */
	MO_PIN,		/* MO_SLOT of the engine, from MO_IOVA on; MO_VALUE: it only reads */
	MO_UNPIN,
	MO_RUN,		/* the engine writes to the 8 bytes at MO_VALUE in MO_SLOT, */
	MO_HALT,	/* and does so no more */
	MO_SAVING,	/* MO_VALUE: is the device being saved? */
};

/* The longest copy. */
#define MO_COPY_MAX	SZ_64K
#define MO_NR_SLOTS	4

/**
 * struct mo_entry - an entry of the ring
 * @from: what to copy
 * @to: where to
 * @len: how much, at most MO_COPY_MAX
 * @status: 1 when it was done, 2 if it could not be
 */
struct mo_entry {
	__le64 from;
	__le64 to;
	__le32 len;
	__le32 status;
};

struct mo_device;

/**
 * struct mo_slot - pages of the engine's
 * @dev: the device
 * @pin: keeps them
 * @used: there is a pin; guarded by the device's command_lock
 * @running: the engine writes there; guarded by the engine's lock, as is @at
 * @at: where, in bytes from the beginning
 */
struct mo_slot {
	struct mo_device *dev;
	struct mdev_migrate_pin pin;
	bool used;
	bool running;
	u64 at;
};

/**
 * struct mo_engine - a DMA engine, as hardware could have
 * @lock: guards what it has
 * @slots: what it has
 * @work: a round
 * @rounds: how many there were
 * @unmaps: how often it was told to let go
 */
struct mo_engine {
	struct mutex lock; /* all below */
	struct mo_slot slots[MO_NR_SLOTS];
	struct delayed_work work;
	u64 rounds;
	u64 unmaps;
};

/**
 * struct mo_ring - the ring
 * @worker: looks at it
 * @look: its work
 * @reader: for the sections in which it does
 * @map: the ring's memory
 * @buf: what is copied
 * @mapped: there is one
 * @nr: entries that it has
 * @halted: the worker is to do nothing
 * @busy: it does something
 * @idle: waits for it
 * @done: entries that were done
 * @there: entries that there are
 */
struct mo_ring {
	struct mdev_migrate_worker *worker;
	struct kthread_delayed_work look;
	struct mdev_migrate_reader reader;
	struct mdev_migrate_map map;
	void *buf;
	bool mapped;
	unsigned int nr;
	bool halted;
	bool busy;
	wait_queue_head_t idle;
	u64 done;
	u64 there;
};

/**
 * struct mo_device - the device
 * @vdev: what the VFIO core sees
 * @memory: its guest memory
 * @command_lock: one command at a time. Held over page faults of the user's own: nobody
 *	takes it but his ioctls and accesses.
 * @regs: registers that are written
 * @ring: the ring
 * @engine: the engine
 */
struct mo_device {
	struct vfio_device vdev;
	struct mdev_migrate_memory *memory;
	struct mutex command_lock; /* commands, regs */
	u64 regs[MO_NR_REGISTERS];
	struct mo_ring ring;
	struct mo_engine engine;
};

/* device.c */
void mo_reset(struct mo_device *dev);
u64 mo_get(struct mo_device *dev, unsigned int reg);
void mo_set(struct mo_device *dev, unsigned int reg, u64 value);

/* ring.c */
int mo_ring_open(struct mo_device *dev);
void mo_ring_close(struct mo_device *dev);
int mo_ring_map(struct mo_device *dev, u64 iova, u64 nr);
void mo_ring_unmap(struct mo_device *dev);
int mo_ring_kick(struct mo_device *dev, u64 there);

/* engine.c */
void mo_engine_init(struct mo_device *dev);
int mo_engine_pin(struct mo_device *dev, u64 slot, u64 iova, u64 len,
		  bool readonly);
int mo_engine_unpin(struct mo_device *dev, u64 slot);
int mo_engine_run(struct mo_device *dev, u64 slot, u64 at, bool running);
void mo_engine_reset(struct mo_device *dev);

#endif /* MEMORY_ONLY_H */
