# SPDX-License-Identifier: GPL-2.0
# See `make help`.

KDIR ?= /lib/modules/$(shell uname -r)/build
INSTALL_MOD_DIR ?= updates

.DEFAULT_GOAL := modules

# Not where DKMS builds.
-include tests/lab/lab.mk

.PHONY: modules install install-modules install-mdevctl dkms dkms-remove
.PHONY: install-dkms-sources tools install-tools install-libvirt deb
.PHONY: clean demo check check-kernels soak mutants coverage bench help

# What the kernel needs, said before the compiler says it in its own way.
define check_kernel
	@test -e "$(KDIR)/include/config/auto.conf" || { \
		echo "There are no kernel headers in $(KDIR): install linux-headers-$$(uname -r)," \
		     "or give another kernel's with KDIR=." >&2; exit 1; }
	@grep -q '^CONFIG_VFIO_MDEV=' "$(KDIR)/include/config/auto.conf" || { \
		echo "The kernel of $(KDIR) has no CONFIG_VFIO_MDEV, which mediated devices need:" \
		     "use a kernel that has it, as Debian's linux-image-amd64 (not -cloud-amd64)." >&2; exit 1; }
endef

kernel_release = $$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$(KDIR)/include/generated/utsrelease.h")

modules:
	$(check_kernel)
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules

# DESTDIR= to stage, prefix= for the tool
install: install-modules install-mdevctl install-tools
	@[ -n "$(INSTALL_MOD_PATH)" ] || tools/packaging/notes "$(kernel_release)"

INSTALL_MOD_PATH ?= $(DESTDIR)

install-modules: modules
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" INSTALL_MOD_DIR="$(INSTALL_MOD_DIR)" \
		INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" modules_install

# mdevctl and udev look for them there; without mdevctl they do nothing.
CALLOUT := /etc/mdevctl.d/scripts.d/callouts/mdev-migrate
udevrulesdir ?= /etc/udev/rules.d
RULES = $(udevrulesdir)/60-mdev-migrate.rules

install-mdevctl:
	install -D -m 755 tools/mdevctl/mdev-migrate "$(DESTDIR)$(CALLOUT)"
	install -D -m 644 tools/udev/60-mdev-migrate.rules "$(DESTDIR)$(RULES)"

# DKMS builds from a copy, for this kernel now and for others when they come.
VERSION := $(shell cat VERSION)
DKMS_SOURCES := Makefile Kbuild VERSION LICENSE dkms.conf include drivers

DKMS_DIR = $(DESTDIR)/usr/src/mdev-migrate-$(VERSION)

install-dkms-sources:
	mkdir -p "$(DKMS_DIR)"
	tar -c --exclude='*.o' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' \
		--exclude='.*.cmd' --exclude=modules.order --exclude=Module.symvers \
		$(DKMS_SOURCES) | tar -x --no-same-owner -C "$(DKMS_DIR)"

dkms:
	$(check_kernel)
	@command -v dkms >/dev/null || { \
		echo "dkms is not installed: apt install dkms" >&2; exit 1; }
	@! dpkg -S "$(DKMS_DIR)" >/dev/null 2>&1 || { \
		echo "The package mdev-migrate-dkms has installed version $(VERSION):" \
		     "apt purge mdev-migrate-dkms first." >&2; exit 1; }
	$(MAKE) dkms-remove
	$(MAKE) install-dkms-sources
	dkms add -m mdev-migrate -v $(VERSION)
	dkms install -m mdev-migrate -v $(VERSION) --kernelsourcedir "$(KDIR)" -k "$(kernel_release)"
	$(MAKE) install-mdevctl
	@tools/packaging/notes "$(kernel_release)"

dkms-remove:
	@! dkms status -m mdev-migrate -v $(VERSION) | grep -q . || \
		dkms remove -m mdev-migrate -v $(VERSION) --all
	rm -rf /usr/src/mdev-migrate-$(VERSION)
	rm -f $(CALLOUT) $(RULES)

# Needs no kernel headers.
tools:
	$(MAKE) -C tools/mdev-migrate

# DESTDIR= and prefix= as usual
install-tools: tools
	$(MAKE) -C tools/mdev-migrate install

# The hook for libvirt; restart libvirtd afterwards.
install-libvirt:
	$(MAKE) -C tools/libvirt install

# Debian packages of the modules and of the tool
DEB_OUT ?= build/deb

deb:
	@tools/packaging/mkdeb "$(VERSION)" "$(DEB_OUT)"

clean:
	rm -rf build
	find $(wildcard drivers tests) \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name 'modules.order' -o -name 'Module.symvers' \) -delete
	rm -f Module.symvers modules.order .*.cmd .module-common.o

demo:
	tests/qemu/demo

check:
	tests/check

check-kernels:
	tests/check kernels

# SOAK_MINUTES=
soak:
	SOAK_MINUTES="$(SOAK_MINUTES)" tests/soak

# Defects of the past, put back one at a time: does a test notice?
mutants:
	tests/mutants/run

# Which lines and branches of drivers/ the tests come to.
coverage:
	tests/coverage/run

bench:
	tests/bench/bench
	tests/bench/state_bench.sh
	tests/lab/lab packages pkg-config libyajl-dev jq time
	tests/bench/tool_bench.sh

help:
	@echo 'For everybody (as root; sets up what it needs):'
	@echo '  make demo      live-migrate a running Linux guest with its network card and display'
	@echo '  make check     run all tests'
	@echo '  make check-kernels   those on stock Debian 12, 13 and 14 kernels'
	@echo '  make soak      races, unloading, fuzzers and migrations for four hours, or SOAK_MINUTES=N'
	@echo '  make mutants   defects that were mended, put back one at a time: about an hour'
	@echo '  make coverage  which lines and branches of the modules the tests come to: half an hour'
	@echo '  make bench     measure the network card, large states, mdev-migrate'
	@echo
	@echo 'For the kernel you run:'
	@echo '  make           build the modules; KDIR=DIR for another kernel'
	@echo '  make install   install them and the tool (DESTDIR=DIR to stage, prefix=/usr/local)'
	@echo '  make dkms      install them through DKMS; make dkms-remove undoes it'
	@echo '  make tools     build mdev-migrate, which needs no kernel headers'
	@echo '  make install-modules, install-tools   install one of the two only'
	@echo '  make install-libvirt   the hook for libvirt (needs libxml2-dev)'
	@echo '  make deb       Debian packages of both, in build/deb'
	@echo '  make clean     remove what was built here; the cache stays'
	@echo
	@echo 'For developers:'
	@echo '  make lab-setup-fast, lab-setup-debug, lab-setup-smp   kernels, Debian tree and guest'
	@echo '  make lab-selftest                      do the lab'"'"'s detectors work?'
	@echo '  tests/check GROUP...                   some of the tests; --list names them'
	@echo '  tests/lab/lab help                     run things in the lab'
