/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a host offers and has, read from its sysfs, a snapshot or a device
 * program's own words: the same for all that judges it.
 */
#ifndef MDEV_MIGRATE_HOST_H
#define MDEV_MIGRATE_HOST_H

#include <linux/mdev_migrate/config.h>

#include "../../common/util.h"

struct findings;
struct host;
struct type;

/**
 * struct param - a parameter of a type
 * @codec: name, type, off value and what is allowed, as the module has it
 * @def: what a device of the type has if nothing is written
 */
struct param {
	struct mdev_migrate_param codec;
	__u64 def;
};

/**
 * struct params - a type's parameters
 * @nr: how many
 * @params: sorted by name
 * @keep: where findings are kept if many types share this table and it is known
 *	how many sources there are, else NULL
 * @judged: these findings, by source
 */
struct params {
	size_t nr;
	struct param *params;
	struct arena *keep;
	struct findings **judged;
};

/**
 * struct config - a configuration as it is written
 * @model: the URI
 * @nr: how many parameters are not off
 * @items: name and value, sorted by name
 * @text: the string it was read from
 */
struct config {
	const char *model;
	size_t nr;
	struct config_item {
		const char *name;
		const char *value;
	} *items;
	const char *text;
};

/**
 * struct type - what a host can make devices of
 * @name: such as virtio_net-v2
 * @pretty_name: what its driver calls it, for people, or NULL
 * @parent: the parent device's name, under class/mdev_bus/
 * @subsystem: the parent's
 * @api: device_api
 * @description: for people
 * @model: URI, NULL if the driver says nothing about migration
 * @version: a name for the defaults
 * @config: the defaults' canonical configuration
 * @stream: the state stream's version, "1.0", or NULL
 * @combinations: "any" or NULL: each value goes with each; else not known here
 * @available: how many devices can be made, or UNKNOWN
 * @params: NULL if not known: only the version's name is
 * @unreadable: what of the parameters makes no sense; then @params is NULL
 * @is_program: a vfio-user device program, not an mdev type
 * @device: of what a device that is no mdev can be: the device, as BUS/NAME; none
 *	can be made of the type
 */
struct type {
	const char *name;
	const char *pretty_name;
	const char *parent;
	const char *subsystem;
	const char *api;
	const char *description;
	const char *model;
	const char *version;
	const char *config;
	const char *stream;
	const char *combinations;
	long long available;
	struct params *params;
	const char *unreadable;
	bool is_program;
	const char *device;
};

/**
 * struct device - a mediated device, or one on another bus that says what it is
 * @uuid: its name; of one that is no mdev BUS/NAME
 * @type: its type's name
 * @parent: its parent's
 * @bus: of one that is no mdev, else NULL
 * @driver: likewise
 * @own: likewise: what it can be
 * @model: URI or NULL
 * @version: its type's
 * @config: what it is now
 * @state: VFIO's migration state
 * @last_error: the last migration step that failed, or NULL
 * @stop_copy_bytes: estimate, or UNKNOWN
 */
struct device {
	const char *uuid;
	const char *type;
	const char *parent;
	const char *bus;
	const char *driver;
	struct type *own;
	const char *model;
	const char *version;
	const char *config;
	const char *state;
	const char *last_error;
	long long stop_copy_bytes;
};

/* A vGPU type that can be made: a number, which means something on its card only, and a name. */
struct vgpu {
	const char *id;
	const char *name;
};

/**
 * struct other - a VFIO device whose driver does not say what it is
 * @name: PCI address, UUID or what the bus calls it
 * @bus: "pci", "mdev", ...
 * @driver: who drives it
 * @api: device_api
 * @type: mdev type
 * @features: what of migration VFIO says that the driver supports, "none", or NULL
 * @state: VFIO's migration state
 * @vendor: PCI id, likewise the following
 * @physfn: the physical function's name
 * @qat_services: of QAT: what the physical function is set up for
 * @vram_quota: of xe: bytes of video memory
 * @vgpu_type: of NVIDIA: the number of what it is, "0" for nothing yet
 * @vgpu_name: the name of that, if it is known
 * @vgpus: likewise: what it could be made now
 * @nr_vgpus: how many
 */
struct other {
	const char *name;
	const char *bus;
	const char *driver;
	const char *api;
	const char *type;
	const char *features;
	const char *state;
	const char *vendor;
	const char *device;
	const char *revision;
	const char *subvendor;
	const char *subdevice;
	const char *physfn;
	const char *qat_services;
	const char *vram_quota;
	const char *vgpu_type;
	const char *vgpu_name;
	struct vgpu *vgpus;
	size_t nr_vgpus;
};

/**
 * struct module - a module of the project's
 * @name: such as mdev_migrate
 * @version: or NULL
 * @srcversion: or NULL
 */
struct module {
	const char *name;
	const char *version;
	const char *srcversion;
};

/*
 * Asks the host's own kernel whether it would take a device of @type with the
 * configuration @config: 0, a negative errno if it would not, or 1 if it cannot be
 * asked, and in @why why not.
 */
typedef int (*ask_kernel)(const struct host *host, const struct type *type,
			  const char *config, struct mdev_migrate_msg *why);

/**
 * struct host - a host
 * @arena: holds all of it
 * @name: its name
 * @kernel: release
 * @machine: architecture
 * @machine_id: of /etc/machine-id, or NULL
 * @boot_id: changes with each boot, or NULL
 * @taken: when it was described, in seconds since 1970, or UNKNOWN
 * @where: what it was read from, for messages
 * @root: the sysfs it was read from, NULL if it is a snapshot
 * @ask: asks its kernel, NULL if that is elsewhere
 * @memo: has the parameters that it shares with others, or NULL
 * @nr_left_out: how much of it made no sense, and is not here
 */
struct host {
	struct arena arena;
	const char *name;
	const char *kernel;
	const char *machine;
	const char *machine_id;
	const char *boot_id;
	long long taken;
	const char *where;
	const char *root;
	ask_kernel ask;
	struct memo *memo;
	unsigned int nr_left_out;
	struct module *modules;
	size_t nr_modules;
	struct type *types;
	size_t nr_types;
	struct device *devices;
	size_t nr_devices;
	struct other *others;
	size_t nr_others;
};

void host_free(struct host *host);
struct type *host_type(struct host *host, const char *name, const char *parent);
bool host_type_is_many(const struct host *host, const char *name);
bool host_same(const struct host *a, const struct host *b);
const char *type_label(struct arena *arena, const struct type *type);
struct type *host_device_type(struct host *host, const struct device *device);
struct device *host_device(struct host *host, const char *uuid);
size_t host_nr_kinds(const struct host *host);
const struct type *host_kind(const struct host *host, size_t i);
struct other *host_other(struct host *host, const char *name);
bool other_is_mdev(const struct other *other);
const char *other_label(struct arena *arena, const struct other *other);

/* param.c */
struct param_text {
	const char *name;
	const char *type;
	const char *off;
	const char *def;
	const char *allowed;
	const char *description;
};

int param_build(struct arena *arena, struct param *param,
		const struct param_text *text, struct mdev_migrate_msg *why);
int params_sort(struct params *params, struct mdev_migrate_msg *why);
const struct param *params_find(const struct params *params, const char *name);
const char *param_value(struct arena *arena, const struct param *param,
			uint64_t value);
const char *param_allowed(struct arena *arena, const struct param *param);
const char *param_type_name(const struct param *param);
int config_read(struct arena *arena, struct config *config, const char *text,
		struct mdev_migrate_msg *why);
const char *config_value(const struct config *config, const char *name);
char *params_config(struct arena *arena, const char *model,
		    const struct params *params);

#endif /* MDEV_MIGRATE_HOST_H */
