/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several devices at once: where can they all go, so that there is room for all?
 *
 * The types below one parent share what that has. Of a type of which N more devices
 * can be made, one takes at most an Nth of it, and more than an N+1st. A device whose
 * values are those of one of the parent's types takes what that type's take; another
 * is taken for as large as the largest of the types, where it has to fit for certain,
 * and for as small as the smallest, where it has to be certain that it does not.
 *
 *	sources_alike()		before the hosts are read
 *	place()			to these hosts, those of a group to one of them
 */
#ifndef MDEV_MIGRATE_PLACE_H
#define MDEV_MIGRATE_PLACE_H

#include "judge.h"

/**
 * struct way - what a device could become on a host
 * @host: the host
 * @target: there
 * @result: the verdict about that
 * @writes: how many values are to be written
 * @bin: the parent, or the device that is there, among all hosts'
 * @most: the part of it that this takes, if it is as large as it can be
 * @least: if it is as small
 */
struct way {
	size_t host;
	struct target target;
	enum result result;
	size_t writes;
	size_t bin;
	uint64_t most;
	uint64_t least;
};

/**
 * struct placed - a device, and the answer
 * @source: the device
 * @group: who goes to the same host has the same; in order, from 0
 * @way: where it goes, or NULL
 * @result: the verdict
 * @code: if it goes nowhere: why, for programs
 * @message: likewise, for people
 */
struct placed {
	const struct source *source;
	size_t group;
	const struct way *way;
	enum result result;
	const char *code;
	const char *message;
};

/**
 * struct place - devices, and the hosts that they may go to
 * @arena: memory
 * @hosts: not those where they are
 * @nr_hosts: how many
 * @placed: the devices, and then the answer
 * @nr: how many
 * @nr_ids: how many different sources there are
 * @result: the answer: COMPATIBLE or IDENTICAL, all fit; INCOMPATIBLE, it is certain that
 *	not all do; NOT_KNOWN
 * @nr_fit: how many have a place
 */
struct place {
	struct arena arena;
	const struct host *const *hosts;
	size_t nr_hosts;
	struct placed *placed;
	size_t nr;
	size_t nr_ids;
	enum result result;
	size_t nr_fit;
};

size_t sources_alike(struct source *sources, size_t nr);
void place(struct place *place);

/* ways.c */

/**
 * struct ways - what sources that are alike could become
 * @ways: by host; of one host the best first
 * @nr: how many
 * @from: by host, and one more: where in @ways its begin
 */
struct ways {
	struct way *ways;
	size_t nr;
	size_t *from;
};

/**
 * struct bins - what has room: a host's parents, and the devices that are there
 * @of: by host, and one more: where its bins begin
 * @most: by bin: its room, to be compared with the ways' @most
 * @least: likewise with their @least
 */
struct bins {
	size_t *of;
	uint64_t *most;
	uint64_t *least;
};

void bins_of_hosts(struct place *place, struct bins *bins);
void ways_of_source(struct place *place, const struct bins *bins,
		    const struct source *source, struct ways *ways);

#endif /* MDEV_MIGRATE_PLACE_H */
