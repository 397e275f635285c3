// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO devices whose drivers do not say what they are: functions bound to variant
 * drivers, NVIDIA's virtual functions, other drivers' mediated devices. What the kernel
 * tells of them; tests/data/sysfs/README.rst says where each file is documented.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

/*
 * "stop-copy p2p", of a file with a line for each; "none" if VFIO has the device and
 * no folder for its migration; NULL if that is not known.
 */
static const char *read_features(struct reader *reader, const char *name)
{
	char path[NAME_MAX + 32], text[256], *p;
	ssize_t len = -1;
	bool migrates;
	int at, fd;

	/* debugfs, which only root may read; the file is there since Linux 6.18. */
	snprintf(path, sizeof(path), "kernel/debug/vfio/%s", name);
	at = openat(reader->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return NULL;
	migrates = !faccessat(at, "migration", F_OK, 0);
	fd = openat(at, "migration/features", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	close(at);
	if (len < 0)
		return migrates ? NULL : "none";
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	for (p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return visible(&reader->host->arena, text);
}

/* "941   : NVIDIA RTX6000-Ada-1Q" in the lines behind a heading. */
static void read_vgpus(struct arena *arena, struct other *other, int at)
{
	char text[16384], *line, *rest, *colon;
	int fd = openat(at, "nvidia/creatable_vgpu_types", O_RDONLY | O_CLOEXEC);
	struct vgpu *vgpus = NULL;
	ssize_t len;
	size_t nr = 0;

	if (fd < 0)
		return;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		colon = strchr(line, ':');
		len = strspn(line, "0123456789");
		if (!colon || !len)
			continue;
		vgpus = grow_array(vgpus, nr, sizeof(*vgpus));
		colon += 1 + strspn(colon + 1, " ");
		vgpus[nr++] = (struct vgpu) {
			.id = arena_strndup(arena, line, len),
			.name = visible(arena, colon),
		};
	}
	other->vgpus = arena_array(arena, nr, sizeof(*vgpus));
	if (nr)
		memcpy(other->vgpus, vgpus, nr * sizeof(*vgpus));
	other->nr_vgpus = nr;
	free(vgpus);
}

struct profiles {
	struct arena *arena;
	struct other *other;
};

/* xe: physfn/sriov_admin/vfN, whose link says whether it is this function's. */
static void read_profile(void *context, int at, const char *name)
{
	struct profiles *profiles = context;
	struct other *other = profiles->other;
	const char *device;
	struct dir dir;

	if (strncmp(name, "vf", 2) || dir_open(&dir, profiles->arena, at, name))
		return;
	device = link_name(&dir, "device");
	if (device && !strcmp(device, other->name))
		other->vram_quota = attr(&dir, "profile/vram_quota");
	dir_close(&dir);
}

static void add_other(struct reader *reader, const struct dir *dir,
		      struct other *other)
{
	struct host *host = reader->host;

	other->driver = link_name(dir, "driver");
	other->features = read_features(reader, other->name);
	other->state = attr(dir, "migration/state");
	host->others = grow_array(host->others, host->nr_others,
				  sizeof(*other));
	host->others[host->nr_others++] = *other;
}

void read_other_mdev(struct reader *reader, const struct dir *dir,
		     const char *name, const char *type)
{
	struct host *host = reader->host;
	struct type *have = type ? host_type(host, type, NULL) : NULL;

	add_other(reader, dir, &(struct other) {
		.name = visible(&host->arena, name),
		.bus = "mdev",
		.type = type,
		.api = have ? have->api : NULL,
	});
}

static void read_function(struct reader *reader, const struct dir *dir,
			  const char *name, const char *bus)
{
	struct arena *arena = &reader->host->arena;
	bool is_pci = bus && !strcmp(bus, "pci");
	struct other other = {
		.name = visible(arena, name),
		.bus = bus,
		.api = is_pci ? "vfio-pci" : NULL,
		.vendor = attr(dir, "vendor"),
		.device = attr(dir, "device"),
		.revision = attr(dir, "revision"),
		.subvendor = attr(dir, "subsystem_vendor"),
		.subdevice = attr(dir, "subsystem_device"),
		.physfn = link_name(dir, "physfn"),
		.qat_services = attr(dir, "physfn/qat/cfg_services"),
		.vgpu_type = attr(dir, "nvidia/current_vgpu_type"),
	};

	read_vgpus(arena, &other, dir->fd);
	if (is_pci)
		each_in(dir->fd, "physfn/sriov_admin", &(struct profiles) {
			.arena = arena, .other = &other,
		}, read_profile);
	add_other(reader, dir, &other);
}

/* bus/BUS/devices/NAME, if there is something of its migration, or of a vGPU. */
void read_other(struct reader *reader, int at, const char *name)
{
	char path[NAME_MAX + 32];
	struct dir dir;

	snprintf(path, sizeof(path), "%s/nvidia/current_vgpu_type", name);
	if (faccessat(at, path, F_OK, 0)) {
		snprintf(path, sizeof(path), "%s/migration", name);
		if (faccessat(at, path, F_OK, 0))
			return;
	}
	if (dir_open(&dir, &reader->host->arena, at, name))
		return;
	read_function(reader, &dir, name, reader->bus);
	dir_close(&dir);
}

static bool is_known(struct host *host, const char *bus, const char *name)
{
	const char *as = arena_printf(&host->arena, "%s/%s", bus ? bus : "",
				      name);

	return host_device(host, as) || host_other(host, as);
}

/* class/vfio-dev/vfioN/device: a PCI function or what else VFIO knows. */
void read_vfio(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct host *host = reader->host;
	const char *bus, *device;
	struct dir node, dir;

	if (dir_open(&node, &host->arena, at, name))
		return;
	device = link_name(&node, "device");
	if (!device || dir_open(&dir, &host->arena, node.fd, "device")) {
		dir_close(&node);
		return;
	}
	bus = link_name(&dir, "subsystem");
	if ((!bus || strcmp(bus, "mdev")) && !is_known(host, bus, device))
		read_function(reader, &dir, device, bus);
	dir_close(&dir);
	dir_close(&node);
}

static bool same_card(const struct other *a, const struct other *b)
{
	return a == b || (a->physfn && b->physfn && !strcmp(a->physfn, b->physfn));
}

/* Only what can be made is listed with its name; what one function has, its neighbours may list. */
static const char *vgpu_name(const struct host *host, const struct other *other)
{
	size_t i, j;

	for (i = 0; i < host->nr_others; i++) {
		const struct other *one = &host->others[i];

		for (j = 0; same_card(one, other) && j < one->nr_vgpus; j++) {
			if (!strcmp(one->vgpus[j].id, other->vgpu_type))
				return one->vgpus[j].name;
		}
	}
	return NULL;
}

void name_vgpus(struct host *host)
{
	size_t i;

	for (i = 0; i < host->nr_others; i++) {
		if (host->others[i].vgpu_type)
			host->others[i].vgpu_name = vgpu_name(host, &host->others[i]);
	}
}
