// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configurations: a model's URI and each parameter that is not off, as one
 * canonical string, and what it takes for two of them to fit.
 */
#include <linux/mdev_migrate/config.h>
#include "msg.h"
#include "param.h"

#define MODEL_KEY	"model="

static bool name_ok(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++) {
		char c = name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return i > 0 && i < MDEV_MIGRATE_VALUE_SIZE;
}

static int param_check(const struct mdev_migrate_param *param,
		       struct mdev_migrate_msg *why)
{
	bool is_word = param->type == MDEV_MIGRATE_WORD;
	unsigned int i;

	if (!name_ok(param->name))
		return mdm_say(why, -EINVAL, "\"%s\" is not a parameter name",
			       param->name);
	if (is_word != !!param->words)
		return mdm_say(why, -EINVAL, "%s: word parameters have words, and others do not",
			       param->name);
	for (i = 0; i < param->nr_allowed; i++) {
		if (param->allowed[i].first > param->allowed[i].last ||
		    (i && param->allowed[i].first <= param->allowed[i - 1].last))
			return mdm_say(why, -EINVAL,
				       "%s: allowed ranges are not ascending",
				       param->name);
		if (!mdm_param_writes(param, param->allowed[i].last))
			return mdm_say(why, -EINVAL,
				       "%s: there is no word for a value that is allowed",
				       param->name);
	}
	if (!mdev_migrate_param_allows(param, param->off))
		return mdm_say(why, -EINVAL,
			       "%s: the off value is not allowed", param->name);
	return 0;
}

static bool uri_ok(const char *uri)
{
	const char *c;

	for (c = uri; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == ',')
			return false;
	}
	return c != uri;
}

/**
 * mdev_migrate_model_check - is a model's description in order?
 * @model: the model
 * @why: filled on error
 *
 * Return: 0, or -EINVAL.
 */
int mdev_migrate_model_check(const struct mdev_migrate_model *model,
			     struct mdev_migrate_msg *why)
{
	unsigned int i;
	int ret;

	if (!uri_ok(model->uri))
		return mdm_say(why, -EINVAL, "\"%s\" is not a model URI",
			       model->uri);
	if (model->nr_params > MDEV_MIGRATE_MAX_PARAMS)
		return mdm_say(why, -EINVAL, "there are %u parameters, the most is %u",
			       model->nr_params, MDEV_MIGRATE_MAX_PARAMS);
	for (i = 0; i < model->nr_params; i++) {
		ret = param_check(&model->params[i], why);
		if (ret)
			return ret;
		if (i && strcmp(model->params[i - 1].name,
				model->params[i].name) >= 0)
			return mdm_say(why, -EINVAL,
				       "%s: parameters are not sorted",
				       model->params[i].name);
	}
	for (i = 0; i < model->nr_versions; i++) {
		if (!name_ok(model->versions[i].name))
			return mdm_say(why, -EINVAL, "\"%s\" is not a version name",
				       model->versions[i].name);
	}
	return 0;
}

/**
 * mdev_migrate_version_offered - can this implementation be this version?
 * @model: the model
 * @version: one of its versions
 *
 * Return: whether every one of the version's values is allowed.
 */
bool mdev_migrate_version_offered(const struct mdev_migrate_model *model,
				  const struct mdev_migrate_version *version)
{
	unsigned int i;

	for (i = 0; i < model->nr_params; i++) {
		if (!mdev_migrate_param_allows(&model->params[i],
					       version->values[i]))
			return false;
	}
	return true;
}

/**
 * mdev_migrate_config_init - a version's configuration
 * @config: the result
 * @model: the model
 * @version: one of its versions, or NULL for everything off
 */
void mdev_migrate_config_init(struct mdev_migrate_config *config,
			      const struct mdev_migrate_model *model,
			      const struct mdev_migrate_version *version)
{
	unsigned int i;

	memset(config, 0, sizeof(*config));
	config->model = model;
	for (i = 0; i < model->nr_params; i++)
		config->values[i] = version ? version->values[i] :
					      model->params[i].off;
}

/**
 * mdev_migrate_config_format - the canonical configuration string
 * @config: the configuration
 * @buf: where to
 * @size: room there
 *
 * ``model=<uri>`` and ``,<param>=<value>`` for each parameter that is not off,
 * sorted.
 *
 * Return: the string's length without its NUL, or -ENOSPC.
 */
int mdev_migrate_config_format(const struct mdev_migrate_config *config,
			       char *buf, size_t size)
{
	const struct mdev_migrate_model *model = config->model;
	char value[MDEV_MIGRATE_VALUE_SIZE];
	unsigned int i;
	size_t len;

	len = snprintf(buf, size, MODEL_KEY "%s", model->uri);
	for (i = 0; i < model->nr_params && len < size; i++) {
		if (config->values[i] == model->params[i].off)
			continue;
		mdev_migrate_param_format(&model->params[i], config->values[i],
					  value, sizeof(value));
		len += snprintf(buf + len, size - len, ",%s=%s",
				model->params[i].name, value);
	}
	return len < size ? (int)len : -ENOSPC;
}

/* The next item of a comma-separated list, [*pos, end of item). */
static size_t item_length(const char *text, size_t len)
{
	const char *comma = memchr(text, ',', len);

	return comma ? (size_t)(comma - text) : len;
}

static int parse_model(const struct mdev_migrate_model *model, const char *text,
		       size_t len, struct mdev_migrate_msg *why)
{
	const size_t key = sizeof(MODEL_KEY) - 1;

	if (len <= key || memcmp(text, MODEL_KEY, key))
		return mdm_say(why, -EINVAL,
			       "a configuration begins with model=<uri>, not \"%.*s\"",
			       len < 64 ? (int)len : 64, text);
	text += key;
	len -= key;
	if (strlen(model->uri) != len || memcmp(model->uri, text, len))
		return mdm_say(why, -EXDEV,
			       "model: the source has %.*s, this device has %s",
			       len < 96 ? (int)len : 96, text, model->uri);
	return 0;
}

static int parse_item(struct mdev_migrate_config *config, u32 *seen,
		      const char *text, size_t len,
		      struct mdev_migrate_msg *why)
{
	const struct mdev_migrate_model *model = config->model;
	const char *eq = memchr(text, '=', len);
	int shown = len < 64 ? len : 64;
	size_t name;
	int i;

	if (!eq || eq == text)
		return mdm_say(why, -EINVAL,
			       "\"%.*s\" is not <parameter>=<value>", shown,
			       text);
	name = eq - text;
	i = mdev_migrate_param_find(model, text, name);
	if (i < 0)
		return mdm_say(why, -ENOENT,
			       "%.*s: the source has it (%.*s), this device has no such parameter",
			       name < 32 ? (int)name : 32, text, shown, text);
	if (*seen & (1U << i))
		return mdm_say(why, -EINVAL, "%s: given twice",
			       model->params[i].name);
	*seen |= 1U << i;
	return mdm_param_parse(&model->params[i], "the source has", eq + 1,
			       len - name - 1, &config->values[i], why);
}

/**
 * mdev_migrate_config_parse - read a source's configuration string
 * @config: the result; unspecified on error
 * @model: this side's model
 * @text: the string, not terminated
 * @len: its length
 * @why: filled on error
 *
 * Parameters may come in any order; those left out are off.
 *
 * Return: 0, -EINVAL malformed, -EXDEV another model, -ENOENT unknown
 * parameter, -ERANGE value not allowed here.
 */
int mdev_migrate_config_parse(struct mdev_migrate_config *config,
			      const struct mdev_migrate_model *model,
			      const char *text, size_t len,
			      struct mdev_migrate_msg *why)
{
	size_t item, i;
	u32 seen = 0;
	int ret;

	for (i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return mdm_say(why, -EINVAL,
				       "byte %zu of the configuration is white space or not printable",
				       i);
	}
	item = item_length(text, len);
	ret = parse_model(model, text, item, why);
	if (ret)
		return ret;
	mdev_migrate_config_init(config, model, NULL);
	while (item < len) {
		text += item + 1;
		len -= item + 1;
		item = item_length(text, len);
		ret = parse_item(config, &seen, text, item, why);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * mdev_migrate_config_match - is a device configured as a stream says?
 * @device: the destination's configuration
 * @stream: the source's, as read by mdev_migrate_config_parse()
 * @why: filled on error
 *
 * Migration keeps the configuration: every value must be equal.
 *
 * Return: 0, or -ERANGE for the first parameter that differs.
 */
int mdev_migrate_config_match(const struct mdev_migrate_config *device,
			      const struct mdev_migrate_config *stream,
			      struct mdev_migrate_msg *why)
{
	const struct mdev_migrate_model *model = device->model;
	char theirs[MDEV_MIGRATE_VALUE_SIZE], ours[MDEV_MIGRATE_VALUE_SIZE];
	unsigned int i;

	for (i = 0; i < model->nr_params; i++) {
		const struct mdev_migrate_param *param = &model->params[i];

		if (device->values[i] == stream->values[i])
			continue;
		mdev_migrate_param_format(param, stream->values[i], theirs,
					  sizeof(theirs));
		mdev_migrate_param_format(param, device->values[i], ours,
					  sizeof(ours));
		return mdm_say(why, -ERANGE,
			       "%s: the source has %s, this device has %s; write %s to its migration/params/%s while it is closed",
			       param->name, theirs, ours, theirs, param->name);
	}
	return 0;
}
