# mailfresh: build, test and measure. Needs Go and make; integration and bench need root on Debian.
VERSION := $(shell sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)
PLUGINS := $(notdir $(wildcard check_*))
TOOLS   := $(CURDIR)/build/tools
STATICCHECK := $(TOOLS)/staticcheck
GO      ?= go

export GOFLAGS := -buildvcs=false
LDFLAGS := -s -w -X mailfresh/internal/plugin.version=$(VERSION)

.PHONY: all build test lint docs integration replay bench demo clean
all: build

build: $(PLUGINS:%=build/%)

.PHONY: $(PLUGINS:%=build/%)
$(PLUGINS:%=build/%): build/%:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o build/ ./$*

# Everything that needs no root, no daemon and no network.
test:
	$(GO) vet ./...
	$(GO) test -race ./...

lint: $(STATICCHECK)
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags integration ./integration
	$(GO) vet -tags bench ./integration
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags integration ./integration
	$(STATICCHECK) -tags bench ./integration

$(STATICCHECK):
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.7.0

# Everything that is made from the options: man pages, completion, CheckCommands, Director baskets, option tables. Tests hold them current.
docs:
	UPDATE=1 $(GO) test -count=1 -run 'TestCheckCommand|TestDocuments' ./check_* ./internal/document

# The real daemons, as root: installs what it needs.
integration:
	integration/install
	$(GO) test -tags integration -count=1 -timeout 40m -v ./integration

# The incident on real parts, act by act; its last words are the table of docs/incident.md. UPDATE=1 writes it there.
replay:
	integration/install
	$(GO) test -tags integration -count=1 -run TestReplay -v ./integration

bench:
	integration/install
	$(GO) test -tags bench -count=1 -timeout 40m -run TestBench -v ./integration

demo:
	@$(MAKE) --no-print-directory build
	@$(GO) run ./demo build

clean:
	rm -rf build
