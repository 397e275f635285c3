// SPDX-License-Identifier: GPL-2.0-only
/*
 * State streams: any bytes, in any split. The first byte says how the others
 * are split and whether the records' checksums are made right first, since no
 * random change gets past them otherwise.
 */
#include <stdlib.h>
#include <string.h>

#include "../../drivers/mdev_migrate/codec/stream.h"
#include "../../tools/mdev-migrate-stream/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const program = "fuzz";

static void seal(uint8_t *data, size_t size)
{
	struct mdev_migrate_record_hdr hdr;
	size_t at = 0;

	while (size - at >= sizeof(hdr)) {
		u32 length;

		memcpy(&hdr, data + at, sizeof(hdr));
		length = le32_to_cpu(hdr.length);
		if (length > size - at - sizeof(hdr))
			return;
		mdm_record_seal(&hdr, le32_to_cpu(hdr.tag),
				le32_to_cpu(hdr.flags),
				data + at + sizeof(hdr), length);
		memcpy(data + at, &hdr, sizeof(hdr));
		at += sizeof(hdr) + length;
	}
}

static struct json *decode(const uint8_t *data, size_t size, size_t chunk,
			   int *result)
{
	struct decoder *decoder = decode_begin();
	size_t at, len;

	for (at = 0; at < size; at += len) {
		len = size - at < chunk ? size - at : chunk;
		if (decode_push(decoder, data + at, len))
			break;
	}
	return decode_finish(decoder, false, result);
}

static bool same(const struct json *a, const struct json *b, const char *key)
{
	return json_equal(json_get(a, key), json_get(b, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int whole_result, split_result;
	struct json *whole, *split;
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (copy[0] & 1)
		seal(copy + 1, size - 1);
	whole = decode(copy + 1, size - 1, SIZE_MAX, &whole_result);
	split = decode(copy + 1, size - 1, (copy[0] >> 1) + 1, &split_result);
	/* What follows END is counted by how it comes: errors may differ in words. */
	if (whole_result != split_result || !same(whole, split, "records") ||
	    !same(whole, split, "bytes") || !same(whole, split, "verdict"))
		abort();
	json_forget();
	free(copy);
	return 0;
}
