// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: virtio_pf/
 *
 *	admin		a command is written, its answer read; the driver is not asked
 *	vfN/state	everything that device parts have, and the rings' indices, as text
 *	vfN/parts	all device parts
 *	vfN/features	that are offered; they can be changed before FEATURES_OK
 *	vfN/link	1: up
 *	vfN/announce	1: the driver is asked to announce itself
 *	vfN/refused	why the last device parts were refused
 */
#include <linux/debugfs.h>
#include <linux/slab.h>

#include "virtio_pf.h"

static struct dentry *root;

/* The text is of what was there at one moment. */
static void show_queue(struct seq_file *m, unsigned int i,
		       const struct vpf_queue *q)
{
	seq_printf(m, "queue%u=%u,%#x,%u,%u,%u,%#llx,%#llx,%#llx,%u,%u\n", i,
		   q->size, q->vector, q->enabled, q->notify_off,
		   q->notify_data, q->desc, q->driver, q->device, q->next,
		   q->used);
}

static void show_net(struct seq_file *m, const struct vpf_state *st)
{
	const struct vpf_net *net = &st->net;
	const struct vpf_hash *hash = &net->hash;
	unsigned int i;

	seq_printf(m, "rx=%*ph\nmac=%pM\n", (int)sizeof(net->rx), net->rx,
		   net->mac);
	for (i = 0; i < 2; i++) {
		unsigned int nr;

		seq_printf(m, "macs%u=", i);
		for (nr = 0; nr < net->macs[i].nr; nr++)
			seq_printf(m, "%pM ", net->macs[i].addr[nr]);
		seq_putc(m, '\n');
	}
	seq_printf(m, "vlans=%*pbl\nannounce=%u\npairs=%u\noffloads=%#llx\n",
		   VLAN_N_VID, net->vlans, net->announce, net->pairs,
		   net->offloads & st->features);
	seq_printf(m, "hash=%u,%#x,%#x,%u,%u\ntable=", hash->rss, hash->types,
		   hash->mask, hash->unclassified, hash->max_tx);
	for (i = 0; hash->rss && i <= hash->mask; i++)
		seq_printf(m, "%u ", hash->table[i]);
	seq_printf(m, "\nkey=%*phN\n", hash->key_len, hash->key);
}

static int state_show(struct seq_file *m, void *unused)
{
	struct vpf_state *st = kmalloc_obj(*st);
	struct vpf_fn *fn = m->private;
	unsigned long flags;
	bool stopped;
	unsigned int i;

	if (!st)
		return -ENOMEM;
	raw_spin_lock_irqsave(&vpf_lock, flags);
	*st = fn->st;
	stopped = fn->stopped;
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	seq_printf(m, "stopped=%u\nstatus=%#x\nfeatures=%#llx\n", stopped,
		   st->status, st->features);
	seq_printf(m, "select=%u,%u,%u\nvector=%#x\n", st->dfsel, st->gfsel,
		   st->qsel, st->vector);
	for (i = 0; i < fn->nq; i++)
		show_queue(m, i, &st->q[i]);
	show_net(m, st);
	kfree(st);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int parts_show(struct seq_file *m, void *unused)
{
	struct vpf_fn *fn = m->private;
	unsigned long flags;
	u8 *buf = kmalloc(VPF_BUFFER, GFP_KERNEL);
	size_t len;

	if (!buf)
		return -ENOMEM;
	raw_spin_lock_irqsave(&vpf_lock, flags);
	len = vpf_parts_get(fn, buf, VPF_BUFFER);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	seq_write(m, buf, len);
	kfree(buf);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parts);

static int refused_show(struct seq_file *m, void *unused)
{
	struct vpf_fn *fn = m->private;
	const char *why = READ_ONCE(fn->why);

	seq_printf(m, "%s\n", why ?: "");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(refused);

static int features_get(void *data, u64 *value)
{
	struct vpf_fn *fn = data;

	*value = fn->features;
	return 0;
}

static int features_set(void *data, u64 value)
{
	struct vpf_fn *fn = data;
	unsigned long flags;
	int ret = -EBUSY;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	if (!(fn->st.status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		fn->features = value;
		fn->st.features &= value;
		ret = 0;
	}
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(features_fops, features_get, features_set, "%#llx\n");

static int link_get(void *data, u64 *value)
{
	struct vpf_fn *fn = data;

	*value = fn->link;
	return 0;
}

static int link_set(void *data, u64 value)
{
	struct vpf_fn *fn = data;
	unsigned long flags;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	if (fn->link != !!value) {
		fn->link = value;
		vpf_config_changed(fn);
	}
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(link_fops, link_get, link_set, "%llu\n");

static int announce_get(void *data, u64 *value)
{
	struct vpf_fn *fn = data;

	*value = fn->st.net.announce;
	return 0;
}

static int announce_set(void *data, u64 value)
{
	struct vpf_fn *fn = data;
	unsigned long flags;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	fn->st.net.announce = value;
	vpf_config_changed(fn);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(announce_fops, announce_get, announce_set, "%llu\n");

/**
 * struct answer - what a command came to
 * @len: bytes of @data
 * @data: them
 */
struct answer {
	size_t len;
	u8 data[VPF_BUFFER];
};

static int admin_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc_obj(struct answer);
	return file->private_data ? nonseekable_open(inode, file) : -ENOMEM;
}

static int admin_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t admin_write(struct file *file, const char __user *from,
			   size_t len, loff_t *pos)
{
	struct answer *answer = file->private_data;
	unsigned long flags;
	u8 *in;

	if (len > VPF_BUFFER)
		return -EMSGSIZE;
	in = memdup_user(from, len);
	if (IS_ERR(in))
		return PTR_ERR(in);
	raw_spin_lock_irqsave(&vpf_lock, flags);
	memcpy(vpf_in, in, len);
	answer->len = vpf_admin(vpf_in, len, answer->data,
				sizeof(answer->data));
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	kfree(in);
	return len;
}

static ssize_t admin_read(struct file *file, char __user *to, size_t len,
			  loff_t *pos)
{
	struct answer *answer = file->private_data;
	loff_t start = 0;

	return simple_read_from_buffer(to, len, &start, answer->data,
				       answer->len);
}

static const struct file_operations admin_fops = {
	.owner = THIS_MODULE,
	.open = admin_open,
	.read = admin_read,
	.write = admin_write,
	.release = admin_release,
};

static void init_member(struct vpf_fn *fn)
{
	struct dentry *dir;
	char name[8];

	snprintf(name, sizeof(name), "vf%u", fn->nr);
	dir = debugfs_create_dir(name, root);
	debugfs_create_file("state", 0400, dir, fn, &state_fops);
	debugfs_create_file("parts", 0400, dir, fn, &parts_fops);
	debugfs_create_file("refused", 0400, dir, fn, &refused_fops);
	debugfs_create_file("features", 0600, dir, fn, &features_fops);
	debugfs_create_file("link", 0600, dir, fn, &link_fops);
	debugfs_create_file("announce", 0600, dir, fn, &announce_fops);
}

void vpf_debug_init(void)
{
	unsigned int i;

	root = debugfs_create_dir("virtio_pf", NULL);
	debugfs_create_file("admin", 0600, root, NULL, &admin_fops);
	for (i = 1; i < VPF_NR_FNS; i++)
		init_member(&vpf_fns[i]);
}

void vpf_debug_exit(void)
{
	debugfs_remove(root);
}
