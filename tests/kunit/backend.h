/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory without an IOMMU backend: what is pinned and copied is a test's pages.
 * Part of under_test.c, in front of what calls the backends.
 */
#include <linux/highmem.h>
#include <linux/vfio.h>

#define BACKEND_PAGES	1024

/**
 * struct backend - an address space
 * @pages: by number; NULL where nothing is mapped
 * @pinned: how often each is
 * @read_only: pages from this one on cannot be written
 * @errors: so many calls for pinning fail
 * @error: with this
 * @partial: one call pins no more than this, if that is not 0
 * @calls: for pinning
 */
struct backend {
	struct page *pages[BACKEND_PAGES];
	atomic_t pinned[BACKEND_PAGES];
	unsigned long read_only;
	unsigned int errors;
	int error;
	int partial;
	unsigned int calls;
};

/* One test runs at a time. */
static struct backend *backend;

static int backend_pin(struct vfio_device *vdev, dma_addr_t iova, int npage,
		       int prot, struct page **pages)
{
	unsigned long first = iova >> PAGE_SHIFT;
	int i;

	backend->calls++;
	if (backend->errors) {
		backend->errors--;
		return backend->error;
	}
	for (i = 0; i < npage; i++) {
		if (first + i >= BACKEND_PAGES || !backend->pages[first + i])
			return -EINVAL;
		if ((prot & IOMMU_WRITE) && first + i >= backend->read_only)
			return -EPERM;
	}
	if (backend->partial)
		npage = backend->partial;
	backend->partial = 0;
	for (i = 0; i < npage; i++) {
		pages[i] = backend->pages[first + i];
		atomic_inc(&backend->pinned[first + i]);
	}
	return npage;
}

static void backend_unpin(struct vfio_device *vdev, dma_addr_t iova, int npage)
{
	unsigned long first = iova >> PAGE_SHIFT;
	int i;

	for (i = 0; i < npage; i++)
		atomic_dec(&backend->pinned[first + i]);
}

/* In a page, as it is called. */
static int backend_rw(struct vfio_device *vdev, dma_addr_t iova, void *data,
		      size_t len, bool write)
{
	unsigned long page = iova >> PAGE_SHIFT;
	void *addr;

	if (page >= BACKEND_PAGES || !backend->pages[page])
		return -EINVAL;
	if (write && page >= backend->read_only)
		return -EPERM;
	addr = page_address(backend->pages[page]) + offset_in_page(iova);
	if (write)
		memcpy(addr, data, len);
	else
		memcpy(data, addr, len);
	return 0;
}

#define vfio_pin_pages		backend_pin
#define vfio_unpin_pages	backend_unpin
#define vfio_dma_rw		backend_rw
