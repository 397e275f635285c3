// SPDX-License-Identifier: GPL-2.0-only
/* Domains, as mdev-migrate-domain describe --json writes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"

static const struct member domain_members[] = {
	{ "name", offsetof(struct domain, name) },
	{ "uuid", offsetof(struct domain, uuid) },
	{ 0 },
};

static const struct member member_members[] = {
	{ "device", offsetof(struct member_device, name) },
	{ "config", offsetof(struct member_device, config) },
	{ "stream_version", offsetof(struct member_device, stream) },
	{ 0 },
};

static int bad(struct mdev_migrate_msg *why, const char *problem, const char *name)
{
	snprintf(why->text, sizeof(why->text), "%s%.80s", problem, name);
	return -EINVAL;
}

/* A device that is in two domains, or twice in one, makes no sense. */
static bool is_known(const struct domains *domains, const char *name)
{
	size_t i, j;

	for (i = 0; i < domains->nr; i++) {
		for (j = 0; j < domains->domains[i].nr; j++) {
			if (!strcasecmp(domains->domains[i].devices[j].name, name))
				return true;
		}
	}
	return false;
}

static int read_devices(struct domains *domains, struct domain *domain,
			const struct json *devices, struct mdev_migrate_msg *why)
{
	const struct json *value;
	int ret;

	if (!json_is(devices, JSON_ARRAY))
		return bad(why, "it has no array \"devices\"", "");
	domain->devices = arena_array(&domains->arena, devices->nr,
				      sizeof(*domain->devices));
	for (value = json_first(devices); value; value = value->next) {
		struct member_device device;

		ret = json_texts(&domains->arena, value, member_members, &device, why);
		if (ret)
			return ret;
		if (!device.name)
			return bad(why, "one of its devices has no \"device\"", "");
		if (is_known(domains, device.name))
			return bad(why, "a device is there twice: ", device.name);
		domain->devices[domain->nr++] = device;
	}
	return 0;
}

static int read_domain(struct domains *domains, const struct json *root,
		       struct mdev_migrate_msg *why)
{
	const struct json *value = json_get(root, "domain");
	const struct json *host = json_get(root, "host");
	struct domain *domain;
	int ret;

	ret = json_check_schema(root, why);
	if (ret)
		return ret;
	if (!value)
		return bad(why,
			   "it has no \"domain\", and so is not what mdev-migrate-domain describe --json writes",
			   "");
	domains->domains = grow_array(domains->domains, domains->nr, sizeof(*domain));
	domain = &domains->domains[domains->nr++];
	memset(domain, 0, sizeof(*domain));
	ret = json_texts(&domains->arena, value, domain_members, domain, why);
	if (!ret && !domain->name)
		return bad(why, "its \"domain\" has no \"name\"", "");
	if (!ret && host)
		ret = json_texts(&domains->arena, host, host_members, &domain->host, why);
	return ret ? ret : read_devices(domains, domain, json_get(root, "devices"), why);
}

static int take_domain(void *context, struct doc *doc)
{
	struct mdev_migrate_msg why;

	if (!read_domain(context, doc->root, &why))
		return 0;
	return complain(DONE_ERROR, "%s: line %lu: %s", doc->file, doc->line, why.text);
}

/* All of the file. 0, or DONE_ERROR and a complaint: none of them is left out. */
int domains_read(struct domains *domains, const char *file)
{
	struct docs_read done = { 0 };
	int ret;

	memset(domains, 0, sizeof(*domains));
	ret = docs_each(file, take_domain, domains, &done);
	if (!ret && done.bad)
		ret = DONE_ERROR;
	if (ret)
		domains_free(domains);
	return ret;
}

void domains_free(struct domains *domains)
{
	free(domains->domains);
	arena_free(&domains->arena);
	memset(domains, 0, sizeof(*domains));
}
