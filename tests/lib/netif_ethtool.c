// SPDX-License-Identifier: GPL-2.0-only
#include "netif_ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mdev.h"

static int ethtool(const char *uuid, void *data)
{
	struct ifreq ifr = { 0 };
	int fd, ret;

	ret = mdev_read(uuid, "netdev", ifr.ifr_name, sizeof(ifr.ifr_name));
	if (ret < 0)
		return ret;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ifr.ifr_data = data;
	ret = ioctl(fd, SIOCETHTOOL, &ifr) ? -errno : 0;
	close(fd);
	return ret;
}

/* A boolean such as ETHTOOL_GTSO. */
int netif_flag(const char *uuid, uint32_t cmd)
{
	struct ethtool_value value = { .cmd = cmd };
	int ret = ethtool(uuid, &value);

	return ret ? ret : (int)value.data;
}

/* How many queue pairs are in use, and *@max that can be. */
int netif_channels(const char *uuid, unsigned int *max)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int ret = ethtool(uuid, &channels);

	*max = channels.max_combined;
	return ret ? ret : (int)channels.combined_count;
}

/* The counter @name, or -ENOENT. */
int64_t netif_counter(const char *uuid, const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_gstrings *names;
	struct ethtool_stats *stats;
	int64_t ret = ethtool(uuid, &info);
	unsigned int i;

	if (ret)
		return ret;
	names = calloc(1, sizeof(*names) + info.n_stats * ETH_GSTRING_LEN);
	stats = calloc(1, sizeof(*stats) + info.n_stats * sizeof(__u64));
	ret = -ENOMEM;
	if (!names || !stats)
		goto out;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	names->len = info.n_stats;
	stats->cmd = ETHTOOL_GSTATS;
	stats->n_stats = info.n_stats;
	ret = ethtool(uuid, names);
	if (!ret)
		ret = ethtool(uuid, stats);
	if (ret)
		goto out;
	ret = -ENOENT;
	for (i = 0; i < info.n_stats; i++) {
		if (!strcmp((char *)names->data + i * ETH_GSTRING_LEN, name))
			ret = stats->data[i];
	}
out:
	free(names);
	free(stats);
	return ret;
}
