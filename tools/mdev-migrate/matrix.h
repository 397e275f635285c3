/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All against all. A fleet has more hosts than kinds of hosts, so what is the same is
 * judged once and shown once: hosts with the same on them are a row, hosts that offer
 * the same are a kind, which is a column.
 */
#ifndef MDEV_MIGRATE_MATRIX_H
#define MDEV_MIGRATE_MATRIX_H

#include "fleet.h"

/**
 * struct keys - texts, each once
 * @root: tsearch()'s
 * @nr: how many
 */
struct keys {
	void *root;
	size_t nr;
};

/**
 * struct judged - one device to one host
 * @result: the verdict
 * @reason: its first reason, one of @matrix->reasons, or 0 for none
 */
struct judged {
	enum result result;
	size_t reason;
};

/**
 * struct row - hosts with the same on them: what devices are, or what they could be
 * @hosts: which
 * @nr: how many
 * @items: what is on them
 * @nr_items: how many
 */
struct row {
	size_t *hosts;
	size_t nr;
	size_t *items;
	size_t nr_items;
};

/**
 * struct kind - hosts that offer the same, whether or not there is room
 * @hosts: which
 * @nr: how many
 * @parents_differ: their types' parents have other names
 * @with_room: one of them, as if there were room
 */
struct kind {
	size_t *hosts;
	size_t nr;
	bool parents_differ;
	struct host with_room;
};

/**
 * struct variant - hosts of a kind where there is room for the same
 * @kind: which
 * @nr: how many hosts
 * @host: one of them
 */
struct variant {
	size_t kind;
	size_t nr;
	struct host host;
};

/**
 * struct cell - all that is on one host, to another, or to all of a kind
 * @result: of the one that fits worst; to a kind, as if there were room
 * @fit: how many of them fit
 * @nr: how many there are, 0 if there is nothing to move
 * @reason: why the worst does not fit, one of @matrix->reasons, or 0
 * @full: on how many of the hosts one that would fit has no room
 * @unknown: on how many it is not known whether it has
 */
struct cell {
	enum result result;
	size_t fit;
	size_t nr;
	size_t reason;
	size_t full;
	size_t unknown;
};

/**
 * struct matrix - all against all
 * @arena: holds what is not said to be elsewhere
 * @fleet: the hosts
 * @keys: of what is below, in this order
 * @items: devices, or types of hosts without any; each once
 * @rows: see there
 * @kinds: see there
 * @variants: see there
 * @reasons: sentences; 0 is none
 * @row_of: by host
 * @variant_of: by host
 * @to_variant: by item and variant
 * @to_kind: by item and kind, the best of its hosts, and as if there were room
 */
struct matrix {
	struct arena arena;
	struct fleet fleet;
	struct keys item_keys;
	struct keys row_keys;
	struct keys kind_keys;
	struct keys variant_keys;
	struct keys reason_keys;
	struct source *items;
	struct row *rows;
	struct kind *kinds;
	struct variant *variants;
	const char **reasons;
	size_t *row_of;
	size_t *variant_of;
	struct judged *to_variant;
	struct judged *to_kind;
};

/* matrix_groups.c */
size_t keys_find(struct arena *arena, struct keys *keys, const char *key,
		 bool *is_new);
void matrix_group(struct matrix *matrix);

/* matrix.c */
void matrix_judge(struct matrix *matrix);
void matrix_free(struct matrix *matrix);
struct cell matrix_cell(struct matrix *matrix, size_t from, size_t to);
struct cell matrix_kind_cell(struct matrix *matrix, size_t row, size_t kind);

/* What a cell of a row and a kind is shown as. */
enum shown {
	SHOWN_IDENTICAL,
	SHOWN_COMPATIBLE,
	SHOWN_FULL,
	SHOWN_UNKNOWN,
	SHOWN_INCOMPATIBLE,
	SHOWN_NOTHING,
};

enum shown matrix_shown(const struct cell *cell, const struct kind *kind);

/* matrix_html.c */
int matrix_html(struct matrix *matrix, FILE *out, const char *name);

#endif /* MDEV_MIGRATE_MATRIX_H */
