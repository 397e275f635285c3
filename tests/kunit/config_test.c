// SPDX-License-Identifier: GPL-2.0-only
/* Configurations: the rules of the seeds, case by case. */
#include <kunit/test.h>

#include "description/description.h"
#include "foo_model.h"

FOO_PARAMS(new_params, foo_on_off);
FOO_PARAMS(old_params, foo_off);
FOO_MODEL(new_model, new_params);
FOO_MODEL(old_model, old_params);

static void expect_config(struct kunit *test,
			  const struct mdev_migrate_config *config,
			  const char *expected)
{
	char buf[256];
	int len;

	len = mdev_migrate_config_format(config, buf, sizeof(buf));
	KUNIT_EXPECT_EQ(test, len, (int)strlen(expected));
	KUNIT_EXPECT_STREQ(test, buf, expected);
}

static void test_format(struct kunit *test)
{
	struct mdev_migrate_config config;
	char buf[256], small[16];
	size_t len;

	mdev_migrate_config_init(&config, &new_model, &foo_versions[0]);
	expect_config(test, &config, "model=" FOO_URI);
	mdev_migrate_config_init(&config, &new_model, &foo_versions[2]);
	expect_config(test, &config,
		      "model=" FOO_URI ",mode=safe,rss=on,rx-filter-size=64");
	KUNIT_EXPECT_EQ(test, mdev_migrate_config_format(&config, small,
							 sizeof(small)),
			-ENOSPC);
	len = strlen("model=" FOO_URI ",mode=safe,rss=on,rx-filter-size=64");
	KUNIT_EXPECT_EQ(test, mdev_migrate_config_format(&config, buf, len),
			-ENOSPC);
}

/* foo-3 with its additions turned off is foo-1. */
static void test_versions_are_names_only(struct kunit *test)
{
	struct mdev_migrate_config config;

	mdev_migrate_config_init(&config, &new_model, &foo_versions[2]);
	config.values[FOO_MODE] = 0;
	config.values[FOO_RSS] = 0;
	config.values[FOO_FILTER] = 0;
	expect_config(test, &config, "model=" FOO_URI);
	KUNIT_EXPECT_TRUE(test, mdev_migrate_version_offered(&new_model,
							     &foo_versions[2]));
	KUNIT_EXPECT_TRUE(test, mdev_migrate_version_offered(&old_model,
							     &foo_versions[1]));
	KUNIT_EXPECT_FALSE(test,
			   mdev_migrate_version_offered(&old_model,
							&foo_versions[2]));
}

#define HALF	"01234567890123456789012345678901"
#define LONG	"0123456789012345678901234567890101234567890123456789012345678901"

static const struct parse_case {
	const char *text;
	bool old;
	int ret;
	const char *says;
} parse_cases[] = {
	{ "model=" FOO_URI, false, 0, NULL },
	{ "model=" FOO_URI ",rss=on", false, 0, NULL },
	{ "model=" FOO_URI ",rss=off", true, 0, NULL },
	{ "model=" FOO_URI ",rx-filter-size=8,mode=fast", false, 0, NULL },
	{ "model=" FOO_URI ",rss=on", true, -ERANGE,
	  "rss: the source has on, this device allows off only" },
	{ "model=" FOO_URI ",rx-filter-size=7", false, -ERANGE,
	  "rx-filter-size: the source has 7, this device allows 0 8-64" },
	{ "model=" FOO_URI ",rx-filter-size=18446744073709551616", false,
	  -ERANGE, "rx-filter-size: the source has 18446744073709551616" },
	{ "model=" FOO_URI ",mode=newer", false, -ERANGE,
	  "mode: the source has newer, this device allows none fast safe" },
	{ "model=" FOO_URI ",speed=1", false, -ENOENT,
	  "speed: the source has it" },
	{ "model=https://example.org/devices/bar", false, -EXDEV,
	  "model: the source has https://example.org/devices/bar" },
	{ "model=https://example.org/devices/fo", false, -EXDEV, "model:" },
	{ "model=https://example.org/devices/fooo", false, -EXDEV, "model:" },
	{ "", false, -EINVAL, "begins with model=" },
	{ "rss=on", false, -EINVAL, "begins with model=" },
	{ "model=", false, -EINVAL, "begins with model=" },
	{ "model=" FOO_URI ",", false, -EINVAL, "is not <parameter>" },
	{ "model=" FOO_URI ",rss", false, -EINVAL, "is not <parameter>" },
	{ "model=" FOO_URI ",=on", false, -EINVAL, "is not <parameter>" },
	{ "model=" FOO_URI ",rss=", false, -EINVAL, "not on or off" },
	{ "model=" FOO_URI ",rss=yes", false, -EINVAL, "not on or off" },
	{ "model=" FOO_URI ",rss=on,rss=on", false, -EINVAL, "given twice" },
	{ "model=" FOO_URI ",rx-filter-size=", false, -EINVAL, "decimal" },
	{ "model=" FOO_URI ",rx-filter-size=-8", false, -EINVAL, "decimal" },
	{ "model=" FOO_URI ",rx-filter-size=0x8", false, -EINVAL, "decimal" },
	{ "model=" FOO_URI ",rx-filter-size=08", false, -EINVAL, "decimal" },
	{ "model=" FOO_URI ", rss=on", false, -EINVAL, "printable" },
	{ "model=" FOO_URI "\n", false, -EINVAL, "printable" },
	{ "model=" FOO_URI ",rss=\x7f", false, -EINVAL, "printable" },
	/* Of what is long the sentence has the beginning. */
	{ LONG LONG, false, -EINVAL, "\"" LONG "\"" },
	{ "model=" LONG LONG, false, -EXDEV,
	  "the source has " LONG HALF ", this" },
	{ "model=" FOO_URI "," LONG LONG, false, -EINVAL, "\"" LONG "\" is" },
	{ "model=" FOO_URI "," LONG "=1", false, -ENOENT,
	  HALF ": the source has it (" LONG ")" },
	{ "model=" FOO_URI ",mode=" LONG, false, -ERANGE,
	  "mode: the source has " HALF ", this" },
};

static void parse_case_name(const struct parse_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%.40s%s -> %d",
		 strlen(c->text) > 37 ? c->text + 37 : c->text,
		 c->old ? " (old)" : "", c->ret);
	strreplace(desc, '\n', ' ');
}

KUNIT_ARRAY_PARAM(parse, parse_cases, parse_case_name);

static void test_parse(struct kunit *test)
{
	const struct parse_case *c = test->param_value;
	const struct mdev_migrate_model *model = c->old ? &old_model :
							  &new_model;
	struct mdev_migrate_config config;
	struct mdev_migrate_msg why = {};
	int ret;

	ret = mdev_migrate_config_parse(&config, model, c->text,
					strlen(c->text), &why);
	KUNIT_EXPECT_EQ(test, ret, c->ret);
	if (c->says)
		KUNIT_EXPECT_PTR_NE_MSG(test, strstr(why.text, c->says), NULL,
					"said: %s", why.text);
	/* A sentence is not needed to refuse. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_config_parse(&config, model, c->text,
							strlen(c->text), NULL),
			c->ret);
}

/* What was formatted reads back as the same values, cut anywhere it does not. */
static void test_roundtrip(struct kunit *test)
{
	struct mdev_migrate_config config, back;
	char text[256];
	int len, i;

	mdev_migrate_config_init(&config, &new_model, &foo_versions[2]);
	len = mdev_migrate_config_format(&config, text, sizeof(text));
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_config_parse(&back, &new_model, text,
							len, NULL), 0);
	KUNIT_EXPECT_MEMEQ(test, back.values, config.values,
			   sizeof(config.values));
	for (i = 0; i < len; i++) {
		int ret = mdev_migrate_config_parse(&back, &new_model, text, i,
						    NULL);

		ret = ret ?: mdev_migrate_config_match(&config, &back, NULL);
		KUNIT_EXPECT_NE_MSG(test, ret, 0, "cut at %d", i);
	}
}

static void test_match(struct kunit *test)
{
	struct mdev_migrate_config device, stream;
	struct mdev_migrate_msg why = {};

	mdev_migrate_config_init(&device, &new_model, &foo_versions[1]);
	stream = device;
	KUNIT_EXPECT_EQ(test, mdev_migrate_config_match(&device, &stream, &why),
			0);
	stream.values[FOO_FILTER] = 64;
	KUNIT_EXPECT_EQ(test, mdev_migrate_config_match(&device, &stream, &why),
			-ERANGE);
	KUNIT_EXPECT_STREQ(test, why.text,
			   "rx-filter-size: the source has 64, this device has 32; write 64 to its migration/params/rx-filter-size while it is closed");
}

static void test_allowed(struct kunit *test)
{
	char buf[64], small[6];

	mdev_migrate_param_format_allowed(&new_params[FOO_RSS], buf,
					  sizeof(buf));
	KUNIT_EXPECT_STREQ(test, buf, "on off");
	mdev_migrate_param_format_allowed(&old_params[FOO_RSS], buf,
					  sizeof(buf));
	KUNIT_EXPECT_STREQ(test, buf, "off");
	mdev_migrate_param_format_allowed(&new_params[FOO_FILTER], buf,
					  sizeof(buf));
	KUNIT_EXPECT_STREQ(test, buf, "0 8-64");
	mdev_migrate_param_format_allowed(&new_params[FOO_MODE], buf,
					  sizeof(buf));
	KUNIT_EXPECT_STREQ(test, buf, "none fast safe");
	KUNIT_EXPECT_EQ(test,
			mdev_migrate_param_format_allowed(&new_params[FOO_MODE],
							  small, sizeof(small)),
			14);
	KUNIT_EXPECT_STREQ(test, small, "none ");
}

/* Into a buffer that is too small, too. */
static void test_value(struct kunit *test)
{
	static const struct mdev_migrate_range all[] = { { 0, ~0ULL } };
	struct mdev_migrate_param any = new_params[FOO_FILTER];
	char buf[MDEV_MIGRATE_VALUE_SIZE];

	any.allowed = all;
	any.nr_allowed = 1;
	KUNIT_EXPECT_EQ(test, mdev_migrate_param_format(&any, ~0ULL, buf,
							sizeof(buf)), 20);
	KUNIT_EXPECT_STREQ(test, buf, "18446744073709551615");
	KUNIT_EXPECT_EQ(test, mdev_migrate_param_format(&new_params[FOO_MODE],
							1, buf, sizeof(buf)),
			4);
	KUNIT_EXPECT_STREQ(test, buf, "fast");
	/* There is no such word. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_param_format(&new_params[FOO_MODE],
							3, buf, sizeof(buf)),
			1);
	KUNIT_EXPECT_STREQ(test, buf, "?");
	KUNIT_EXPECT_EQ(test, mdev_migrate_param_format_allowed(&any, NULL, 0),
			22);
	KUNIT_EXPECT_EQ(test,
			mdev_migrate_param_format_allowed(&new_params[FOO_MODE],
							  NULL, 0), 14);
}

/* One parameter of the model is not in order, or the model itself. */
static void no_comma(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params)
{
	model->uri = "has,comma";
}

static void no_space(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params)
{
	model->uri = "has space";
}

static void no_uri(struct mdev_migrate_model *model,
		   struct mdev_migrate_param *params)
{
	model->uri = "";
}

static void not_ascii(struct mdev_migrate_model *model,
		      struct mdev_migrate_param *params)
{
	model->uri = "https://\x7f";
}

static void unsorted(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params)
{
	swap(params[0], params[1]);
}

static void twice(struct mdev_migrate_model *model,
		  struct mdev_migrate_param *params)
{
	params[1] = params[0];
}

static void too_many(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params)
{
	model->nr_params = MDEV_MIGRATE_MAX_PARAMS + 1;
}

static void off_not_allowed(struct mdev_migrate_model *model,
			    struct mdev_migrate_param *params)
{
	static const struct mdev_migrate_range range[] = { { 1, 2 } };

	params[FOO_FILTER].allowed = range;
	params[FOO_FILTER].nr_allowed = 1;
}

static void crossed(struct mdev_migrate_model *model,
		    struct mdev_migrate_param *params)
{
	static const struct mdev_migrate_range ranges[] = { { 0, 5 }, { 5, 6 } };

	params[FOO_FILTER].allowed = ranges;
	params[FOO_FILTER].nr_allowed = 2;
}

static void backward(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params)
{
	static const struct mdev_migrate_range ranges[] = { { 0, 0 }, { 6, 5 } };

	params[FOO_FILTER].allowed = ranges;
	params[FOO_FILTER].nr_allowed = 2;
}

static void upper_case(struct mdev_migrate_model *model,
		       struct mdev_migrate_param *params)
{
	params[FOO_RSS].name = "Rss";
}

static void underscore(struct mdev_migrate_model *model,
		       struct mdev_migrate_param *params)
{
	params[FOO_RSS].name = "r_s";
}

static void no_name(struct mdev_migrate_model *model,
		    struct mdev_migrate_param *params)
{
	params[FOO_RSS].name = "";
}

static void long_name(struct mdev_migrate_model *model,
		      struct mdev_migrate_param *params)
{
	params[FOO_RSS].name = "r" HALF;
}

static void words_of_a_number(struct mdev_migrate_model *model,
			      struct mdev_migrate_param *params)
{
	params[FOO_FILTER].words = foo_modes;
}

static void no_words(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params)
{
	params[FOO_MODE].words = NULL;
}

static void word_too_few(struct mdev_migrate_model *model,
			 struct mdev_migrate_param *params)
{
	static const struct mdev_migrate_range range[] = { { 0, 3 } };

	params[FOO_MODE].allowed = range;
}

static void more_than_on(struct mdev_migrate_model *model,
			 struct mdev_migrate_param *params)
{
	static const struct mdev_migrate_range range[] = { { 0, 2 } };

	params[FOO_RSS].allowed = range;
}

static void version_name(struct mdev_migrate_model *model,
			 struct mdev_migrate_param *params)
{
	static const struct mdev_migrate_version versions[] = {
		{ "v1", "good", foo_v1 }, { "v 2", "bad", foo_v2 },
	};

	model->versions = versions;
	model->nr_versions = ARRAY_SIZE(versions);
}

static const struct fault_case {
	const char *name;
	void (*make)(struct mdev_migrate_model *model,
		     struct mdev_migrate_param *params);
	const char *why;
} fault_cases[] = {
	{ "comma", no_comma, "\"has,comma\" is not a model URI" },
	{ "space", no_space, "\"has space\" is not a model URI" },
	{ "no URI", no_uri, "\"\" is not a model URI" },
	{ "not ASCII", not_ascii, "is not a model URI" },
	{ "unsorted", unsorted, "mode: parameters are not sorted" },
	{ "twice", twice, "mode: parameters are not sorted" },
	{ "too many", too_many, "parameters, the most is" },
	{ "off is not allowed", off_not_allowed,
	  "rx-filter-size: the off value is not allowed" },
	{ "crossed", crossed, "allowed ranges are not ascending" },
	{ "backward", backward, "allowed ranges are not ascending" },
	{ "upper case", upper_case, "\"Rss\" is not a parameter name" },
	{ "underscore", underscore, "\"r_s\" is not a parameter name" },
	{ "no name", no_name, "\"\" is not a parameter name" },
	{ "long name", long_name, "is not a parameter name" },
	{ "words of a number", words_of_a_number,
	  "rx-filter-size: word parameters have words, and others do not" },
	{ "no words", no_words, "mode: word parameters have words, and others do not" },
	{ "a word too few", word_too_few,
	  "mode: there is no word for a value that is allowed" },
	{ "more than on", more_than_on,
	  "rss: there is no word for a value that is allowed" },
	{ "version's name", version_name, "\"v 2\" is not a version name" },
};

static void fault_case_name(const struct fault_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fault, fault_cases, fault_case_name);

static void test_model_check(struct kunit *test)
{
	const struct fault_case *c = test->param_value;
	struct mdev_migrate_param params[FOO_NR];
	struct mdev_migrate_model model = new_model;
	struct mdev_migrate_msg why = {};

	memcpy(params, new_params, sizeof(params));
	model.params = params;
	KUNIT_EXPECT_EQ(test, mdev_migrate_model_check(&model, &why), 0);
	KUNIT_EXPECT_STREQ(test, why.text, "");
	c->make(&model, params);
	KUNIT_EXPECT_EQ(test, mdev_migrate_model_check(&model, &why), -EINVAL);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(why.text, c->why), "%s",
				  why.text);
}

/* A device is described by a model that is in order, as a version that there can be. */
static void test_description(struct kunit *test)
{
	static const struct mdev_migrate_description_ops none;
	struct mdev_migrate_model bad = new_model;
	struct mdev_migrate_description *desc;
	struct device *dev;

	desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);
	dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, desc);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->init_name = "described";
	bad.uri = "";
	KUNIT_EXPECT_EQ(test, mdev_migrate_description_init(desc, dev, &bad,
							    &foo_versions[0],
							    &none), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_description_init(desc, dev,
							    &old_model,
							    &foo_versions[2],
							    &none), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_description_init(desc, dev,
							    &new_model,
							    &foo_versions[2],
							    &none), 0);
	expect_config(test, &desc->config,
		      "model=" FOO_URI ",mode=safe,rss=on,rx-filter-size=64");
	mdev_migrate_description_destroy(desc);
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE(test_format),
	KUNIT_CASE(test_versions_are_names_only),
	KUNIT_CASE_PARAM(test_parse, parse_gen_params),
	KUNIT_CASE(test_roundtrip),
	KUNIT_CASE(test_match),
	KUNIT_CASE(test_allowed),
	KUNIT_CASE(test_value),
	KUNIT_CASE(test_description),
	KUNIT_CASE_PARAM(test_model_check, fault_gen_params),
	{}
};

static struct kunit_suite config_suite = {
	.name = "mdev_migrate_config",
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);
