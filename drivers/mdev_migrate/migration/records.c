// SPDX-License-Identifier: GPL-2.0-only
/* The records that a device can load, as its driver says: are they in order? */
#include "migration.h"

static const char *blob_fault(const struct mdev_migrate_record_type *rec)
{
	if (rec->blob && !rec->max_total)
		return "a blob of nothing";
	if (rec->blob && rec->max_length <= sizeof(struct mdev_migrate_blob))
		return "a length that has no room for a part of a blob";
	if (!rec->blob && rec->max_total)
		return "a blob's size, but is not a blob";
	return NULL;
}

static const char *head_fault(const struct mdev_migrate_record_type *rec,
			      bool has_room)
{
	if (!rec->head)
		return NULL;
	if (!rec->in_place || rec->blob)
		return "a head, but is not loaded in place as a whole";
	if (rec->head >= rec->max_length)
		return "a head that leaves nothing behind it";
	return has_room ? NULL : "a head, and there is no load_room()";
}

static const char *tag_fault(u32 tag, bool pci)
{
	if (tag >= MDEV_MIGRATE_TAG_MODELS)
		return NULL;
	if (!pci)
		return "a tag that is reserved for the stream itself and PCI";
	if (tag >= MDEV_MIGRATE_TAG_PCI_CONFIG &&
	    tag <= MDEV_MIGRATE_TAG_PCI_LAYOUT)
		return NULL;
	return "a tag that is reserved for the stream itself";
}

/* What is wrong with a record that a driver says it can load, or NULL. */
static const char *record_fault(const struct mdev_migrate_record_type *records,
				unsigned int index, bool pci, bool has_room)
{
	const struct mdev_migrate_record_type *rec = &records[index];
	const char *fault = tag_fault(rec->tag, pci) ?: head_fault(rec, has_room);
	unsigned int i;

	if (fault)
		return fault;
	if (rec->max_length > MDEV_MIGRATE_RECORD_MAX)
		return "a length that no record can have";
	for (i = 0; i < index; i++) {
		if (records[i].tag == rec->tag)
			return "a tag that another one has";
	}
	return blob_fault(rec);
}

/**
 * mdm_records_check - are the records that a device can load in order?
 * @records: the records
 * @nr: how many
 * @pci: those of a PCI function may be among them
 * @has_room: their driver has load_room()
 * @why: filled on error
 *
 * Return: 0 or -EINVAL.
 */
int mdm_records_check(const struct mdev_migrate_record_type *records,
		      unsigned int nr, bool pci, bool has_room,
		      struct mdev_migrate_msg *why)
{
	struct mdm_tag_room room;
	const char *fault;
	struct mdm_tag tag;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		fault = record_fault(records, i, pci, has_room);
		if (!fault)
			continue;
		tag = mdm_type_tag(&records[i]);
		return mdm_say(why, -EINVAL, "record %s has %s",
			       mdm_tag_name(&room, &tag), fault);
	}
	return 0;
}
