# mailfresh: build, test and measure. Needs Go and make; integration and bench need root on Debian.
VERSION := $(shell release/version)
PLUGINS := $(notdir $(wildcard check_*))
TOOLS   := $(CURDIR)/build/tools
STATICCHECK := $(TOOLS)/staticcheck
GO      ?= go

export GOFLAGS := -buildvcs=false
LDFLAGS := -X mailfresh/internal/plugin.version=$(VERSION)

# Static by default. HARDENED=1 links with the C library as Debian asks: position-independent, relro, bound at start. Both look names up in Go.
BUILD := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w $(LDFLAGS)'
ifdef HARDENED
EXTLDFLAGS ?= -Wl,-z,relro -Wl,-z,now
BUILD := CGO_ENABLED=1 $(GO) build -trimpath -buildmode=pie -tags netgo,osusergo -ldflags '$(LDFLAGS) -linkmode=external -extldflags "$(EXTLDFLAGS)"'
endif

BIN       ?= build
PREFIX    ?= /usr/local
PLUGINDIR ?= $(PREFIX)/lib/nagios/plugins
MANDIR    ?= $(PREFIX)/share/man
DOCDIR    ?= $(PREFIX)/share/doc/mailfresh
BASHDIR   ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR    ?= $(PREFIX)/share/zsh/site-functions
FISHDIR   ?= $(PREFIX)/share/fish/vendor_completions.d
FISHCONFDIR ?= $(PREFIX)/share/fish/vendor_conf.d

.PHONY: all build test lint vuln docs install tarball dist deb package-test release integration clocks replay bench torture demo clean
all: build

build: $(PLUGINS:%=build/%)

.PHONY: $(PLUGINS:%=build/%)
$(PLUGINS:%=build/%): build/%:
	$(BUILD) -o $(BIN)/ ./$*

# Everything that needs no root, no daemon and no network. The tests wait more than they compute: four packages run at once.
test:
	$(GO) vet ./...
	$(GO) test -p 4 -race $$($(GO) list ./... | grep -v '/torture$$')

lint: $(STATICCHECK)
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags integration ./integration
	$(GO) vet -tags bench ./integration
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags integration ./integration
	$(STATICCHECK) -tags bench -checks inherit,-U1000 ./integration # the other tag uses the rest

$(STATICCHECK):
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.7.0

# Known vulnerabilities that the plugins can reach: there must be none with a mend. Needs the module proxy once.
vuln:
	@mkdir -p build/tools
	release/vuln

# Everything that is made from the options (man pages, completion, CheckCommands, baskets, option tables), and the outputs that README and docs show.
docs:
	UPDATE=1 $(GO) test -count=1 -skip TestScripts ./check_* ./internal/document

# The real daemons of each of SUITES, and the other architectures, as root: installs what it needs. A whole run writes docs/releases.md.
integration:
	integration/install
	integration/architectures
	$(GO) test -tags integration -count=1 -timeout 90m -v ./integration

# Timers while the wall clock is set, in an emulated machine with the systemd of each of SUITES, as root: some minutes for each.
clocks:
	integration/install clocks
	MAILFRESH_CLOCKS=1 $(GO) test -tags integration -count=1 -timeout 90m -run TestClock -v ./integration

# The incident on real parts, act by act; its last words are the table of docs/incident.md. UPDATE=1 writes it there.
replay:
	integration/install
	$(GO) test -tags integration -count=1 -run TestReplay -v ./integration

# The plugins beside what one would otherwise run, as root: tables, which it writes into docs/benchmarks.md, and plots in docs.
# OLD=COMMIT adds rows beside the plugins of that commit.
bench:
	integration/install
	integration/root bookworm bench
	integration/root trixie bench
ifdef OLD
	rm -rf build/old && mkdir -p build/old/source
	git archive $(OLD) | tar -x -C build/old/source
	cd build/old/source && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X mailfresh/internal/plugin.version=$(OLD)' -o ../bin/ ./check_*
endif
	MAILFRESH_OLD=$(if $(OLD),$(CURDIR)/build/old/bin) nice -n -20 $(GO) test -tags bench -count=1 -timeout 30m -run TestBench -v ./integration

# A hostile world, in counts: inputs tried, wrong verdicts, crashes, rule violations. MAILFRESH_SEED draws others; see torture/run.
torture:
	torture/run

demo:
	@$(MAKE) --no-print-directory build
	@$(GO) run ./demo build

# What make has built, below DESTDIR.
install:
	for folder in $(PLUGINDIR) $(MANDIR)/man1 $(BASHDIR) $(ZSHDIR) $(FISHDIR) $(FISHCONFDIR) $(DOCDIR)/examples; do install -d "$(DESTDIR)$$folder"; done
	install -m 755 $(PLUGINS:%=$(BIN)/%) "$(DESTDIR)$(PLUGINDIR)/"
	install -m 644 $(PLUGINS:%=man/%.1) "$(DESTDIR)$(MANDIR)/man1/"
	install -m 644 completion/bash/* "$(DESTDIR)$(BASHDIR)/"
	install -m 644 completion/zsh/* "$(DESTDIR)$(ZSHDIR)/"
	install -m 644 completion/fish/* "$(DESTDIR)$(FISHDIR)/"
	install -m 644 completion/fish-conf/* "$(DESTDIR)$(FISHCONFDIR)/"
	cp -R contrib/. "$(DESTDIR)$(DOCDIR)/examples/"
	chmod -R u=rwX,go=rX "$(DESTDIR)$(DOCDIR)/examples"

# Static binaries for linux amd64 and arm64 with what make install puts beside them: build/tarball.
tarball:
	release/tarball build/tarball

# The source of what is committed, and the modules it needs: build/dist/mailfresh_VERSION.orig.tar.xz and .orig-vendor.tar.xz.
dist:
	release/dist build/dist

# The Debian source and binary packages in build/deb, built offline and looked at by lintian. Fails with the Debian packages that are missing.
deb:
	@release/missing deb
	release/dist build/dist
	release/deb build/dist build/deb

# The package built twice, and installed in clean roots of Debian 12, 13 and sid, where docs/setup.md is followed. Needs root and a Debian mirror.
package-test:
	@release/missing package-test
	@$(MAKE) --no-print-directory deb
	release/package-test build/dist build/deb

# make release VERSION=0.1.0: all that a release is made of, in build/release, as a dry run: nothing is published.
release:
	release/release $(VERSION)

clean:
	rm -rf build
