// SPDX-License-Identifier: GPL-2.0-only
/* An IOMMU that the virtual functions are behind: all memory, none, or pages that are mapped. */
#include <linux/slab.h>

#include "virtio_pf.h"

static struct iommu_device iommu;

static struct vpf_domain *to_vpf(struct iommu_domain *domain)
{
	return container_of(domain, struct vpf_domain, domain);
}

/* What a device may read or write, and reads or writes before vpf_lock is released. */
void *vpf_translate(struct vpf_fn *fn, u64 addr, bool write)
{
	phys_addr_t phys = addr;

	lockdep_assert_held(&vpf_lock);
	if (!fn->identity) {
		void *page = fn->domain ? xa_load(&fn->domain->pages,
						  addr >> PAGE_SHIFT) : NULL;
		unsigned long value = page ? xa_to_value(page) : 0;

		if (!page || (write && !(value & 1)))
			return NULL;
		phys = (value >> 1 << PAGE_SHIFT) | (addr & ~PAGE_MASK);
	}
	return pfn_valid(PHYS_PFN(phys)) ? phys_to_virt(phys) : NULL;
}

static void use_domain(struct device *dev, bool identity,
		       struct vpf_domain *domain)
{
	struct vpf_fn *fn = dev_iommu_priv_get(dev);
	unsigned long flags;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	fn->identity = identity;
	fn->domain = domain;
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
}

static int attach_identity(struct iommu_domain *domain, struct device *dev,
			   struct iommu_domain *old)
{
	use_domain(dev, true, NULL);
	return 0;
}

static int attach_blocked(struct iommu_domain *domain, struct device *dev,
			  struct iommu_domain *old)
{
	use_domain(dev, false, NULL);
	return 0;
}

static int attach_paging(struct iommu_domain *domain, struct device *dev,
			 struct iommu_domain *old)
{
	use_domain(dev, false, to_vpf(domain));
	return 0;
}

static int map_pages(struct iommu_domain *domain, unsigned long iova,
		     phys_addr_t paddr, size_t size, size_t count, int prot,
		     gfp_t gfp, size_t *mapped)
{
	void *old;

	for (; count--; iova += size, paddr += size, *mapped += size) {
		old = xa_store(&to_vpf(domain)->pages, iova >> PAGE_SHIFT,
			       xa_mk_value(PHYS_PFN(paddr) << 1 |
					   (prot & IOMMU_WRITE ? 1 : 0)), gfp);
		if (xa_is_err(old))
			return xa_err(old);
	}
	return 0;
}

static size_t unmap_pages(struct iommu_domain *domain, unsigned long iova,
			  size_t size, size_t count,
			  struct iommu_iotlb_gather *gather)
{
	size_t done = 0;

	for (; count--; done += size)
		xa_erase(&to_vpf(domain)->pages, (iova + done) >> PAGE_SHIFT);
	return done;
}

/* Whoever has looked a page up is done with it. */
static void sync_all(struct iommu_domain *domain)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
}

static void sync_gathered(struct iommu_domain *domain,
			  struct iommu_iotlb_gather *gather)
{
	sync_all(domain);
}

static phys_addr_t iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	void *page = xa_load(&to_vpf(domain)->pages, iova >> PAGE_SHIFT);

	if (!page)
		return 0;
	return (xa_to_value(page) >> 1 << PAGE_SHIFT) | (iova & ~PAGE_MASK);
}

static bool enforce_cache_coherency(struct iommu_domain *domain)
{
	return true;
}

static void free_domain(struct iommu_domain *domain)
{
	xa_destroy(&to_vpf(domain)->pages);
	kfree(to_vpf(domain));
}

static const struct iommu_domain_ops paging_ops = {
	.attach_dev = attach_paging,
	.map_pages = map_pages,
	.unmap_pages = unmap_pages,
	.flush_iotlb_all = sync_all,
	.iotlb_sync = sync_gathered,
	.iova_to_phys = iova_to_phys,
	.enforce_cache_coherency = enforce_cache_coherency,
	.free = free_domain,
};

static struct iommu_domain *alloc_paging(struct device *dev)
{
	struct vpf_domain *domain = kzalloc_obj(*domain, GFP_KERNEL_ACCOUNT);

	if (!domain)
		return ERR_PTR(-ENOMEM);
	xa_init(&domain->pages);
	domain->domain.pgsize_bitmap = PAGE_SIZE;
	domain->domain.geometry.aperture_end = DMA_BIT_MASK(48);
	domain->domain.geometry.force_aperture = true;
	domain->domain.ops = &paging_ops;
	return &domain->domain;
}

static struct iommu_device *probe_device(struct device *dev)
{
	struct pci_dev *pdev;

	if (!dev_is_pci(dev))
		return ERR_PTR(-ENODEV);
	pdev = to_pci_dev(dev);
	if (!pdev->is_virtfn || pdev->bus->ops != &vpf_pci_ops)
		return ERR_PTR(-ENODEV);
	dev_iommu_priv_set(dev, &vpf_fns[pdev->devfn]);
	return &iommu;
}

static bool is_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

static int def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_domain_ops identity_ops = {
	.attach_dev = attach_identity,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach_dev = attach_blocked,
};

static struct iommu_domain identity = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &identity_ops,
};

static struct iommu_domain blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &blocked_ops,
};

static const struct iommu_ops iommu_ops = {
	.owner = THIS_MODULE,
	.capable = is_capable,
	.domain_alloc_paging = alloc_paging,
	.probe_device = probe_device,
	.device_group = generic_device_group,
	.def_domain_type = def_domain_type,
	.identity_domain = &identity,
	.blocked_domain = &blocked,
	.release_domain = &blocked,
	.default_domain_ops = &paging_ops,
};

/* In sysfs first: registering looks for devices, which are linked to there. */
int vpf_iommu_init(void)
{
	int ret;

	ret = iommu_device_sysfs_add(&iommu, NULL, NULL, "mdm_virtio_pf");
	if (ret)
		return ret;
	ret = iommu_device_register(&iommu, &iommu_ops, NULL);
	if (ret)
		iommu_device_sysfs_remove(&iommu);
	return ret;
}

void vpf_iommu_exit(void)
{
	iommu_device_unregister(&iommu);
	iommu_device_sysfs_remove(&iommu);
}
