// SPDX-License-Identifier: GPL-2.0-only
/* describe and verify: the metadata that say what a domain's devices are. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "device.h"
#include "json.h"
#include "say.h"

/* The bridge that the device's network interface is in, for free(), or NULL. */
static char *bridge_of(const char *uuid)
{
	char *interface = device_attribute(uuid, "netdev");
	const char *const argv[] = {
		"ip", "-json", "link", "show", "dev", interface, NULL,
	};
	char *output = NULL, *bridge = NULL;
	static const char *const master_path[] = { "master", NULL };
	const char *master;
	yajl_val links;

	if (!interface || run(argv, "", &output))
		goto free;
	links = yajl_tree_parse(output, NULL, 0);
	master = json_text(json_first(links), master_path);
	if (master)
		bridge = text("%s", master);
	yajl_tree_free(links);
free:
	free(output);
	free(interface);
	return bridge;
}

static int add_entry(xmlNode *root, const struct card *card)
{
	char *config = device_attribute(card->uuid, "migration/config");
	char *bridge = bridge_of(card->uuid);
	xmlNode *entry;

	if (!config)
		return say("device %s: %s", card->uuid,
			   device_exists(card->uuid) ?
			   "its driver does not say what it is" :
			   "it does not exist on this host");
	entry = xmlNewChild(root, NULL, BAD_CAST "device", NULL);
	xmlSetProp(entry, BAD_CAST "uuid", BAD_CAST card->uuid);
	xmlSetProp(entry, BAD_CAST "config", BAD_CAST config);
	/* What was written there before is wanted. */
	if (card->bridge || bridge)
		xmlSetProp(entry, BAD_CAST "bridge",
			   BAD_CAST(card->bridge ? card->bridge : bridge));
	if (card->ifname)
		xmlSetProp(entry, BAD_CAST "ifname", BAD_CAST card->ifname);
	if (card->netns)
		xmlSetProp(entry, BAD_CAST "netns", BAD_CAST card->netns);
	free(config);
	free(bridge);
	return 0;
}

/* Without its namespace, which virsh metadata puts into what it is told to set. */
static int describe(const struct domain *domain)
{
	xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNode *root = xmlNewNode(NULL, BAD_CAST "devices");
	int ret = 0;
	size_t i;

	xmlDocSetRootElement(doc, root);
	for (i = 0; i < domain->nr_cards && !ret; i++)
		ret = add_entry(root, &domain->cards[i]);
	if (!ret) {
		xmlElemDump(stdout, doc, root);
		putchar('\n');
		if (fflush(stdout))
			ret = say("the metadata cannot be written");
	}
	xmlFreeDoc(doc);
	return ret;
}

/* One sentence for each device of which the metadata do not say what it is. */
static int verify(const struct domain *domain)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < domain->nr_cards; i++) {
		const struct card *card = &domain->cards[i];
		char *config = device_attribute(card->uuid, "migration/config");

		if (!card->entry)
			ret = say("device %s: the domain's metadata do not mention it",
				  card->uuid);
		else if (!config)
			ret = say("device %s: this host does not say what it is",
				  card->uuid);
		else if (strcmp(config, card->config))
			ret = say("device %s: the metadata have %s, it is %s",
				  card->uuid, card->config, config);
		free(config);
	}
	return ret;
}

static int with_domain(char **args, int nr, int (*what)(const struct domain *))
{
	struct domain domain;
	int ret;

	if (nr > 1) {
		say("one domain at a time: there is \"%s\" too", args[1]);
		return 2;
	}
	if (domain_read(&domain, nr && strcmp(args[0], "-") ? args[0] : NULL))
		return 2;
	ret = what(&domain);
	domain_free(&domain);
	return ret ? 1 : 0;
}

/**
 * cmd_describe - write the metadata of a domain whose devices are on this host
 * @args: "--json" for what mdev-migrate reads instead; the domain's XML, or none for
 *	the standard input
 * @nr: how many
 *
 * Return: 0; 1 if a device's configuration is not known; 2 if there is no such domain.
 */
int cmd_describe(char **args, int nr)
{
	if (nr && !strcmp(args[0], "--json"))
		return with_domain(args + 1, nr - 1, describe_json);
	return with_domain(args, nr, describe);
}

/**
 * cmd_verify - do a domain's metadata say what its devices on this host are?
 * @args: the domain's XML, or none for the standard input
 * @nr: how many
 *
 * Return: 0; 1 if not, which was said; 2 if there is no such domain.
 */
int cmd_verify(char **args, int nr)
{
	return with_domain(args, nr, verify);
}
