/* SPDX-License-Identifier: GPL-2.0-only */
/* Which devices belong together: what mdev-migrate-domain describe --json says of domains. */
#ifndef MDEV_MIGRATE_DOMAINS_H
#define MDEV_MIGRATE_DOMAINS_H

#include "command.h"
#include "core/place.h"
#include "reading.h"

/**
 * struct member_device - a device of a domain
 * @name: UUID, or BUS/NAME if it is no mdev
 * @config: what it is, or NULL
 * @stream: its state stream's version, or NULL
 */
struct member_device {
	const char *name;
	const char *config;
	const char *stream;
};

/**
 * struct domain - a domain
 * @name: its name
 * @uuid: its UUID, or NULL
 * @host: where it was described: its names only
 * @devices: its devices
 * @nr: how many
 */
struct domain {
	const char *name;
	const char *uuid;
	struct host host;
	struct member_device *devices;
	size_t nr;
};

/**
 * struct domains - domains
 * @arena: holds them
 * @domains: in the order of the file
 * @nr: how many
 */
struct domains {
	struct arena arena;
	struct domain *domains;
	size_t nr;
};

int domains_read(struct domains *domains, const char *file);
void domains_free(struct domains *domains);

/* placed_out.c */

/**
 * struct placed_row - where a device goes, or why nowhere, without what that is from
 * @device: the device
 * @domain: its domain, or NULL
 * @host: where it goes, or NULL
 * @type: what it becomes there
 * @parent: the type's
 * @there: of a device that is there: which
 * @available: how many can be made of the type
 * @writes: how many values are to be written
 * @result: the verdict
 * @code: if it goes nowhere: why, for programs
 * @message: likewise, for people
 */
struct placed_row {
	const char *device;
	const char *domain;
	const char *host;
	const char *type;
	const char *parent;
	const char *there;
	long long available;
	size_t writes;
	enum result result;
	const char *code;
	const char *message;
};

void placed_to_row(struct arena *arena, struct placed_row *row,
		   const struct placed *placed);
struct json *json_from_placed(const struct placed_row *row);
void print_placed(const struct placed_row *row, int width, bool with_host);

#endif /* MDEV_MIGRATE_DOMAINS_H */
