// SPDX-License-Identifier: GPL-2.0-only
/* Find, make and remove mediated devices; what fits is for mdev-migrate to say. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#include "device.h"
#include "json.h"
#include "say.h"

#define DEVICES		"/sys/bus/mdev/devices"
#define SETTINGS	"/etc/mdev-migrate/libvirt.conf"
#define VALUE_MAX	4096

/**
 * device_exists - is there such a device?
 * @uuid: its UUID
 */
bool device_exists(const char *uuid)
{
	char *path = text(DEVICES "/%s", uuid);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

/**
 * device_in_use - has something opened a device?
 * @uuid: its UUID
 *
 * Its group can be opened once.
 *
 * Return: true; false also if there is no group.
 */
bool device_in_use(const char *uuid)
{
	char *path = text(DEVICES "/%s/iommu_group", uuid);
	char *group = realpath(path, NULL);
	bool in_use = false;
	int fd;

	free(path);
	if (!group)
		return false;
	path = text("/dev/vfio/%s", strrchr(group, '/') + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		in_use = errno == EBUSY;
	free(path);
	free(group);
	return in_use;
}

/**
 * device_attribute - what one of a device's files says
 * @uuid: the device's UUID
 * @name: the file, such as "migration/config"
 *
 * Return: its line, for free(), or NULL if there is no such file.
 */
char *device_attribute(const char *uuid, const char *name)
{
	char *path = text(DEVICES "/%s/%s", uuid, name);
	char *value = NULL;
	size_t len;

	if (!access(path, R_OK))
		value = read_all(path, VALUE_MAX, &len);
	free(path);
	if (value)
		value[strcspn(value, "\n")] = 0;
	return value;
}

/**
 * device_is - is a device what a domain needs?
 * @uuid: the device's UUID
 * @config: the configuration that it needs
 */
bool device_is(const char *uuid, const char *config)
{
	char *now = device_attribute(uuid, "migration/config");
	bool same = now && !strcmp(now, config);

	free(now);
	return same;
}

/* "name=value" of the settings, for free(), or NULL. */
static char *setting(const char *name)
{
	FILE *file = fopen(SETTINGS, "re");
	char *line = NULL, *value = NULL;
	size_t size = 0, len = strlen(name);

	while (file && !value && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, name, len) && line[len] == '=' && line[len + 1])
			value = text("%s", line + len + 1);
	}
	if (file)
		fclose(file);
	free(line);
	return value;
}

static int ip(const char *netns, const char *interface, const char *name,
	      const char *value)
{
	const char *const argv[] = {
		"ip", "-netns", netns, "link", "set", "dev", interface, name, value,
		NULL,
	};
	/* Without a namespace, the one that the hook runs in. */
	const char *const here[] = {
		"ip", "link", "set", "dev", interface, name, value, NULL,
	};

	if (!run(netns ? argv : here, "", NULL))
		return 0;
	return say("the network interface %s cannot be set up: %s %s", interface,
		   name, value ? value : "");
}

/* Where the card's network interface belongs. A device that has none needs nothing. */
static int plug(const struct card *card)
{
	char *interface = device_attribute(card->uuid, "netdev");
	char *bridge = card->bridge ? text("%s", card->bridge) :
				      setting("bridge");
	int ret = 0;

	if (!interface)
		goto free;
	if (card->ifname && strcmp(card->ifname, interface)) {
		ret = ip(NULL, interface, "name", card->ifname);
		free(interface);
		interface = text("%s", card->ifname);
	}
	if (!ret && card->netns)
		ret = ip(NULL, interface, "netns", card->netns);
	if (!ret && bridge)
		ret = ip(card->netns, interface, "master", bridge);
	if (!ret && (bridge || card->netns))
		ret = ip(card->netns, interface, "up", NULL);
free:
	free(interface);
	free(bridge);
	return ret;
}

/* Is it a device that can be made? One of a bus is there already, and is not the hook's. */
static bool is_new(const struct card *card, bool taken, const char *uuid)
{
	char other[UUID_SIZE];

	return uuid_copy(other, uuid) && (taken || !strcmp(other, card->uuid));
}

/*
 * The commands that make the device, for free(); or NULL, which was said. If another device
 * has its UUID, it gets the one that plan has chosen.
 */
static char *plan(struct card *card, bool taken)
{
	const char *const argv[] = {
		"mdev-migrate", "plan", "--json", card->config, ".",
		taken ? NULL : "--uuid", card->uuid, NULL,
	};
	static const char *const uuid_path[] = { "uuid", NULL };
	static const char *const text_path[] = { "text", NULL };
	static const char *const findings_path[] = { "findings", NULL };
	static const char *const message_path[] = { "message", NULL };
	char *output = NULL, *commands = NULL;
	const char *message, *uuid;
	yajl_val answer;
	int status;

	status = run(argv, "", &output);
	if (status < 0)
		return NULL;
	answer = yajl_tree_parse(output, NULL, 0);
	message = json_text(answer, text_path);
	uuid = json_text(answer, uuid_path);
	if (!status && message && !is_new(card, taken, uuid)) {
		say("no device can be made here for %s: %s is one, but no mediated device",
		    card->config, uuid ? uuid : "what fits");
	} else if (!status && message && (!taken || !card_set_uuid(card, uuid))) {
		commands = text("%s", message);
	} else {
		message = json_text(json_first(json_at(answer, findings_path)),
				    message_path);
		/* Without an answer, mdev-migrate has said why itself. */
		say("no device can be made here for %s%s%s", card->config,
		    message ? ": " : "", message ? message : "");
	}
	yajl_tree_free(answer);
	free(output);
	return commands;
}

/**
 * device_make - make a device for a domain
 * @domain: the domain
 * @card: which of its devices; the metadata say what it is
 * @taken: its UUID is another device's here: it gets one of its own
 *
 * What is made is in the domain's record, from before it is there. Under devices_lock().
 *
 * Return: 0, or -1, which was said.
 */
int device_make(const struct domain *domain, struct card *card, bool taken)
{
	const char *const shell[] = { "sh", "-e", NULL };
	char *commands = plan(card, taken);
	int ret = -1;

	if (!commands)
		return -1;
	if (!made_add(domain->uuid, card->uuid))
		ret = run(shell, commands, NULL);
	free(commands);
	if (ret)
		return say("the device %s cannot be made for %s", card->uuid,
			   card->config);
	return plug(card);
}

/**
 * device_remove - remove a device
 * @uuid: its UUID; that it is gone already is no mistake
 *
 * Return: 0, or -1, which was said.
 */
int device_remove(const char *uuid)
{
	char *path;
	int fd, ret = 0;

	if (!device_exists(uuid))
		return 0;
	/* It would wait until that ends. */
	if (device_in_use(uuid))
		return say("the device %s is in use and stays", uuid);
	path = text(DEVICES "/%s/remove", uuid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if ((fd < 0 || write(fd, "1", 1) != 1) && device_exists(uuid))
		ret = say("the device %s cannot be removed: %s", uuid,
			  strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}
