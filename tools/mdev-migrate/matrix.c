// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on a host are its devices, or if it has none what devices it could have;
 * each is judged, the worst counts.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "matrix.h"

static size_t add_reason(struct matrix *matrix, const char *text)
{
	bool is_new;
	size_t at = keys_find(&matrix->arena, &matrix->reason_keys, text, &is_new);

	if (is_new) {
		matrix->reasons = grow_array(matrix->reasons, at,
					     sizeof(*matrix->reasons));
		matrix->reasons[at] = arena_strdup(&matrix->arena, text);
	}
	return at;
}

/* The first that counts. It begins with the type that was the best, if that did not fit. */
static size_t reason_of(struct matrix *matrix, struct arena *scratch,
			const struct verdict *verdict)
{
	const struct type *type = verdict->target.type;
	const char *message;
	size_t i;

	for (i = 0; i < verdict->findings.nr; i++) {
		if (verdict->findings.array[i].result != verdict->result)
			continue;
		message = verdict->findings.array[i].message;
		if (verdict->result > COMPATIBLE && type)
			message = arena_printf(scratch, "%s: %s",
					       type_label(scratch, type), message);
		return add_reason(matrix, message);
	}
	return 0;
}

static struct judged judge_one(struct matrix *matrix, const struct source *source,
			       const struct host *host)
{
	struct arena scratch = { 0 };
	struct verdict verdict;
	struct judged judged;

	judge_host(&scratch, &verdict, source, host);
	judged.result = verdict.result;
	judged.reason = reason_of(matrix, &scratch, &verdict);
	arena_free(&scratch);
	return judged;
}

/* One item to all. To a kind counts the best of its hosts, and one as if it had room. */
static void judge_item(struct matrix *matrix, size_t item)
{
	size_t kinds = matrix->kind_keys.nr, variants = matrix->variant_keys.nr, i;
	struct judged *to_kind = matrix->to_kind + item * kinds;
	struct judged *to_variant = matrix->to_variant + item * variants;
	const struct source *source = &matrix->items[item];

	for (i = 0; i < kinds; i++)
		to_kind[i].result = INCOMPATIBLE + 1;
	for (i = 0; i < variants; i++) {
		struct judged *best = &to_kind[matrix->variants[i].kind];

		to_variant[i] = judge_one(matrix, source, &matrix->variants[i].host);
		if (to_variant[i].result < best->result)
			*best = to_variant[i];
	}
	for (i = 0; i < kinds; i++) {
		struct judged with_room =
			judge_one(matrix, source, &matrix->kinds[i].with_room);

		if (with_room.result < to_kind[i].result)
			to_kind[i] = with_room;
	}
}

void matrix_judge(struct matrix *matrix)
{
	size_t items, i;

	add_reason(matrix, "");
	matrix_group(matrix);
	items = matrix->item_keys.nr;
	matrix->to_kind = arena_array(&matrix->arena,
				      items * matrix->kind_keys.nr,
				      sizeof(*matrix->to_kind));
	matrix->to_variant = arena_array(&matrix->arena,
					 items * matrix->variant_keys.nr,
					 sizeof(*matrix->to_variant));
	progress_begin("matrix", items);
	for (i = 0; i < items; i++) {
		judge_item(matrix, i);
		progress_step(i);
	}
	progress_end();
}

static void add_judged(struct cell *cell, struct judged judged)
{
	cell->nr++;
	cell->fit += judged.result <= COMPATIBLE;
	if (cell->reason && judged.result <= cell->result)
		return;
	if (judged.result > cell->result)
		cell->result = judged.result;
	if (judged.result == cell->result)
		cell->reason = judged.reason;
}

/* A device that is no mdev cannot go to where it is. */
static bool has_described(const struct host *host)
{
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		if (host->devices[i].bus)
			return true;
	}
	return false;
}

/* What is on a host, to that host. */
static struct cell self_cell(struct matrix *matrix, size_t at)
{
	struct host *host = &matrix->fleet.hosts[at];
	struct cell cell = { 0 };
	struct source source;
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		source_from_device(&source, host, &host->devices[i]);
		add_judged(&cell, judge_one(matrix, &source, host));
	}
	return cell;
}

static struct judged judged_kind(const struct matrix *matrix, size_t item,
				 size_t kind)
{
	return matrix->to_kind[item * matrix->kind_keys.nr + kind];
}

static struct judged judged_variant(const struct matrix *matrix, size_t item,
				    size_t variant)
{
	return matrix->to_variant[item * matrix->variant_keys.nr + variant];
}

/* One host to one host, as it is now. */
struct cell matrix_cell(struct matrix *matrix, size_t from, size_t to)
{
	const struct row *row = &matrix->rows[matrix->row_of[from]];
	size_t variant = matrix->variant_of[to];
	size_t kind = matrix->variants[variant].kind, i;
	struct cell cell = { 0 };

	if (from == to && has_described(&matrix->fleet.hosts[from]))
		return self_cell(matrix, from);
	for (i = 0; i < row->nr_items; i++) {
		struct judged now = judged_variant(matrix, row->items[i], variant);

		add_judged(&cell, now);
		if (now.result == INCOMPATIBLE &&
		    judged_kind(matrix, row->items[i], kind).result <= COMPATIBLE)
			cell.full = 1;
	}
	return cell;
}

/* On the hosts of one variant: is there room for all that would fit? */
static enum result room_for(const struct matrix *matrix, const struct row *row,
			    size_t variant)
{
	size_t kind = matrix->variants[variant].kind, i;
	enum result worst = COMPATIBLE;

	for (i = 0; i < row->nr_items; i++) {
		struct judged now = judged_variant(matrix, row->items[i], variant);

		if (now.result > worst &&
		    judged_kind(matrix, row->items[i], kind).result <= COMPATIBLE)
			worst = now.result;
	}
	return worst;
}

/* What is on a host of the row, to one of the kind's. */
struct cell matrix_kind_cell(struct matrix *matrix, size_t at, size_t kind)
{
	const struct row *row = &matrix->rows[at];
	struct cell cell = { 0 };
	size_t i;

	if (row->nr == 1 && matrix->kinds[kind].nr == 1 &&
	    row->hosts[0] == matrix->kinds[kind].hosts[0] &&
	    has_described(&matrix->fleet.hosts[row->hosts[0]]))
		return self_cell(matrix, row->hosts[0]);
	for (i = 0; i < row->nr_items; i++)
		add_judged(&cell, judged_kind(matrix, row->items[i], kind));
	for (i = 0; i < matrix->variant_keys.nr; i++) {
		enum result room;

		if (matrix->variants[i].kind != kind)
			continue;
		room = room_for(matrix, row, i);
		if (room == INCOMPATIBLE)
			cell.full += matrix->variants[i].nr;
		else if (room == NOT_KNOWN)
			cell.unknown += matrix->variants[i].nr;
	}
	return cell;
}

/* Full is what no host of the kind has room for now; unknown if one of them may have. */
enum shown matrix_shown(const struct cell *cell, const struct kind *kind)
{
	static const enum shown of[] = {
		[IDENTICAL] = SHOWN_IDENTICAL,
		[COMPATIBLE] = SHOWN_COMPATIBLE,
		[NOT_KNOWN] = SHOWN_UNKNOWN,
		[INCOMPATIBLE] = SHOWN_INCOMPATIBLE,
	};

	if (!cell->nr)
		return SHOWN_NOTHING;
	if (cell->result <= COMPATIBLE && cell->full == kind->nr)
		return SHOWN_FULL;
	if (cell->result <= COMPATIBLE && cell->full + cell->unknown == kind->nr)
		return SHOWN_UNKNOWN;
	return of[cell->result];
}

static void leave(void *key)
{
	/* It is the arena's. */
}

void matrix_free(struct matrix *matrix)
{
	size_t i;

	for (i = 0; i < matrix->row_keys.nr; i++)
		free(matrix->rows[i].hosts);
	for (i = 0; i < matrix->kind_keys.nr; i++)
		free(matrix->kinds[i].hosts);
	tdestroy(matrix->item_keys.root, leave);
	tdestroy(matrix->row_keys.root, leave);
	tdestroy(matrix->kind_keys.root, leave);
	tdestroy(matrix->variant_keys.root, leave);
	tdestroy(matrix->reason_keys.root, leave);
	free(matrix->items);
	free(matrix->rows);
	free(matrix->kinds);
	free(matrix->variants);
	free(matrix->reasons);
	arena_free(&matrix->arena);
	fleet_free(&matrix->fleet);
}
