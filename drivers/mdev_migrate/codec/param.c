// SPDX-License-Identifier: GPL-2.0-only
/* Parameters: what values they can have and how these are written. */
#include <linux/mdev_migrate/config.h>
#include "msg.h"
#include "param.h"

static const char * const bool_words[] = { "off", "on", NULL };

/* A string that fills up; it counts on when it is full, as snprintf() does. */
struct out {
	char *buf;
	size_t size;
	size_t len;
};

static void out_str(struct out *out, const char *text)
{
	for (; *text; text++, out->len++) {
		if (out->len + 1 < out->size)
			out->buf[out->len] = *text;
	}
	if (out->size)
		out->buf[out->len < out->size ? out->len : out->size - 1] = 0;
}

static const char * const *param_words(const struct mdev_migrate_param *param)
{
	return param->type == MDEV_MIGRATE_BOOL ? bool_words : param->words;
}

/**
 * mdm_param_writes - can a value be written as text?
 * @param: whose value; one of words has some
 * @value: the value
 *
 * Return: whether; one of words has a word for it then, and for each below.
 */
bool mdm_param_writes(const struct mdev_migrate_param *param, __u64 value)
{
	const char * const *words = param_words(param);
	__u64 nr = 0;

	if (!words)
		return true;
	while (words[nr])
		nr++;
	return value < nr;
}

/**
 * mdev_migrate_param_allows - can this implementation be this value?
 * @param: the parameter
 * @value: the value
 *
 * Return: whether.
 */
bool mdev_migrate_param_allows(const struct mdev_migrate_param *param,
			       __u64 value)
{
	unsigned int i;

	for (i = 0; i < param->nr_allowed; i++) {
		if (value >= param->allowed[i].first &&
		    value <= param->allowed[i].last)
			return true;
	}
	return false;
}

/**
 * mdev_migrate_param_find - find a parameter by name
 * @model: whose
 * @name: the name, not terminated
 * @len: its length
 *
 * Return: the parameter's index in the model, or -ENOENT.
 */
int mdev_migrate_param_find(const struct mdev_migrate_model *model,
			    const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < model->nr_params; i++) {
		const char *have = model->params[i].name;

		if (strlen(have) == len && !memcmp(have, name, len))
			return i;
	}
	return -ENOENT;
}

/**
 * mdev_migrate_param_format - write a value as text
 * @param: whose value
 * @value: the value
 * @buf: where to
 * @size: room there; a value fits in MDEV_MIGRATE_VALUE_SIZE
 *
 * Return: the text's length, as snprintf().
 */
int mdev_migrate_param_format(const struct mdev_migrate_param *param,
			      __u64 value, char *buf, size_t size)
{
	const char * const *words = param_words(param);
	__u64 i;

	if (!words)
		return snprintf(buf, size, "%llu", (unsigned long long)value);
	for (i = 0; words[i]; i++) {
		if (i == value)
			return snprintf(buf, size, "%s", words[i]);
	}
	return snprintf(buf, size, "?");
}

static void out_range(struct out *out, const struct mdev_migrate_range *range)
{
	char text[2 * MDEV_MIGRATE_VALUE_SIZE];

	if (range->first == range->last)
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)range->first);
	else
		snprintf(text, sizeof(text), "%llu-%llu",
			 (unsigned long long)range->first,
			 (unsigned long long)range->last);
	if (out->len)
		out_str(out, " ");
	out_str(out, text);
}

/**
 * mdev_migrate_param_format_allowed - write the allowed values as text
 * @param: the parameter
 * @buf: where to
 * @size: room there
 *
 * Such as ``on off``, ``0-64``, ``0 68-65535``.
 *
 * Return: the text's length, as snprintf().
 */
int mdev_migrate_param_format_allowed(const struct mdev_migrate_param *param,
				      char *buf, size_t size)
{
	const char * const *words = param_words(param);
	struct out out = { buf, size, 0 };
	unsigned int i, nr = 0;

	if (size)
		buf[0] = 0;
	if (!words) {
		for (i = 0; i < param->nr_allowed; i++)
			out_range(&out, &param->allowed[i]);
		return out.len;
	}
	while (words[nr])
		nr++;
	for (i = 0; i < nr; i++) {
		/* "on off" reads better than "off on". */
		unsigned int value = words == bool_words ? nr - 1 - i : i;

		if (!mdev_migrate_param_allows(param, value))
			continue;
		if (out.len)
			out_str(&out, " ");
		out_str(&out, words[value]);
	}
	return out.len;
}

static int parse_uint(const char *text, size_t len, __u64 *value)
{
	__u64 v = 0;
	size_t i;

	if (!len || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
	}
	for (i = 0; i < len; i++) {
		unsigned int digit = text[i] - '0';

		if (v > (~0ULL - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	*value = v;
	return 0;
}

static int parse_word(const struct mdev_migrate_param *param, const char *text,
		      size_t len, __u64 *value)
{
	const char * const *words = param_words(param);
	unsigned int i;

	for (i = 0; words[i]; i++) {
		if (strlen(words[i]) == len && !memcmp(words[i], text, len)) {
			*value = i;
			return 0;
		}
	}
	/* A word that a newer implementation may know; on and off are all. */
	return param->type == MDEV_MIGRATE_BOOL || !len ? -EINVAL : -ERANGE;
}

static const char *type_expects(const struct mdev_migrate_param *param)
{
	switch (param->type) {
	case MDEV_MIGRATE_BOOL:
		return "on or off";
	case MDEV_MIGRATE_UINT:
		return "an unsigned decimal number";
	default:
		return "a word";
	}
}

/**
 * mdm_param_parse - read a value; the sentence says whose it is
 * @param: whose value
 * @subject: what comes between name and value, such as "the source has"
 * @text: the value, not terminated
 * @len: its length
 * @value: the result; untouched on error
 * @why: filled on error
 *
 * Return: as mdev_migrate_param_parse().
 */
int mdm_param_parse(const struct mdev_migrate_param *param, const char *subject,
		    const char *text, size_t len, __u64 *value,
		    struct mdev_migrate_msg *why)
{
	int shown = len < MDEV_MIGRATE_VALUE_SIZE ? len :
						    MDEV_MIGRATE_VALUE_SIZE;
	char allowed[96];
	__u64 v = 0;
	int ret;

	if (param->type == MDEV_MIGRATE_UINT)
		ret = parse_uint(text, len, &v);
	else
		ret = parse_word(param, text, len, &v);
	if (ret == -EINVAL)
		return mdm_say(why, ret, "%s: %s \"%.*s\", which is not %s",
			       param->name, subject, shown, text,
			       type_expects(param));
	if (!ret && mdev_migrate_param_allows(param, v)) {
		*value = v;
		return 0;
	}
	mdev_migrate_param_format_allowed(param, allowed, sizeof(allowed));
	return mdm_say(why, -ERANGE, "%s: %s %.*s, this device allows %s%s",
		       param->name, subject, shown, text, allowed,
		       strpbrk(allowed, " -") ? "" : " only");
}

/**
 * mdev_migrate_param_parse - read a value and see whether it is allowed
 * @param: whose value
 * @text: the value, not terminated
 * @len: its length
 * @value: the result; untouched on error
 * @why: filled on error
 *
 * Return: 0, -EINVAL if the text is no value of the parameter's type, -ERANGE
 * if the value is not allowed.
 */
int mdev_migrate_param_parse(const struct mdev_migrate_param *param,
			     const char *text, size_t len, __u64 *value,
			     struct mdev_migrate_msg *why)
{
	return mdm_param_parse(param, "asked for", text, len, value, why);
}
