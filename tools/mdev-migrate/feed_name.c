// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a value is called in an alphabet that has not all letters, so that no two are
 * called the same: the model by the last part of its URI, for people, and the first 8
 * digits of the XXH64 of all of it; whatever does not go into the alphabet as it is, or
 * is too long, likewise.
 */
#include <ctype.h>
#include <string.h>

#include "../../drivers/mdev_migrate/codec/xxh64.h"
#include "feed.h"

/**
 * struct naming - an alphabet and its rules
 * @prefix: what each name begins with
 * @hash: between what a model is called and its digits
 * @part: between model, parameter and value
 * @stream: between model and the state stream's version
 * @dash: what becomes of a dash; what else is no letter or digit becomes one
 * @is_upper: letters are capital
 * @max: characters, with the prefix
 */
struct naming {
	const char *prefix;
	const char *hash;
	const char *part;
	const char *stream;
	char dash;
	bool is_upper;
	size_t max;
};

/* OpenStack's: A-Z, 0-9 and _; at most 255 characters. */
const struct naming nova_naming = {
	.prefix = "CUSTOM_MDEV_", .hash = "_", .part = "__",
	.stream = "_STREAM_", .dash = '_', .is_upper = true, .max = 255,
};

#define NFD_PREFIX	"mdev-migrate.org/"

/* Kubernetes' for a label's name: letters and digits at the ends, at most 63. */
const struct naming nfd_naming = {
	.prefix = NFD_PREFIX, .hash = "-", .part = ".",
	.stream = "_stream.", .dash = '-', .max = sizeof(NFD_PREFIX) - 1 + 63,
};

/* NULL is none. Between two there is what neither has in it. */
static void put_digits(struct text *text, const char *model, const char *param,
		       const char *value)
{
	const char * const parts[] = { model, param, value };
	struct mdm_xxh64 hash;
	size_t i;

	mdm_xxh64_init(&hash);
	for (i = 0; i < 3 && parts[i]; i++) {
		if (i)
			mdm_xxh64_update(&hash, "", 1);
		mdm_xxh64_update(&hash, parts[i], strlen(parts[i]));
	}
	text_printf(text, "%08x", (unsigned int)(mdm_xxh64_digest(&hash) >> 32));
}

/* Small letters, digits, and single dashes between them: nothing is lost of it. */
static bool goes_in(const char *word)
{
	const char *p;

	for (p = word; *p; p++) {
		bool is_inner = p > word && p[1] && p[-1] != '-';

		if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') &&
		    !(*p == '-' && is_inner))
			return false;
	}
	return p > word;
}

/* @word in the alphabet: no dash at an end, none beside another. */
static void put_word(struct text *text, const struct naming *naming,
		     const char *word)
{
	bool is_first = true, is_dash = false;

	for (; *word; word++) {
		char c = naming->is_upper ? toupper((unsigned char)*word) : *word;

		if (!isalnum((unsigned char)*word)) {
			is_dash = true;
			continue;
		}
		if (is_dash && !is_first)
			text_add(text, &naming->dash, 1);
		text_add(text, &c, 1);
		is_first = false;
		is_dash = false;
	}
	if (is_first)
		text_add(text, naming->is_upper ? "X" : "x", 1);
}

/* What is behind its last slash. */
static const char *short_name(const char *model)
{
	const char *slash = strrchr(model, '/');

	return slash && slash[1] ? slash + 1 : model;
}

static void capitals(const struct naming *naming, struct text *text, size_t from)
{
	for (; naming->is_upper && from < text->len; from++)
		text->data[from] = toupper((unsigned char)text->data[from]);
}

static void put_model(struct text *text, const struct naming *naming,
		      const char *model)
{
	size_t at;

	text_printf(text, "%s", naming->prefix);
	put_word(text, naming, short_name(model));
	/* Half of it for this. */
	if (text->len > strlen(naming->prefix) + 30) {
		text->len = strlen(naming->prefix) + 30;
		text->data[text->len] = '\0';
	}
	text_printf(text, "%s", naming->hash);
	at = text->len;
	put_digits(text, model, NULL, NULL);
	capitals(naming, text, at);
}

/* At the end of what is cut off so that they have room: digits for all of it. */
static void put_end(struct text *text, const struct naming *naming,
		    const char *model, const struct feed_value *value)
{
	size_t most = naming->max - strlen(naming->part) - 8, at;

	if (text->len > most) {
		text->len = most;
		text->data[most] = '\0';
	}
	text_printf(text, "%s", naming->part);
	at = text->len;
	put_digits(text, model, value->param, value->value);
	capitals(naming, text, at);
}

static char *take(struct arena *arena, struct text *text)
{
	char *name = arena_strndup(arena, text->data, text->len);

	text_free(text);
	return name;
}

char *feed_model_name(struct arena *arena, const struct naming *naming,
		      const char *model)
{
	struct text text = { 0 };

	put_model(&text, naming, model);
	return take(arena, &text);
}

static char *value_name(struct arena *arena, const struct naming *naming,
			const char *model, const struct feed_value *value)
{
	struct text text = { 0 };

	put_model(&text, naming, model);
	text_printf(&text, "%s", naming->part);
	put_word(&text, naming, value->param);
	text_printf(&text, "%s", naming->part);
	put_word(&text, naming, value->value);
	if (text.len > naming->max || !goes_in(value->param) ||
	    !goes_in(value->value))
		put_end(&text, naming, model, value);
	return take(arena, &text);
}

/* The model's, its stream's and its values': how many. */
size_t feed_names(struct arena *arena, const struct naming *naming,
		  const struct feed_model *model, const char ***names)
{
	const char **array = arena_array(arena, model->nr + 2, sizeof(*array));
	size_t nr = 0, i;

	*names = array;
	array[nr++] = feed_model_name(arena, naming, model->model);
	if (model->stream != UNKNOWN)
		array[nr++] = arena_printf(arena, "%s%s%lld", array[0],
					   naming->stream, model->stream);
	for (i = 0; i < model->nr; i++)
		array[nr++] = value_name(arena, naming, model->model,
					 &model->values[i]);
	return nr;
}
