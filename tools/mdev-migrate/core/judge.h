/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The judgement: can this device move there?
 *
 * It takes two descriptions, a struct source (the device that is to move) and a
 * struct host with what was chosen there, and gives a struct verdict: the answer in
 * a word, the reasons, and what has to be written. It reads nothing and prints
 * nothing; if the destination's kernel can be asked, the description has the
 * function that asks it.
 *
 *	judge()			a type or a device
 *	judge_any_parent()	a type of this name, below whichever parent
 *	judge_host()		the best that the host has
 */
#ifndef MDEV_MIGRATE_JUDGE_H
#define MDEV_MIGRATE_JUDGE_H

#include "host.h"

/* In the order of how good they are. */
enum result {
	IDENTICAL,
	COMPATIBLE,
	NOT_KNOWN,
	INCOMPATIBLE,
};

/**
 * struct finding - a reason
 * @result: what it makes of the verdict; COMPATIBLE is a value to be written
 * @code: stable, for programs
 * @parameter: name or NULL
 * @source: the source's value
 * @allowed: what the destination allows
 * @message: a sentence for people
 * @fix: what to do, NULL if nothing can be done there
 */
struct finding {
	enum result result;
	const char *code;
	const char *parameter;
	const char *source;
	const char *allowed;
	const char *message;
	const char *fix;
};

/**
 * struct findings - reasons
 * @nr: how many
 * @array: grows in the arena
 * @room: of @array
 * @worst: of them
 * @nr_writes: values to be written
 */
struct findings {
	size_t nr;
	size_t room;
	struct finding *array;
	enum result worst;
	size_t nr_writes;
};

/**
 * struct source - the device that is to move
 * @name: what to call it
 * @host: where it is, NULL if only its configuration is known
 * @device: the device, NULL if it is a type or less
 * @type: its type, or NULL
 * @other: it is this one, whose driver does not say what it is, or NULL
 * @config: what it is
 * @config_known: false: its driver does not say, @not_known does
 * @not_known: why not
 * @id: of several sources: those that are alike have the same, counted from 0
 */
struct source {
	const char *name;
	const struct host *host;
	const struct device *device;
	const struct type *type;
	const struct other *other;
	struct config config;
	bool config_known;
	const char *not_known;
	size_t id;
};

/**
 * struct target - where it is to go
 * @host: the host
 * @type: a device of this type is to be made
 * @device: or this one is to be used; then @type is its type, or NULL
 * @other: or this one, whose driver does not say what it is
 */
struct target {
	const struct host *host;
	const struct type *type;
	const struct device *device;
	const struct other *other;
};

/* What the destination's own kernel says. */
enum kernel_says {
	KERNEL_ELSEWHERE,	/* a snapshot has none */
	KERNEL_NOT_NEEDED,	/* its description says no, or not enough to ask */
	KERNEL_NOT_ASKED,	/* it is this one, but could not be asked */
	KERNEL_ACCEPTS,
	KERNEL_REFUSES,
};

/**
 * struct verdict - the answer
 * @result: in a word
 * @findings: why
 * @target: to where
 * @kernel: whether its kernel says so, or only its description
 * @kernel_why: of KERNEL_NOT_ASKED: why not
 */
struct verdict {
	enum result result;
	struct findings findings;
	struct target target;
	enum kernel_says kernel;
	const char *kernel_why;
};

const char *result_name(enum result result);
int result_status(enum result result);
const char *kernel_name(enum kernel_says says);
bool is_source(const struct source *source, const struct target *target);

void findings_add(struct arena *arena, struct findings *findings,
		  const struct finding *finding);
void judge_params(struct arena *arena, struct findings *findings,
		  const struct config *source, const struct params *params,
		  const struct config *now);
void judge_room(struct arena *arena, struct findings *findings,
		const struct type *type);
void judge_undescribed(struct arena *arena, struct findings *findings,
		       const struct source *source, const struct target *target);
void judge_type(struct arena *arena, struct findings *findings,
		const struct source *source, const struct type *type,
		const struct config *now);
void judge(struct arena *arena, struct verdict *verdict,
	   const struct source *source, const struct target *target);
void judge_any_parent(struct arena *arena, struct verdict *verdict,
		      const struct source *source, const struct host *host,
		      const char *type);
void judge_host(struct arena *arena, struct verdict *verdict,
		const struct source *source, const struct host *host);
bool verdict_better(const struct verdict *a, const struct verdict *b);

#endif /* MDEV_MIGRATE_JUDGE_H */
