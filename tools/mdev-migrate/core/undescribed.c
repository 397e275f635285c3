// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of which one or both do not say what they are: what the kernel tells of
 * them is compared. Where that differs, and is known to matter, the answer is no.
 * Otherwise there is no way to know: what a driver wants, beside what is compared here,
 * nobody says before it is tried.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

/*
 * In Linux 7.2 these have no migration; what VFIO says of a device counts more. A mdev's
 * is what its type's name begins with.
 */
static const char * const no_migration[] = {
	"vfio-pci", "nvgrace_gpu_vfio_pci", "ism_vfio_pci", "i915", "vfio_ap",
	"vfio_ccw", "mdpy", "mbochs",
};

/* What is compared, and what it means if it is not the same. */
#define ANOTHER_DEVICE	INCOMPATIBLE, "device-differs", \
	"the guest would see another device"
#define ANOTHER_BOARD	NOT_KNOWN, "board-differs", \
	"the guest would see another board; only its maker knows what else is different"

static const struct fact {
	const char *parameter;
	size_t offset;
	enum result differs;
	const char *code;
	const char *why;
} facts[] = {
	/* QEMU compares these, before the state is read. */
	{ "vendor", offsetof(struct other, vendor), ANOTHER_DEVICE },
	{ "device", offsetof(struct other, device), ANOTHER_DEVICE },
	{ "revision", offsetof(struct other, revision), ANOTHER_DEVICE },
	/* Nobody compares these. */
	{ "subsystem_vendor", offsetof(struct other, subvendor), ANOTHER_BOARD },
	{ "subsystem_device", offsetof(struct other, subdevice), ANOTHER_BOARD },
	{ "qat_services", offsetof(struct other, qat_services), NOT_KNOWN,
	  "services-differ",
	  "the driver refuses a state if the destination's queues are for other services" },
};

/**
 * struct side - the source or the destination
 * @what: which of them, for people
 * @driver: its driver; of a mdev what its type's name begins with; or NULL
 * @len: of @driver
 * @type: a mdev's type's name, or NULL
 * @pretty: the type's pretty name, or NULL
 * @other: if it is one
 */
struct side {
	const char *what;
	const char *driver;
	size_t len;
	const char *type;
	const char *pretty;
	const struct other *other;
};

/* A mdev type is called DRIVER-NAME by the kernel. */
static struct side side_of(const char *what, const struct type *type,
			   const struct other *other)
{
	struct side side = {
		.what = what,
		.other = other,
		.type = type ? type->name : other ? other->type : NULL,
		.pretty = type ? type->pretty_name : NULL,
	};

	side.driver = side.type ? side.type :
		      other && !other_is_mdev(other) ? other->driver : NULL;
	if (side.driver)
		side.len = side.type ? strcspn(side.driver, "-") :
				       strlen(side.driver);
	return side;
}

static void differ(struct arena *arena, struct findings *findings,
		   enum result result, const char *code, const char *parameter,
		   const char *from, const char *to, const char *why)
{
	findings_add(arena, findings, &(struct finding) {
		.result = result, .code = code, .parameter = parameter,
		.source = from, .allowed = to,
		.message = arena_printf(arena, "%s: the source has %s, the destination %s: %s",
					parameter, from, to, why),
	});
}

static void judge_support(struct arena *arena, struct findings *findings,
			  const struct side *side)
{
	const char *features = side->other ? side->other->features : NULL;
	bool never = false;
	size_t i;

	for (i = 0; side->driver && !features && i < sizeof(no_migration) /
						 sizeof(no_migration[0]); i++)
		never |= strlen(no_migration[i]) == side->len &&
			 !strncmp(no_migration[i], side->driver, side->len);
	if (!never && (!features || strstr(features, "stop-copy")))
		return;
	findings_add(arena, findings, &(struct finding) {
		.result = INCOMPATIBLE,
		.code = "cannot-migrate",
		.parameter = "driver",
		.message = arena_printf(arena, "%s's driver %.*s does not support migration%s",
					side->what, (int)side->len,
					side->driver ? side->driver : "",
					features ? " of it, as VFIO says" : ""),
	});
}

/* Names and the order of QAT's services: "sym;asym" is "asym;sym". */
static bool has_services(const char *all, const char *some)
{
	size_t len, n;

	for (; *some; some += len + (some[len] == ';')) {
		const char *p = all;

		len = strcspn(some, ";");
		for (; *p; p += n + (p[n] == ';')) {
			n = strcspn(p, ";");
			if (n == len && !strncmp(p, some, n))
				break;
		}
		if (!*p)
			return false;
	}
	return true;
}

static const char *fact_of(const struct other *other, size_t offset)
{
	const char *text;

	memcpy(&text, (const char *)other + offset, sizeof(text));
	return text;
}

static void compare_facts(struct arena *arena, struct findings *findings,
			  const struct other *from, const struct other *to)
{
	size_t i;

	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const char *a = fact_of(from, facts[i].offset);
		const char *b = fact_of(to, facts[i].offset);

		/* Of another device all of this is different. */
		if (findings->worst == INCOMPATIBLE)
			return;
		if (a && b && strcasecmp(a, b) &&
		    !(has_services(a, b) && has_services(b, a)))
			differ(arena, findings, facts[i].differs,
			       facts[i].code, facts[i].parameter, a, b, facts[i].why);
	}
	if (from->vram_quota && to->vram_quota &&
	    strtoull(to->vram_quota, NULL, 10) < strtoull(from->vram_quota, NULL, 10))
		differ(arena, findings, INCOMPATIBLE, "resource-smaller", "vram_quota",
		       from->vram_quota, to->vram_quota,
		       "the driver refuses a state that does not fit");
}

/* Numbers mean the same on the same card. */
static bool same_cards(const struct other *a, const struct other *b)
{
	return a->vendor && b->vendor && a->device && b->device &&
	       !strcasecmp(a->vendor, b->vendor) && !strcasecmp(a->device, b->device);
}

static bool is_set(const struct other *other)
{
	return other->vgpu_type && strcmp(other->vgpu_type, "0");
}

/* 1: @id or @name is what @from is, 0: it is not, -1: there is no way to know. */
static int is_vgpu(const struct other *from, const struct other *to,
		   const char *id, const char *name)
{
	if (from->vgpu_name && name)
		return !strcmp(from->vgpu_name, name);
	return same_cards(from, to) ? !strcmp(from->vgpu_type, id) : -1;
}

/* What the destination is made, or can be made, has to be what the source is. */
static void compare_vgpus(struct arena *arena, struct findings *findings,
			  const struct other *from, const struct other *to)
{
	const char *wanted = from->vgpu_name ? from->vgpu_name : from->vgpu_type;
	int same = 0;
	size_t i;

	if (!is_set(from) || !to->vgpu_type)
		return;
	if (is_set(to)) {
		if (!is_vgpu(from, to, to->vgpu_type, to->vgpu_name))
			differ(arena, findings, INCOMPATIBLE, "type-differs", "vgpu_type",
			       wanted, to->vgpu_name ? to->vgpu_name : to->vgpu_type,
			       "a vGPU moves to one of its type only");
		return;
	}
	for (i = 0; i < to->nr_vgpus && !same; i++)
		same = is_vgpu(from, to, to->vgpus[i].id, to->vgpus[i].name);
	if (to->vgpus && !same)
		findings_add(arena, findings, &(struct finding) {
			.result = INCOMPATIBLE, .code = "type-differs",
			.parameter = "vgpu_type", .source = wanted,
			.message = arena_printf(arena,
						"vgpu_type: the source has %s; the destination is nothing yet, and cannot be made that now%s",
						wanted, to->nr_vgpus ? "" : ": its card is full"),
		});
	else if (same > 0)
		findings_add(arena, findings, &(struct finding) {
			.result = NOT_KNOWN, .code = "type-unset",
			.parameter = "vgpu_type", .source = wanted,
			.message = arena_printf(arena,
						"vgpu_type: the source is %s; the destination is nothing yet, but can be made that",
						wanted),
			.fix = arena_printf(arena, "write %s to nvidia/current_vgpu_type",
					    to->vgpus[i - 1].id),
		});
}

static void compare_types(struct arena *arena, struct findings *findings,
			  const struct side *from, const struct side *to)
{
	static const char why[] = "a mediated device moves to one of its type only";

	if (strcmp(from->type, to->type))
		differ(arena, findings, INCOMPATIBLE, "type-differs", "type",
		       from->type, to->type, why);
	else if (from->pretty && to->pretty && strcmp(from->pretty, to->pretty))
		differ(arena, findings, INCOMPATIBLE, "type-differs", "type",
		       from->pretty, to->pretty, why);
}

/* " vendor 0x15b3, device 0x101e" */
static const char *agreed(struct arena *arena, const struct side *from,
			  const struct side *to)
{
	const char *text = "";
	size_t i;

	if (from->type && to->type)
		text = arena_printf(arena, ", type %s", from->type);
	if (!from->other || !to->other)
		return text;
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const char *a = fact_of(from->other, facts[i].offset);
		const char *b = fact_of(to->other, facts[i].offset);

		if (a && b && !strcasecmp(a, b))
			text = arena_printf(arena, "%s, %s %s", text,
					    facts[i].parameter, a);
	}
	return text;
}

static void not_known(struct arena *arena, struct findings *findings,
		      const struct side *from, const struct side *to)
{
	const char *driver = from->driver;

	findings_add(arena, findings, &(struct finding) {
		.result = NOT_KNOWN,
		.code = "source-says-nothing",
		.message = driver && to->driver ?
			arena_printf(arena,
				     "the source's driver says nothing about migration; the same on both sides: driver %.*s%s",
				     (int)from->len, driver, agreed(arena, from, to)) :
			"the source's driver says nothing about migration",
	});
}

/* The source does not describe itself, or the destination is a device that does not. */
void judge_undescribed(struct arena *arena, struct findings *findings,
		       const struct source *source, const struct target *target)
{
	struct side from = side_of("the source", source->type, source->other);
	struct side to = side_of("the destination", target->type, target->other);

	judge_support(arena, findings, &from);
	judge_support(arena, findings, &to);
	if (findings->worst == INCOMPATIBLE)
		return;
	if (source->config_known) {
		findings_add(arena, findings, &(struct finding) {
			.result = NOT_KNOWN, .code = "destination-says-nothing",
			.message = arena_printf(arena,
						"the destination's driver %s says nothing about migration",
						to.driver ? to.driver : ""),
		});
		return;
	}
	if (from.driver && to.driver &&
	    (from.len != to.len || strncmp(from.driver, to.driver, from.len))) {
		differ(arena, findings, INCOMPATIBLE, "driver-differs", "driver",
		       arena_strndup(arena, from.driver, from.len),
		       arena_strndup(arena, to.driver, to.len),
		       "a driver takes only states that are its own");
	} else if (from.type && to.type) {
		compare_types(arena, findings, &from, &to);
	} else if (from.other && to.other) {
		compare_facts(arena, findings, from.other, to.other);
		compare_vgpus(arena, findings, from.other, to.other);
	}
	if (findings->worst != INCOMPATIBLE)
		not_known(arena, findings, &from, &to);
}
