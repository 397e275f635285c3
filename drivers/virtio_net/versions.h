/* SPDX-License-Identifier: GPL-2.0-only */
/* The versions, the oldest first. model.c includes this once for each use. */
VNET_VERSION(v1, "virtio network card, one queue pair, no offloads")
VNET_VERSION(v2, "virtio network card with offloads and receive filter")
VNET_VERSION(v3, "virtio network card, four queue pairs with RSS")
