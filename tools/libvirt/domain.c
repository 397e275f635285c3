// SPDX-License-Identifier: GPL-2.0-only
/* A domain's XML, which may come from another host: nothing in it is trusted. */
#include <ctype.h>
#include <limits.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "say.h"

/* libvirt's own limit is of this size. */
#define XML_MAX		(64 << 20)

/**
 * uuid_copy - a UUID in the form that the kernel has it in
 * @to: UUID_SIZE bytes for it
 * @from: what may be one
 *
 * Return: whether it is.
 */
bool uuid_copy(char *to, const char *from)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; i < sizeof(shape) - 1; i++) {
		unsigned char c = from ? from[i] : 0;

		if (shape[i] == '-' ? c != '-' : !isxdigit(c))
			return false;
		to[i] = tolower(c);
	}
	to[i] = 0;
	return !from[i];
}

/* The value of an attribute, allocated; NULL if there is none, or it is empty. */
static char *attribute(xmlNode *node, const char *name)
{
	xmlChar *value = xmlGetNoNsProp(node, BAD_CAST name);

	if (value && !*value) {
		xmlFree(value);
		value = NULL;
	}
	return (char *)value;
}

static xmlXPathObject *find(xmlDoc *doc, const char *path)
{
	xmlXPathContext *context = xmlXPathNewContext(doc);
	xmlXPathObject *found;

	if (!context)
		return NULL;
	xmlXPathRegisterNs(context, BAD_CAST "m", BAD_CAST METADATA_URI);
	found = xmlXPathEvalExpression(BAD_CAST path, context);
	xmlXPathFreeContext(context);
	return found;
}

static size_t nr_found(const xmlXPathObject *found)
{
	return found && found->nodesetval ? (size_t)found->nodesetval->nodeNr : 0;
}

/* The text of the domain's only child of that name. */
static char *child(xmlDoc *doc, const char *path)
{
	xmlXPathObject *found = find(doc, path);
	char *text = NULL;

	if (nr_found(found) == 1)
		text = (char *)xmlNodeGetContent(found->nodesetval->nodeTab[0]);
	xmlXPathFreeObject(found);
	return text;
}

static int find_cards(struct domain *domain)
{
	xmlXPathObject *found = find(domain->doc,
		"/domain/devices/hostdev[@mode='subsystem' and @type='mdev']/source/address");
	size_t i, nr = nr_found(found);
	int ret = 0;

	domain->cards = calloc(nr ? nr : 1, sizeof(*domain->cards));
	if (!domain->cards) {
		xmlXPathFreeObject(found);
		return say("out of memory");
	}
	for (i = 0; i < nr && !ret; i++) {
		struct card *card = &domain->cards[domain->nr_cards++];
		char *uuid;

		card->address = found->nodesetval->nodeTab[i];
		uuid = attribute(card->address, "uuid");
		if (!uuid_copy(card->uuid, uuid))
			ret = say("domain %s: a hostdev of type mdev has the UUID \"%s\"",
				  domain->name, uuid ? uuid : "");
		xmlFree(uuid);
	}
	xmlXPathFreeObject(found);
	return ret;
}

static struct card *find_card(const struct domain *domain, const char *uuid)
{
	size_t i;

	for (i = 0; i < domain->nr_cards; i++) {
		if (!strcmp(domain->cards[i].uuid, uuid))
			return &domain->cards[i];
	}
	return NULL;
}

/* A name that a program can be given: of an interface, a bridge or a namespace. */
static bool name_ok(const char *name)
{
	return !name || (*name != '-' && *name != '.' && strlen(name) < NAME_MAX &&
			 !strpbrk(name, "/ \t\n"));
}

static int read_card(const struct domain *domain, struct card *card,
		     xmlNode *entry)
{
	card->entry = entry;
	card->config = attribute(entry, "config");
	card->bridge = attribute(entry, "bridge");
	card->ifname = attribute(entry, "ifname");
	card->netns = attribute(entry, "netns");
	if (!card->config || strncmp(card->config, "model=", 6))
		return say("domain %s, device %s: its metadata have config=\"%s\", not model=...",
			   domain->name, card->uuid,
			   card->config ? card->config : "");
	if (!name_ok(card->bridge) || !name_ok(card->ifname) ||
	    !name_ok(card->netns))
		return say("domain %s, device %s: its bridge, ifname or netns cannot be a name",
			   domain->name, card->uuid);
	return 0;
}

/* What the metadata say of a device that the domain has not, does not matter. */
static int read_entry(struct domain *domain, xmlNode *entry)
{
	char *text = attribute(entry, "uuid");
	char uuid[UUID_SIZE];
	struct card *card;
	int ret = 0;

	if (!uuid_copy(uuid, text)) {
		ret = say("domain %s: its metadata have a device with the UUID \"%s\"",
			  domain->name, text ? text : "");
	} else {
		card = find_card(domain, uuid);
		if (card && card->entry)
			ret = say("domain %s: its metadata have the device %s twice",
				  domain->name, uuid);
		else if (card)
			ret = read_card(domain, card, entry);
	}
	xmlFree(text);
	return ret;
}

static int find_entries(struct domain *domain)
{
	xmlXPathObject *found = find(domain->doc,
				     "/domain/metadata/m:devices/m:device");
	size_t i, nr = nr_found(found);
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = read_entry(domain, found->nodesetval->nodeTab[i]);
	xmlXPathFreeObject(found);
	return ret;
}

static xmlDoc *parse(const char *path)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR |
			    XML_PARSE_NOWARNING;
	char *text;
	size_t len;
	xmlDoc *doc;

	text = read_all(path, XML_MAX, &len);
	if (!text)
		return NULL;
	doc = xmlReadMemory(text, (int)len, NULL, NULL, options);
	if (!doc)
		say("%s is not XML: %s", path ? path : "the standard input",
		    xmlGetLastError() ? xmlGetLastError()->message : "");
	free(text);
	/* Its entities could make much of little; libvirt writes none. */
	if (doc && xmlGetIntSubset(doc)) {
		say("%s has a DOCTYPE: libvirt's XML has none",
		    path ? path : "the standard input");
		xmlFreeDoc(doc);
		doc = NULL;
	}
	return doc;
}

/**
 * domain_read - read a domain's XML
 * @domain: the result, for domain_free()
 * @path: the file; NULL is the standard input
 *
 * Return: 0, or -1 if there is no such domain in it, which was said; then there is
 * nothing to free.
 */
int domain_read(struct domain *domain, const char *path)
{
	char *uuid;
	int ret;

	*domain = (struct domain) { .doc = parse(path) };
	if (!domain->doc)
		return -1;
	domain->name = child(domain->doc, "/domain/name");
	uuid = child(domain->doc, "/domain/uuid");
	if (!domain->name || !uuid_copy(domain->uuid, uuid))
		ret = say("%s is not a domain of libvirt's with a name and a UUID",
			  path ? path : "the standard input");
	else
		ret = find_cards(domain);
	xmlFree(uuid);
	if (!ret)
		ret = find_entries(domain);
	if (ret)
		domain_free(domain);
	return ret;
}

/* "0x1f" or "31" of an attribute; -1 if it is not there, or not of this size. */
static long number(xmlNode *node, const char *name, long most)
{
	char *value = attribute(node, name), *end;
	long found = -1;

	if (value) {
		found = strtol(value, &end, 0);
		if (*end || end == value || found < 0 || found > most)
			found = -1;
	}
	xmlFree(value);
	return found;
}

/* As sysfs has it, for free(), or NULL. */
static char *pci_address(xmlNode *node)
{
	long domain = number(node, "domain", 0xffff), bus = number(node, "bus", 0xff);
	long slot = number(node, "slot", 0x1f), function = number(node, "function", 7);

	if (bus < 0 || slot < 0 || function < 0)
		return NULL;
	return text("%04lx:%02lx:%02lx.%lx", domain < 0 ? 0 : domain, bus, slot, function);
}

/**
 * domain_pci - the PCI devices that a domain is given
 * @domain: the domain
 * @addresses: set to an array of their addresses, for free(), as each of them
 * @nr: set to how many
 *
 * Return: 0, or -1, which was said.
 */
int domain_pci(const struct domain *domain, char ***addresses, size_t *nr)
{
	xmlXPathObject *found = find(domain->doc,
		"/domain/devices/*[(self::hostdev and @mode='subsystem' and @type='pci') or (self::interface and @type='hostdev')]/source/address");
	size_t i;
	int ret = 0;

	*nr = nr_found(found);
	*addresses = calloc(*nr ? *nr : 1, sizeof(**addresses));
	if (!*addresses) {
		xmlXPathFreeObject(found);
		*nr = 0;
		return say("out of memory");
	}
	for (i = 0; i < *nr && !ret; i++) {
		(*addresses)[i] = pci_address(found->nodesetval->nodeTab[i]);
		if (!(*addresses)[i])
			ret = say("domain %s: a PCI device's address is none", domain->name);
	}
	xmlXPathFreeObject(found);
	return ret;
}

/**
 * domain_write - write a domain's XML to the standard output
 * @domain: the domain
 *
 * Return: 0, or -1, which was said.
 */
int domain_write(const struct domain *domain)
{
	if (xmlDocDump(stdout, domain->doc) < 0 || fflush(stdout))
		return say("the domain's XML cannot be written");
	return 0;
}

/**
 * domain_free - free what domain_read() made
 * @domain: the domain
 */
void domain_free(struct domain *domain)
{
	size_t i;

	for (i = 0; i < domain->nr_cards; i++) {
		struct card *card = &domain->cards[i];

		xmlFree(card->config);
		xmlFree(card->bridge);
		xmlFree(card->ifname);
		xmlFree(card->netns);
	}
	free(domain->cards);
	xmlFree(domain->name);
	xmlFreeDoc(domain->doc);
	*domain = (struct domain) {};
}

/**
 * card_set_uuid - the domain has another device in place of this one
 * @card: the device
 * @uuid: the other one's
 *
 * Return: 0, or -1, which was said.
 */
int card_set_uuid(struct card *card, const char *uuid)
{
	if (!uuid_copy(card->uuid, uuid) ||
	    !xmlSetProp(card->address, BAD_CAST "uuid", BAD_CAST uuid) ||
	    !xmlSetProp(card->entry, BAD_CAST "uuid", BAD_CAST uuid))
		return say("the device's UUID cannot be set to %s",
			   uuid ? uuid : "nothing");
	return 0;
}
