// SPDX-License-Identifier: GPL-2.0-only
#include "unmap.h"

#include <string.h>
#include <unistd.h>

#include "mdev.h"
#include "netif.h"
#include "port.h"
#include "vload.h"

/* Pages that stay mapped, for the queue that is busy; of its packets. */
#define BUSY_PAGES	64
#define BUSY_CHAIN	1
/* The page that comes and goes: beyond the others. */
#define PAGE_IOVA	0x40000000UL
/* Of a sample of unmap_per_packet(), in each of its parts. */
#define PACKETS		20

/* What is measured on: a card of two queue pairs. */
static struct {
	struct vdev vdev;
	struct vload load;
	struct guest_mem page;
	int net;
} bench;

static void check(int ret, const char *what)
{
	if (ret)
		die("%s: %s", what, strerror(-ret));
}

/* The second queue transmits all the time if @busy. */
static void begin(bool busy)
{
	enum vdev_how how = access("/dev/iommu", R_OK) ? VDEV_GROUP :
							 VDEV_IOMMUFD;

	check(mdev_create(port_newest_type(), MDEV_UUID_A), "creating a device");
	check(vdev_open(&bench.vdev, MDEV_UUID_A, how), "opening it");
	bench.net = netif_open(MDEV_UUID_A);
	check(vload_init(&bench.load, &bench.vdev, 2, BUSY_CHAIN, BUSY_PAGES),
	      "a guest");
	bench.load.first = 1;
	check(guest_mem_init(&bench.page, PAGE_IOVA, VLOAD_PAGE), "its page");
	memset(bench.page.va, 0, VLOAD_PAGE);
	check(vdev_map(&bench.vdev, &bench.load.region), "mapping memory");
	check(vload_up(&bench.load), "bringing the card up");
	if (!busy)
		return;
	check(vload_start(&bench.load), "starting a thread");
	if (!vload_wait(&bench.load, VLOAD_RING, DEADLINE_MS))
		die("the busy queue does not transmit");
}

static void end(void)
{
	vload_free(&bench.load);
	close(bench.net);
	vdev_close(&bench.vdev);
	mdev_remove(MDEV_UUID_A);
	guest_mem_free(&bench.page);
}

static void map_page(void)
{
	check(vdev_map(&bench.vdev, &bench.page), "mapping a page");
}

static void unmap_page(void)
{
	check(vdev_unmap(&bench.vdev, bench.page.iova, bench.page.size),
	      "unmapping a page");
}

static void send_page(uint64_t iova)
{
	if (!vload_send_page(&bench.load, 0, iova))
		die("a packet is not transmitted");
}

/* The time of each of @rounds unmappings, in us. */
void unmap_touched(double *us, unsigned int rounds)
{
	uint64_t start, sent;
	unsigned int i;

	begin(true);
	sent = vload_sent(&bench.load);
	for (i = 0; i < rounds; i++) {
		map_page();
		send_page(bench.page.iova);
		start = now_ns();
		unmap_page();
		us[i] = (now_ns() - start) / 1e3;
	}
	if (vload_sent(&bench.load) == sent)
		die("the busy queue was not busy");
	end();
}

void unmap_begin(void)
{
	begin(false);
}

void unmap_end(void)
{
	end();
}

static double rate(uint64_t start)
{
	return PACKETS * 1e9 / (now_ns() - start);
}

/* A sample of each rate, one after the other. */
void unmap_per_packet(struct unmap_rates *rates)
{
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < PACKETS; i++) {
		map_page();
		send_page(bench.page.iova);
		unmap_page();
	}
	rates->packets = rate(start);
	start = now_ns();
	for (i = 0; i < PACKETS; i++) {
		map_page();
		unmap_page();
	}
	rates->untouched = rate(start);
	start = now_ns();
	for (i = 0; i < PACKETS; i++)
		send_page(bench.load.region.iova);
	rates->once = rate(start);
}
