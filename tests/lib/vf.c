// SPDX-License-Identifier: GPL-2.0-only
#include "vf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"

#define OWNER_DIR	PCI_DEVICES "/" VF_OWNER
#define UNSAFE		"parameters/allow_unsafe_interrupts"

const char *vf_name(unsigned int nr)
{
	static const char * const names[VF_MAX] = {
		"0000:40:00.1", "0000:40:00.2", "0000:40:00.3", "0000:40:00.4",
	};

	return names[nr - 1];
}

/* Has the function that driver? */
bool vf_has(unsigned int nr, const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/%s", driver,
		 vf_name(nr));
	return !access(path, F_OK);
}

/* That driver has the function from here on, and no other one. */
int vf_bind(unsigned int nr, const char *driver)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver/unbind",
		 vf_name(nr));
	ret = sysfs_write(path, vf_name(nr));
	if (ret && ret != -ENOENT)
		return ret;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override",
		 vf_name(nr));
	ret = sysfs_write(path, driver);
	if (!ret)
		ret = sysfs_write("/sys/bus/pci/drivers_probe", vf_name(nr));
	if (!ret && !vf_has(nr, driver))
		return -ENODEV;
	return ret;
}

/* The first folder below @dir whose name begins with @prefix; false if there is none. */
static bool find_entry(const char *dir, const char *prefix, char *name,
		       size_t size)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	bool found = false;

	if (!d)
		return false;
	while (!found && (de = readdir(d))) {
		found = de->d_name[0] != '.' &&
			!strncmp(de->d_name, prefix, strlen(prefix));
		if (found)
			snprintf(name, size, "%.200s", de->d_name);
	}
	closedir(d);
	return found;
}

/* The interface of a function whose driver is VF_USES; @name has room for IFNAMSIZ. */
int vf_netdev(unsigned int nr, char *name)
{
	char dir[PATH_MAX], virtio[256];

	snprintf(dir, sizeof(dir), PCI_DEVICES "/%s", vf_name(nr));
	if (!find_entry(dir, "virtio", virtio, sizeof(virtio)))
		return -ENOENT;
	snprintf(dir, sizeof(dir), PCI_DEVICES "/%s/%.200s/net", vf_name(nr),
		 virtio);
	return find_entry(dir, "", name, IFNAMSIZ) ? 0 : -ENOENT;
}

/* As many functions, for VFIO; User-mode Linux cannot keep their interrupts apart. */
int vf_make(unsigned int nr)
{
	char value[16];
	unsigned int i;
	int ret;

	sysfs_write("/sys/module/vfio_iommu_type1/" UNSAFE, "Y");
	sysfs_write("/sys/module/iommufd/" UNSAFE, "Y");
	ret = sysfs_write(OWNER_DIR "/sriov_drivers_autoprobe", "0");
	if (ret)
		return ret;
	snprintf(value, sizeof(value), "%u", nr);
	ret = sysfs_write(OWNER_DIR "/sriov_numvfs", value);
	for (i = 1; !ret && i <= nr; i++)
		ret = vf_bind(i, VF_MIGRATES);
	return ret;
}

/* No functions any more, and no driver of their owner: the module can be unloaded. */
int vf_remove(void)
{
	int ret = sysfs_write(OWNER_DIR "/sriov_numvfs", "0");
	int unbound = sysfs_write(OWNER_DIR "/driver/unbind", VF_OWNER);

	return ret ? ret : unbound;
}

/* A file of debugfs, with a zero behind that does not count. */
int vf_read(unsigned int nr, const char *file, struct buf *text)
{
	char path[PATH_MAX];
	int fd, ret;

	text->len = 0;
	snprintf(path, sizeof(path), VF_DEBUG "/vf%u/%s", nr, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = mig_drain(fd, text, 1 << 16);
	close(fd);
	if (!ret)
		ret = buf_reserve(text, text->len + 1);
	if (!ret)
		text->data[text->len] = 0;
	return ret;
}

int vf_write(unsigned int nr, const char *file, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), VF_DEBUG "/vf%u/%s", nr, file);
	return sysfs_write(path, value);
}

/* The part at *@at, which then is behind it; false if there is no whole one. */
bool part_next(const uint8_t *parts, size_t len, size_t *at, struct part *part)
{
	const uint8_t *hdr = parts + *at;

	if (len - *at < PART_HDR)
		return false;
	*part = (struct part) {
		.at = *at,
		.type = get_le16(hdr),
		.flags = hdr[2],
		.selector = get_le64(hdr + 4),
		.len = get_le32(hdr + 12),
		.value = hdr + PART_HDR,
	};
	if (len - *at - PART_HDR < part->len)
		return false;
	*at += PART_HDR + part->len;
	return true;
}

bool part_find(const struct buf *parts, uint16_t type, uint64_t selector,
	       struct part *part)
{
	size_t at = 0;

	while (part_next(parts->data, parts->len, &at, part)) {
		if (part->type == type && part->selector == selector)
			return true;
	}
	return false;
}

int part_append(struct buf *parts, uint16_t type, uint8_t flags,
		uint64_t selector, const void *value, uint32_t len)
{
	uint8_t hdr[PART_HDR] = { 0 };
	int ret;

	put_le16(hdr, type);
	hdr[2] = flags;
	put_le64(hdr + 4, selector);
	put_le32(hdr + 12, len);
	ret = buf_append(parts, hdr, sizeof(hdr));
	return ret ? ret : buf_append(parts, value, len);
}

int part_remove(struct buf *parts, uint16_t type, uint64_t selector)
{
	struct part part;
	size_t end;

	if (!part_find(parts, type, selector, &part))
		return -ENOENT;
	end = part.at + PART_HDR + part.len;
	memmove(parts->data + part.at, parts->data + end, parts->len - end);
	parts->len -= end - part.at;
	return 0;
}

/* struct virtiovf_migration_header, and what follows it. */
int record_append(struct buf *stream, uint32_t flags, uint32_t tag,
		  const void *data, size_t len)
{
	uint8_t hdr[RECORD_HDR];
	int ret;

	put_le64(hdr, len);
	put_le32(hdr + 8, flags);
	put_le32(hdr + 12, tag);
	ret = buf_append(stream, hdr, sizeof(hdr));
	return ret ? ret : buf_append(stream, data, len);
}

/* The parts of the last record: each has all of them. How many records there are. */
int record_last(const struct buf *stream, struct buf *parts)
{
	size_t at = 0;
	int nr = 0, ret;

	while (at < stream->len) {
		const uint8_t *hdr = stream->data + at;
		uint64_t len;

		if (stream->len - at < RECORD_HDR)
			return -EBADMSG;
		len = get_le64(hdr);
		at += RECORD_HDR;
		/* This driver writes no others. */
		if (len > stream->len - at || get_le32(hdr + 8) ||
		    get_le32(hdr + 12))
			return -EBADMSG;
		parts->len = 0;
		ret = buf_append(parts, stream->data + at, len);
		if (ret)
			return ret;
		at += len;
		nr++;
	}
	return nr;
}

/* Loads parts into a function, which is stopped then, or still in RESUMING after an error. */
int vf_feed(struct vdev *v, const void *parts, size_t len)
{
	struct buf stream = { 0 };
	int ret = record_append(&stream, 0, 0, parts, len);

	if (!ret)
		ret = mig_load(v, stream.data, stream.len, 0);
	buf_free(&stream);
	return ret;
}

/* Stops a function and takes its parts. */
int vf_take(struct vdev *v, struct buf *parts)
{
	struct buf stream = { 0 };
	int ret = mig_save(v, &stream);

	if (!ret)
		ret = record_last(&stream, parts);
	buf_free(&stream);
	return ret < 0 ? ret : 0;
}

/*
 * Runs a command as if the owner's driver had sent it: VF_STATUS(), 0 for the status that
 * says that all is well, or an errno.
 */
int vf_command(const struct vf_command *command, struct buf *result)
{
	struct buf in = { 0 };
	uint8_t hdr[24] = { 0 };
	int fd = -1, ret;

	put_le16(hdr, command->opcode);
	put_le16(hdr + 2, command->group);
	put_le64(hdr + 16, command->member);
	ret = buf_append(&in, hdr, sizeof(hdr));
	if (!ret)
		ret = buf_append(&in, command->data, command->len);
	if (!ret) {
		fd = open(VF_DEBUG "/admin", O_RDWR | O_CLOEXEC);
		ret = fd < 0 ? -errno : 0;
	}
	if (!ret && write(fd, in.data, in.len) != (ssize_t)in.len)
		ret = -EIO;
	result->len = 0;
	if (!ret)
		ret = buf_reserve(result, 1 << 16);
	if (!ret) {
		ssize_t n = read(fd, result->data, 1 << 16);

		ret = n < 8 ? -EIO : 0;
		if (!ret)
			result->len = n;
	}
	if (fd >= 0)
		close(fd);
	buf_free(&in);
	return ret ? ret : (int)get_le32(result->data);
}
