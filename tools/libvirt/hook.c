// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvirt's hook, see https://libvirt.org/hooks.html: it gets a domain's XML as its input.
 * When a domain comes, by a migration or from a file, its devices are made and what
 * it prints is the domain that libvirt starts; when it goes, what was made goes. It must
 * not call libvirt, which waits for it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "say.h"

/* A device that somebody has prepared is taken; one that is another's is left alone. */
static int arrive(const struct domain *domain, struct card *card)
{
	bool taken = device_exists(card->uuid);

	if (taken && !made_for_another(domain->uuid, card->uuid) &&
	    device_is(card->uuid, card->config) && !device_in_use(card->uuid))
		return 0;
	return device_make(domain, card, taken);
}

/* Whose it is libvirt knows. */
static int start(const struct domain *domain, struct card *card)
{
	return device_exists(card->uuid) ? 0 : device_make(domain, card, false);
}

static int bring(const struct domain *domain, struct card *card,
		 int (*how)(const struct domain *domain, struct card *card))
{
	int lock = devices_lock(), ret;

	if (lock < 0)
		return -1;
	ret = how(domain, card);
	close(lock);
	return ret;
}

static int bring_all(struct domain *domain,
		     int (*how)(const struct domain *domain, struct card *card))
{
	size_t i;

	for (i = 0; i < domain->nr_cards; i++) {
		/* Of the others only libvirt can say whether they are there. */
		if (domain->cards[i].entry && bring(domain, &domain->cards[i], how)) {
			made_remove(domain->uuid);
			return -1;
		}
	}
	return 0;
}

/* What is left of a migration that failed before libvirt had begun to start the domain. */
static int incoming(struct domain *domain)
{
	if (made_remove(domain->uuid) || bring_all(domain, arrive))
		return -1;
	return domain_write(domain);
}

/* The domain is started, wherever it was before: its definition has the UUIDs. */
static int starting(struct domain *domain)
{
	return bring_all(domain, start);
}

static int gone(struct domain *domain)
{
	return made_remove(domain->uuid);
}

static const struct {
	const char *operation;
	const char *phase;
	int (*run)(struct domain *domain);
} operations[] = {
	{ "migrate", "begin", incoming },
	{ "restore", "begin", incoming },
	{ "prepare", "begin", starting },
	{ "release", "end", gone },
};

/**
 * cmd_hook - be libvirt's hook
 * @args: the domain's name, the operation, its phase, and what more there may be
 * @nr: how many
 *
 * Return: 0, or 1 if the operation must not go on, which was said.
 */
int cmd_hook(char **args, int nr)
{
	struct domain domain;
	size_t i;
	int ret = 0;

	if (nr < 3) {
		say("hook: a domain's name, an operation and its phase are missing");
		return 2;
	}
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(args[1], operations[i].operation) ||
		    strcmp(args[2], operations[i].phase))
			continue;
		if (domain_read(&domain, NULL))
			return 1;
		ret = operations[i].run(&domain);
		domain_free(&domain);
	}
	return ret ? 1 : 0;
}
