// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of the memory, and what is written through them.
 *
 * Nobody sees a store of the guest's. So a page that is clean is mapped for reading at
 * most, in any process: who writes to it faults, and the fault, under ram->lock, marks it
 * dirty before it lets him write. Whoever makes it clean holds the lock from before he
 * takes the mappings away until he has copied the page:
 *
 *	put.c, under ram->lock		a writer on another processor
 *
 *	clear dirty and writable
 *	unmap_mapping_pages():		stores until its processor has dropped the
 *	  page tables, TLBs of all	translation: unmap_mapping_pages() waits for that,
 *	  processors			so that the copy has all of them; afterwards it
 *					faults, and waits for ram->lock
 *	copy the page
 *	unlock				marks the page dirty, maps it, stores
 *
 * So each store is in the copy, or its page is dirty again. The first half needs that the
 * mappings go before the copy; the second that the fault's entry in the page table is made
 * under the lock, and not by the kernel after pfn_mkwrite() has returned: by then the page
 * may have been put, and mapped for reading as it was before. ram->writable says for which
 * pages there can be an entry that allows writing. Others need not be taken away.
 *
 * A munmap(), mremap() or fork() that is under way at the same time has the page tables'
 * locks and that of the inode's tree of mappings against unmap_mapping_pages(), as it has
 * against a truncated file. What munmap() has cleared and not yet flushed is flushed before
 * the mapping leaves the tree, which the kernel does for VM_PFNMAP. get_user_pages() refuses
 * such mappings: nobody keeps a page that was taken away.
 *
 * While no session runs all pages that there are, are dirty, and stay mapped.
 */
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>

#include "ram.h"

/* Where a view is in the inode: no two overlap. */
static pgoff_t view_base(const struct mdev_migrate_ram_view *view)
{
	return (pgoff_t)view->id << 32;
}

/**
 * mdm_ram_view_init - there is a view
 * @ram: the memory
 * @view: the view
 * @nr: pages that it shows
 *
 * Context: Under @ram->lock.
 */
void mdm_ram_view_init(struct mdev_migrate_ram *ram,
		       struct mdev_migrate_ram_view *view, u32 nr)
{
	lockdep_assert_held(&ram->lock);
	*view = (struct mdev_migrate_ram_view) {
		.ram = ram,
		.id = ram->nr_views++,
		.nr = nr,
	};
	list_add_tail(&view->node, &ram->views);
}

static void unmap_view(struct mdev_migrate_ram_view *view, u32 at, u32 nr)
{
	if (nr)
		unmap_mapping_pages(view->ram->inode->i_mapping,
				    view_base(view) + at, nr, true);
}

/**
 * mdm_ram_unmap - take away all mappings of some pages
 * @ram: the memory
 * @first: the first page
 * @nr: how many
 *
 * On return nobody writes to the pages, nor reads them, without a fault first, which
 * waits for @ram->lock.
 *
 * Context: May sleep. Under @ram->lock.
 */
void mdm_ram_unmap(struct mdev_migrate_ram *ram, u32 first, u32 nr)
{
	struct mdev_migrate_ram_view *view;
	u32 n, at, before_end;

	lockdep_assert_held(&ram->lock);
	list_for_each_entry(view, &ram->views, node) {
		if (!view->mapped || first >= view->nr)
			continue;
		n = min(nr, view->nr - first);
		at = first >= view->start ? first - view->start :
		     view->nr - view->start + first;
		before_end = min(n, view->nr - at);
		unmap_view(view, at, before_end);
		unmap_view(view, 0, n - before_end);
	}
}

static u32 view_page(const struct mdev_migrate_ram_view *view,
		     const struct vm_fault *vmf)
{
	return ((u64)view->start + (u32)vmf->pgoff) % view->nr;
}

/*
 * Maps a page that there is. Not with vm_page_prot, which never allows writing, since there
 * is pfn_mkwrite().
 */
static vm_fault_t map_page(struct vm_fault *vmf, const u8 *at, bool write)
{
	vm_flags_t flags = vmf->vma->vm_flags;

	if (!write)
		flags &= ~VM_SHARED;
	return vmf_insert_pfn_prot(vmf->vma, vmf->address,
				   page_to_pfn(virt_to_page(at)),
				   vm_get_page_prot(flags));
}

static vm_fault_t ram_touch(struct vm_fault *vmf, bool write, bool is_mapped)
{
	struct mdev_migrate_ram_view *view = vmf->vma->vm_private_data;
	struct mdev_migrate_ram *ram = view->ram;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	u32 page;
	u8 *at;

	if (mutex_lock_killable(&ram->lock))
		return ret;
	page = view_page(view, vmf);
	view->mapped = true;
	/* Of a page that is to be put anyway nobody needs to know. */
	write |= test_bit(page, ram->dirty);
	at = write ? mdm_ram_written(ram, page, true) :
	     mdm_ram_make(ram, page, true);
	if (at) {
		mdm_ram_split(ram, page);
		if (write)
			__set_bit(page, ram->writable);
		/* What is there is not replaced. */
		if (is_mapped)
			mdm_ram_unmap(ram, page, 1);
		ret = map_page(vmf, at, write);
	}
	mutex_unlock(&ram->lock);
	return ret;
}

static vm_fault_t ram_fault(struct vm_fault *vmf)
{
	return ram_touch(vmf, vmf->flags & FAULT_FLAG_WRITE, false);
}

/* A page that is mapped for reading is written to. NOPAGE: it is mapped anew already. */
static vm_fault_t ram_pfn_mkwrite(struct vm_fault *vmf)
{
	return ram_touch(vmf, true, true);
}

static const struct vm_operations_struct ram_vm_ops = {
	.fault = ram_fault,
	.pfn_mkwrite = ram_pfn_mkwrite,
};

/**
 * mdev_migrate_ram_view_mmap - map a part of a view
 * @view: the view
 * @offset: where in it the mapping begins, in bytes: whole pages
 * @vma: where to
 *
 * As mdev_migrate_ram_mmap().
 *
 * Context: May sleep; under mmap_lock.
 * Return: as mdev_migrate_ram_mmap().
 */
int mdev_migrate_ram_view_mmap(struct mdev_migrate_ram_view *view, u64 offset,
			       struct vm_area_struct *vma)
{
	u64 first = offset / MDEV_MIGRATE_PAGE;
	struct file *file;

	if (PAGE_SIZE != MDEV_MIGRATE_PAGE)
		return -EOPNOTSUPP;
	if (!(vma->vm_flags & VM_SHARED) || offset_in_page(offset) ||
	    first > view->nr || vma_pages(vma) > view->nr - first)
		return -EINVAL;
	file = mdm_ram_file(view->ram, vma->vm_file);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vma_set_file(vma, file);
	fput(file);
	vma->vm_pgoff = view_base(view) + first;
	vma->vm_private_data = view;
	vma->vm_ops = &ram_vm_ops;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_view_mmap);

/**
 * mdev_migrate_ram_mmap - map a part of the memory
 * @ram: the memory, of a device that is open
 * @offset: where in it the mapping begins, in bytes: whole pages
 * @vma: where to, as @bar_mmap of struct mdev_migrate_pci_ops gets it
 *
 * The pages are allocated as they are touched. The mapping keeps the device open: that is,
 * the file that @vma has now, and which it has no more on return. Whoever touches a page for
 * which there is no memory gets SIGBUS.
 *
 * Context: May sleep; under mmap_lock.
 * Return: 0; -EINVAL for a private mapping and beyond the memory; -EOPNOTSUPP if the kernel's
 * pages are not MDEV_MIGRATE_PAGE; or another negative errno.
 */
int mdev_migrate_ram_mmap(struct mdev_migrate_ram *ram, u64 offset,
			  struct vm_area_struct *vma)
{
	return mdev_migrate_ram_view_mmap(&ram->all, offset, vma);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_mmap);

/**
 * mdev_migrate_ram_view_add - there is a second way to look at the memory
 * @ram: the memory, of a device that is being opened; after mdev_migrate_ram_open()
 * @view: the view, until the device is closed
 * @size: bytes, in whole pages: it shows the first so many of the memory, from byte 0 on;
 *	not 0 and not more than there are
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_view_add(struct mdev_migrate_ram *ram,
			       struct mdev_migrate_ram_view *view, u64 size)
{
	guard(mutex)(&ram->lock);
	mdm_ram_view_init(ram, view, size / MDEV_MIGRATE_PAGE);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_view_add);

/**
 * mdev_migrate_ram_view_move - the view begins somewhere else
 * @view: the view
 * @start: where in the memory, in bytes: whole pages, inside of what it shows. What is in
 *	front of that comes behind the rest.
 *
 * Whoever has it mapped sees the other place from his next access on.
 *
 * Context: May sleep; takes the memory's lock.
 */
void mdev_migrate_ram_view_move(struct mdev_migrate_ram_view *view, u64 start)
{
	struct mdev_migrate_ram *ram = view->ram;
	u32 page = start / MDEV_MIGRATE_PAGE;

	guard(mutex)(&ram->lock);
	if (WARN_ON_ONCE(page >= view->nr) || page == view->start)
		return;
	view->start = page;
	if (view->mapped)
		unmap_view(view, 0, view->nr);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_view_move);
