/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEV_MIGRATE_MATRIX_H
#define MDEV_MIGRATE_MATRIX_H

#include "fleet.h"

/**
 * struct cell - all that is on one host, to another
 * @result: of the one that fits worst
 * @fit: how many of them fit
 * @nr: how many there are, 0 if there is nothing to move
 * @reason: why the worst does not fit, or NULL
 */
struct cell {
	enum result result;
	size_t fit;
	size_t nr;
	const char *reason;
};

/**
 * struct matrix - all against all
 * @arena: holds the cells and what they say
 * @fleet: the hosts
 * @cells: by source, then by destination
 */
struct matrix {
	struct arena arena;
	struct fleet fleet;
	struct cell *cells;
};

static inline const struct cell *matrix_cell(const struct matrix *matrix,
					     size_t from, size_t to)
{
	return &matrix->cells[from * matrix->fleet.nr + to];
}

/* matrix_html.c */
int matrix_html(const struct matrix *matrix, FILE *out, const char *name);

#endif /* MDEV_MIGRATE_MATRIX_H */
