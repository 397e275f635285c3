# SPDX-License-Identifier: GPL-2.0
# Included by the top Makefile.

LAB := $(dir $(lastword $(MAKEFILE_LIST)))lab

.PHONY: lab-setup-fast lab-setup-debug lab-setup-smp lab-selftest

lab-setup-fast:
	$(LAB) setup fast tree guest

lab-setup-debug:
	$(LAB) setup debug tree guest

lab-setup-smp:
	$(LAB) setup smp tree guest

lab-selftest: lab-setup-debug lab-setup-smp
	$(LAB) selftest
