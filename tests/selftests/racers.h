/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Those who use one card at once in races_device: each is a process of its own, with
 * random numbers of its own, and does one kind of thing until its time is over.
 */
#ifndef TESTS_SELFTESTS_RACERS_H
#define TESTS_SELFTESTS_RACERS_H

#include "fuzz.h"

#define RACERS_TYPE	"virtio_net-v3"

/**
 * struct racer - what a process works on
 * @f: the card, as it was when the process was forked
 * @ioas: address spaces with the guest's memory, through iommufd
 * @wild: the guest's driver does anything at all
 * @failure: what happened that must not, or NULL
 */
struct racer {
	struct fuzz f;
	uint32_t ioas[2];
	bool wild;
	const char *failure;
};

/**
 * struct racer_kind - a kind of racer
 * @name: for messages
 * @step: what it does again and again
 * @pause_us: at most so long between two steps
 * @always: in all rounds, and never slow
 * @iommufd: only where the device is open through iommufd
 */
struct racer_kind {
	const char *name;
	void (*step)(struct racer *r);
	unsigned int pause_us;
	bool always;
	bool iommufd;
};

/* racers_others.c */
void race_slow_pages(struct racer *r);
void race_joins(struct racer *r);
void race_strangers(struct racer *r);
void race_commands(struct racer *r);
void race_reports(struct racer *r);
void racers_clean(void);

extern const struct racer_kind racer_kinds[];
extern const unsigned int nr_racer_kinds;

#endif /* TESTS_SELFTESTS_RACERS_H */
