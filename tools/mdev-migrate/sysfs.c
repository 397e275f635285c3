// SPDX-License-Identifier: GPL-2.0-only
/*
 * This host, from its sysfs: read only, nothing is opened but attributes.
 *
 * Devices come and go while this reads, so what disappears in between is left
 * out and is no error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "sysfs.h"

int dir_open(struct dir *dir, struct arena *arena, int at, const char *path)
{
	dir->arena = arena;
	dir->fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir->fd < 0 ? -errno : 0;
}

void dir_close(struct dir *dir)
{
	close(dir->fd);
}

/* An attribute without its newline, NULL if there is none. */
const char *attr(const struct dir *dir, const char *path)
{
	int fd = openat(dir->fd, path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t len;

	if (fd < 0)
		return NULL;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (len < 0)
		return NULL;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return visible(dir->arena, buf);
}

long long attr_number(const struct dir *dir, const char *path)
{
	const char *text = attr(dir, path);
	long long number;
	char *end;

	if (!text || !*text)
		return UNKNOWN;
	errno = 0;
	number = strtoll(text, &end, 10);
	return errno || *end || number < 0 ? UNKNOWN : number;
}

/* The last part of what a link points to, NULL if there is none. */
const char *link_name(const struct dir *dir, const char *path)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dir->fd, path, target, sizeof(target) - 1);
	char *slash;

	if (len <= 0)
		return NULL;
	target[len] = '\0';
	slash = strrchr(target, '/');
	return visible(dir->arena, slash ? slash + 1 : target);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return natural_compare((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Calls @each for all that is in a folder, in order. */
void each_in(int at, const char *path, void *context,
	     void (*each)(void *context, int fd, const char *name))
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries;
	int i, nr;

	if (fd < 0)
		return;
	nr = scandirat(fd, ".", &entries, not_hidden, by_name);
	for (i = 0; i < nr; i++) {
		each(context, fd, entries[i]->d_name);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	close(fd);
}

static void read_param(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct params *params = reader->params;
	struct mdev_migrate_msg why;
	struct param_text text;
	struct dir dir;

	if (dir_open(&dir, &reader->host->arena, at, name))
		return;
	text = (struct param_text) {
		.name = name,
		.type = attr(&dir, "type"),
		.off = attr(&dir, "off"),
		.def = attr(&dir, "default"),
		.allowed = attr(&dir, "allowed"),
		.description = attr(&dir, "description"),
	};
	dir_close(&dir);
	params->params = grow_array(params->params, params->nr,
				    sizeof(*params->params));
	memset(&params->params[params->nr], 0, sizeof(*params->params));
	if (!param_build(&reader->host->arena, &params->params[params->nr],
			 &text, &why))
		params->nr++;
	else if (!reader->unreadable)
		reader->unreadable = arena_printf(&reader->host->arena,
						  "params/%s: %s", name, why.text);
}

/*
 * The array grows by malloc() and then moves to where the host's all is. With a
 * parameter left out nothing could be said for sure: then the type has none.
 */
static void read_params(struct reader *reader, struct type *type, int at)
{
	struct arena *arena = &reader->host->arena;
	struct params params = { 0 };
	struct param *array;

	reader->params = &params;
	reader->unreadable = NULL;
	each_in(at, "params", reader, read_param);
	reader->params = NULL;
	type->unreadable = reader->unreadable;
	if (type->unreadable) {
		reader->host->nr_left_out++;
		complain(DONE_ERROR, "%s/%s: the type's parameters are left out",
			 reader->where, type->unreadable);
		free(params.params);
		return;
	}
	array = arena_array(arena, params.nr, sizeof(*array));
	if (params.nr)
		memcpy(array, params.params, params.nr * sizeof(*array));
	free(params.params);
	type->params = arena_alloc(arena, sizeof(params));
	type->params->nr = params.nr;
	type->params->params = array;
}

/* What is in migration/ of a type, and in migration/type/ of a device. */
static void read_kind(struct reader *reader, struct type *type, int at,
		      const char *path)
{
	struct dir dir;

	if (dir_open(&dir, &reader->host->arena, at, path))
		return;
	type->model = attr(&dir, "model");
	type->version = attr(&dir, "version");
	type->config = attr(&dir, "config");
	type->stream = attr(&dir, "stream_version");
	type->combinations = attr(&dir, "combinations");
	if (type->model)
		read_params(reader, type, dir.fd);
	dir_close(&dir);
}

static void read_type(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct host *host = reader->host;
	struct type *type;
	struct dir dir;

	if (dir_open(&dir, &host->arena, at, name))
		return;
	host->types = grow_array(host->types, host->nr_types, sizeof(*type));
	type = &host->types[host->nr_types++];
	*type = (struct type) {
		.name = visible(&host->arena, name),
		.pretty_name = attr(&dir, "name"),
		.parent = reader->parent,
		.subsystem = reader->subsystem,
		.api = attr(&dir, "device_api"),
		.description = attr(&dir, "description"),
		.available = attr_number(&dir, "available_instances"),
	};
	reader->where = arena_printf(&host->arena, "%s/%s/migration",
				     type->parent, type->name);
	read_kind(reader, type, dir.fd, "migration");
	dir_close(&dir);
}

static void read_parent(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct dir dir;

	if (dir_open(&dir, &reader->host->arena, at, name))
		return;
	reader->parent = visible(&reader->host->arena, name);
	reader->subsystem = link_name(&dir, "subsystem");
	each_in(dir.fd, "mdev_supported_types", reader, read_type);
	dir_close(&dir);
}

/*
 * The bus's link leads below the parent; a copy of a sysfs may have no links,
 * but there the parent's type names the device.
 */
static const char *device_parent(struct host *host, int at, const char *name,
				 const char *type)
{
	char target[PATH_MAX], *slash;
	ssize_t len = readlinkat(at, name, target, sizeof(target) - 1);
	struct type *only;

	if (len > 0) {
		target[len] = '\0';
		slash = strrchr(target, '/');
		if (slash) {
			*slash = '\0';
			slash = strrchr(target, '/');
			return visible(&host->arena,
				       slash ? slash + 1 : target);
		}
	}
	only = type ? host_type(host, type, NULL) : NULL;
	return only ? only->parent : NULL;
}

static struct device *add_device(struct host *host, const struct dir *dir)
{
	struct device *device;

	host->devices = grow_array(host->devices, host->nr_devices,
				   sizeof(*host->devices));
	device = &host->devices[host->nr_devices++];
	*device = (struct device) {
		.model = attr(dir, "migration/model"),
		.version = attr(dir, "migration/version"),
		.config = attr(dir, "migration/config"),
		.state = attr(dir, "migration/state"),
		.last_error = attr(dir, "migration/last_error"),
		.stop_copy_bytes = attr_number(dir, "migration/stop_copy_bytes"),
	};
	if (device->last_error && !*device->last_error)
		device->last_error = NULL;
	return device;
}

static void read_device(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct host *host = reader->host;
	struct device *device;
	const char *type;
	struct dir dir;

	if (dir_open(&dir, &host->arena, at, name))
		return;
	type = link_name(&dir, "mdev_type");
	device = add_device(host, &dir);
	if (device->model) {
		device->uuid = visible(&host->arena, name);
		device->type = type;
		device->parent = device_parent(host, at, name, type);
	} else {
		host->nr_devices--;
		read_other_mdev(reader, &dir, name, type);
	}
	dir_close(&dir);
}

/* What a device that is no mdev can be, named as a mdev type is. */
static struct type *read_own(struct reader *reader, const struct dir *dir,
			     const struct device *device)
{
	struct arena *arena = &reader->host->arena;
	struct type *own = arena_alloc(arena, sizeof(*own));

	own->device = device->uuid;
	own->available = UNKNOWN;
	reader->where = arena_printf(arena, "%s: migration/type", device->uuid);
	read_kind(reader, own, dir->fd, "migration/type");
	own->name = arena_printf(arena, "%s-%s",
				 device->driver ? device->driver : device->bus,
				 own->version ? own->version : "?");
	return own->model ? own : NULL;
}

/* A device that is no mdev, if it says what it is or can be; there may be thousands that do not. */
static void read_described(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct host *host = reader->host;
	struct arena *arena = &host->arena;
	struct device *device;
	char path[NAME_MAX + 32];
	struct dir dir;

	snprintf(path, sizeof(path), "%s/migration/model", name);
	if (faccessat(at, path, F_OK, 0)) {
		read_other(reader, at, name);
		return;
	}
	if (dir_open(&dir, arena, at, name))
		return;
	device = add_device(host, &dir);
	device->uuid = arena_printf(arena, "%s/%s", reader->bus,
				    visible(arena, name));
	device->bus = reader->bus;
	device->driver = link_name(&dir, "driver");
	device->own = read_own(reader, &dir, device);
	device->type = device->own ? device->own->name : NULL;
	/* Gone in between. */
	if (!device->model)
		host->nr_devices--;
	dir_close(&dir);
}

static void read_bus(void *context, int at, const char *name)
{
	struct reader *reader = context;
	char path[NAME_MAX + 32];

	snprintf(path, sizeof(path), "%s/devices", name);
	reader->bus = visible(&reader->host->arena, name);
	if (strcmp(name, "mdev"))
		each_in(at, path, reader, read_described);
}

static void read_module(void *context, int at, const char *name)
{
	struct reader *reader = context;
	struct host *host = reader->host;
	struct dir dir;

	if (strncmp(name, "mdev_", 5) ||
	    dir_open(&dir, &host->arena, at, name))
		return;
	host->modules = grow_array(host->modules, host->nr_modules,
				   sizeof(*host->modules));
	host->modules[host->nr_modules++] = (struct module) {
		.name = visible(&host->arena, name),
		.version = attr(&dir, "version"),
		.srcversion = attr(&dir, "srcversion"),
	};
	dir_close(&dir);
}

/* The first line of a file that is not the sysfs's. */
static const char *line_of(struct arena *arena, const char *path)
{
	struct dir dir = { .arena = arena, .fd = AT_FDCWD };
	const char *line = attr(&dir, path);

	return line && *line ? line : NULL;
}

/* Another sysfs is another host's, or a container's: its names are not ours. */
static void read_names(struct host *host, int at)
{
	struct dir dir = { .arena = &host->arena, .fd = at };
	struct utsname name;

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	host->name = attr(&dir, "kernel/hostname");
	if (!host->name)
		host->name = visible(&host->arena, name.nodename);
	host->kernel = arena_strdup(&host->arena, name.release);
	host->machine = arena_strdup(&host->arena, name.machine);
	host->taken = time(NULL);
	if (strcmp(host->root, SYSFS_ROOT))
		return;
	host->machine_id = line_of(&host->arena, "/etc/machine-id");
	host->boot_id = line_of(&host->arena, "/proc/sys/kernel/random/boot_id");
}

int host_from_sysfs(struct host *host, const char *root)
{
	struct reader reader = { .host = host };
	int fd;

	memset(host, 0, sizeof(*host));
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return complain(DONE_ERROR,
				"cannot open %s: %s; --root is where a sysfs is mounted",
				root, strerror(errno));
	reader.root = fd;
	host->root = arena_strdup(&host->arena, root);
	host->where = host->root;
	host->ask = kernel_ask;
	read_names(host, fd);
	each_in(fd, "module", &reader, read_module);
	each_in(fd, "class/mdev_bus", &reader, read_parent);
	each_in(fd, "bus/mdev/devices", &reader, read_device);
	each_in(fd, "bus", &reader, read_bus);
	each_in(fd, "class/vfio-dev", &reader, read_vfio);
	name_vgpus(host);
	close(fd);
	return 0;
}

static bool there_is(const char *root, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s/%s", root, folder, name);

	return len > 0 && len < (int)sizeof(path) && !access(path, F_OK);
}

/* Is there a device, TYPE, PARENT/TYPE or BUS/NAME of this name? */
bool sysfs_has(const char *root, const char *name)
{
	static const char types[] = "class/mdev_bus/%s/mdev_supported_types";
	const char *slash = strchr(name, '/');
	bool found = there_is(root, "bus/mdev/devices", name);
	struct arena arena = { 0 };
	struct dirent *entry;
	char folder[PATH_MAX];
	char *bus;
	DIR *dir;

	/* A path that leads elsewhere is none of them. */
	if (*name == '.' || *name == '/' || strstr(name, "/."))
		return false;
	if (slash) {
		bus = arena_strndup(&arena, name, slash - name);
		snprintf(folder, sizeof(folder), types, bus);
		found = there_is(root, folder, slash + 1);
		snprintf(folder, sizeof(folder), "bus/%s/devices", bus);
		found = found || there_is(root, folder, slash + 1);
	}
	dir = slash ? NULL :
		      opendir(arena_printf(&arena, "%s/class/mdev_bus", root));
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(folder, sizeof(folder), types, entry->d_name);
		found = there_is(root, folder, name);
	}
	if (dir)
		closedir(dir);
	arena_free(&arena);
	return found;
}
