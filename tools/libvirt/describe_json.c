// SPDX-License-Identifier: GPL-2.0-only
/* What a domain's devices are, for mdev-migrate domain and drain. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#include "command.h"
#include "device.h"
#include "say.h"

#define PCI		"/sys/bus/pci/devices"
#define LINE_MAX_LEN	4096

static void put_text(yajl_gen json, const char *value)
{
	yajl_gen_string(json, (const unsigned char *)value, strlen(value));
}

/* Nothing of it is left out but what is not known. */
static void put(yajl_gen json, const char *key, const char *value)
{
	if (!value)
		return;
	put_text(json, key);
	put_text(json, value);
}

/* A file's only line, for free(), or NULL. */
static char *line_of(char *path)
{
	char *value = NULL;
	size_t len;

	if (!access(path, R_OK))
		value = read_all(path, LINE_MAX_LEN, &len);
	free(path);
	if (value)
		value[strcspn(value, "\n")] = 0;
	return value;
}

/* What it is here; if it is not here, what the metadata say. */
static void put_card(yajl_gen json, const struct card *card)
{
	char *config = device_attribute(card->uuid, "migration/config");
	char *stream = device_attribute(card->uuid, "mdev_type/migration/stream_version");

	yajl_gen_map_open(json);
	put(json, "device", card->uuid);
	put(json, "config", config ? config : card->config);
	put(json, "stream_version", stream);
	yajl_gen_map_close(json);
	free(config);
	free(stream);
}

static void put_pci(yajl_gen json, const char *address)
{
	char *name = text("pci/%s", address);
	char *config = line_of(text(PCI "/%s/migration/config", address));
	char *stream = line_of(text(PCI "/%s/migration/type/stream_version", address));

	yajl_gen_map_open(json);
	put(json, "device", name);
	put(json, "config", config);
	put(json, "stream_version", stream);
	yajl_gen_map_close(json);
	free(name);
	free(config);
	free(stream);
}

/* Where it is: here, if its mediated devices are. */
static void put_host(yajl_gen json, const struct domain *domain)
{
	char name[HOST_NAME_MAX + 1] = "", *machine_id;
	size_t i;

	for (i = 0; i < domain->nr_cards && !device_exists(domain->cards[i].uuid); i++)
		;
	if (i == domain->nr_cards || gethostname(name, sizeof(name) - 1))
		return;
	machine_id = line_of(text("/etc/machine-id"));
	put_text(json, "host");
	yajl_gen_map_open(json);
	put(json, "name", name);
	put(json, "machine_id", machine_id && *machine_id ? machine_id : NULL);
	yajl_gen_map_close(json);
	free(machine_id);
}

static int print(yajl_gen json)
{
	const unsigned char *buffer;
	size_t len;

	if (yajl_gen_get_buf(json, &buffer, &len) != yajl_gen_status_ok ||
	    fwrite(buffer, 1, len, stdout) != len || putchar('\n') < 0 ||
	    fflush(stdout))
		return say("the description cannot be written");
	return 0;
}

/**
 * describe_json - write what a domain's devices are, in one line of JSON
 * @domain: the domain, on this host or with metadata
 *
 * Return: 0, or -1, which was said.
 */
int describe_json(const struct domain *domain)
{
	yajl_gen json = yajl_gen_alloc(NULL);
	char **addresses = NULL;
	size_t i, nr = 0;
	int ret;

	if (!json)
		return say("out of memory");
	ret = domain_pci(domain, &addresses, &nr);
	yajl_gen_map_open(json);
	put(json, "schema_version", "1.4");
	put_text(json, "domain");
	yajl_gen_map_open(json);
	put(json, "name", domain->name);
	put(json, "uuid", domain->uuid);
	yajl_gen_map_close(json);
	put_host(json, domain);
	put_text(json, "devices");
	yajl_gen_array_open(json);
	for (i = 0; i < domain->nr_cards; i++)
		put_card(json, &domain->cards[i]);
	for (i = 0; i < nr && !ret; i++)
		put_pci(json, addresses[i]);
	yajl_gen_array_close(json);
	yajl_gen_map_close(json);
	if (!ret)
		ret = print(json);
	for (i = 0; i < nr && addresses; i++)
		free(addresses[i]);
	free(addresses);
	yajl_gen_free(json);
	return ret;
}
