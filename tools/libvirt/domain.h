/* SPDX-License-Identifier: GPL-2.0-only */
/* A domain of libvirt's: its mediated devices, and what its metadata say of them. */
#ifndef MDEV_MIGRATE_DOMAIN_H
#define MDEV_MIGRATE_DOMAIN_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#define METADATA_URI	"https://mdev-migrate.org/libvirt/1"
#define UUID_SIZE	37

/**
 * struct card - a mediated device of a domain's
 * @uuid: in lower case
 * @address: the hostdev's <address>, which has @uuid
 * @entry: what the metadata say of it, or NULL
 * @config: what it is at the source, of @entry; NULL without
 * @bridge: into which its network interface belongs, or NULL
 * @ifname: what that interface is to be called, or NULL
 * @netns: the network namespace to which it belongs, or NULL
 */
struct card {
	char uuid[UUID_SIZE];
	xmlNode *address;
	xmlNode *entry;
	char *config;
	char *bridge;
	char *ifname;
	char *netns;
};

/**
 * struct domain - a domain
 * @doc: its XML
 * @name: its name
 * @uuid: in lower case
 * @cards: in the order of their hostdevs
 * @nr_cards: how many
 */
struct domain {
	xmlDoc *doc;
	char *name;
	char uuid[UUID_SIZE];
	struct card *cards;
	size_t nr_cards;
};

int domain_read(struct domain *domain, const char *path);
int domain_pci(const struct domain *domain, char ***addresses, size_t *nr);
int domain_write(const struct domain *domain);
void domain_free(struct domain *domain);
int card_set_uuid(struct card *card, const char *uuid);
bool uuid_copy(char *to, const char *from);

#endif /* MDEV_MIGRATE_DOMAIN_H */
