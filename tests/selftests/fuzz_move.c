// SPDX-License-Identifier: GPL-2.0-only
/* Migration while the fuzzer is at work: any state, any data, there and back. */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

static void set_state(struct fuzz *f, unsigned int state)
{
	int fd = -1;

	if (mig_set(&f->p.a, state, &fd) || fd < 0)
		return;
	if (f->data_fd >= 0)
		close(f->data_fd);
	f->data_fd = fd;
}

/* Any state, RUNNING as often as all others. */
void fuzz_state(struct fuzz *f)
{
	unsigned int state = fuzz_below(f, NR_STATES + 1);

	set_state(f, fuzz_once_in(f, 2) ? RUNNING : state);
}

/* Reads from the data FD or writes to it, whichever it is for. */
void fuzz_data(struct fuzz *f)
{
	uint8_t data[512];
	size_t len = 1 + fuzz_below(f, sizeof(data));
	size_t at = fuzz_below(f, 4096);
	bool in = fuzz_once_in(f, 2);

	fuzz_bytes(f, data, 8);
	if (f->data_fd < 0)
		return;
	if (in && at + len <= f->stream.len)
		memcpy(data, f->stream.data + at, len);
	if (in ? write(f->data_fd, data, len) < 0 :
		 read(f->data_fd, data, len) < 0)
		mig_data_size(&f->p.a);
	if (fuzz_once_in(f, 8)) {
		close(f->data_fd);
		f->data_fd = -1;
	}
}

/*
 * One byte of the stream is another one. With the record's checksum put right,
 * the state itself is what must be refused, or lived with.
 */
static void spoil_stream(struct fuzz *f)
{
	uint32_t pick = fuzz_below(f, 8), byte = rng_next(&f->rng) >> 32;
	uint8_t value = fuzz_value(f);
	struct stream_rec rec;
	size_t at = 0;

	do {
		if (stream_next(&f->stream, &at, &rec) <= 0)
			return;
	} while (pick--);
	if (!rec.length)
		return;
	rec.payload[byte % rec.length] = value;
	if (byte & 1)
		stream_seal(&rec);
}

/*
 * The device that goes on takes its indices from the rings in guest memory:
 * where they are is the guest's choice, while no device looks.
 */
static void renumber(struct fuzz *f)
{
	uint16_t idx = fuzz_value(f);
	unsigned int q;

	for (q = 0; q < FUZZ_QUEUES; q++) {
		struct vq *vq = &f->vq[q];
		uint16_t ahead = vq->avail->idx - vq->used->idx;

		vq->used->idx = idx;
		vq->avail->idx = idx + (ahead & (vq->num - 1));
	}
}

static bool transfer(struct fuzz *f, struct vdev *from, struct vdev *to,
		     bool spoil)
{
	if (vdev_reset(to) || mig_save(from, &f->stream))
		return false;
	f->seen.saved++;
	if (spoil)
		spoil_stream(f);
	else
		renumber(f);
	if (mig_load(to, f->stream.data, f->stream.len,
		     fuzz_below(f, f->stream.len + 1))) {
		f->seen.refused++;
		return false;
	}
	f->seen.loaded++;
	return !mig_set(to, RUNNING, NULL);
}

/* To the other card, a little traffic there, and back. */
void fuzz_move(struct fuzz *f)
{
	uint64_t after = rng_next(&f->rng);
	struct vdev *a = &f->p.a, *b = &f->p.b;
	uint8_t frame[200];
	unsigned int i;

	if (transfer(f, a, b, fuzz_once_in(f, 3))) {
		vpci_init(&f->pci, b);
		for (i = 0; i < 8; i++) {
			fuzz_chain(f);
			fuzz_kick(f);
			frame_make(frame, sizeof(frame), f->mac, i);
			netif_send(f->other, frame, sizeof(frame));
		}
		transfer(f, b, a, false);
		vpci_init(&f->pci, a);
	}
	mig_set(a, RUNNING, NULL);
	/* How much was drawn depends on what the cards answered. */
	f->rng = after | 1;
}
