# dl - a data lake and a digital twin as small Unix tools.
#
#   make demo       install what is missing, build, run a real pipeline
#   make test       install what is missing, build, run every test; TEST=full:
#                   also those that need Ceph's radosgw, 300 MB, DuckDB, or
#                   node and Chromium, 600 MB
#   make            build into build/
#   make check      the tests again, under the address and UB sanitizers
#   make lint       formatting, layers, man pages, warnings of two compilers
#   make bench      measure, beside jq, gojq, mlr, zstd, redis, bare LMDB, rclone
#                   and s3cmd; BENCHFLAGS=--quick, or --readme README.md
#   make profile    where the time goes: WORK=extract, twin… (tests/bench/profile)
#   make fuzz       every parser of foreign bytes, FUZZ_SECONDS each
#   make soak       kills, power cuts, full disks: SOAK_ROUNDS of each, or
#                   what of them fits into SOAK_SECONDS; SEED=N as printed
#   make install    PREFIX=/usr/local, DESTDIR= for packagers
#
# Settings of your own go into config.mk, which git does not see.

-include config.mk

VERSION = 0.1.0
PREFIX ?= /usr/local
FLAVOUR ?= plain
FUZZ_SECONDS ?= 30
SOAK_ROUNDS ?= 1000
SOAK_SECONDS ?= 3600

# Three flavours side by side: plain, san (sanitizers), fuzz.
B_plain = build
B_san = build/san
B_fuzz = build/fuzz
B = $(B_$(FLAVOUR))

ifeq ($(origin CC),default)
CC = gcc
endif
FLAVOUR_CFLAGS_plain = -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAVOUR_CFLAGS_san = -O1 -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAVOUR_CFLAGS_fuzz = -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAVOUR_LDFLAGS_san = -fsanitize=address,undefined
FLAVOUR_LDFLAGS_fuzz = -fsanitize=address,undefined

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wconversion
# Not -I: no header of ours may hide <jq.h> or <lmdb.h>.
DL_CPPFLAGS = -iquote lib -D_GNU_SOURCE -DDL_VERSION='"$(VERSION)"' \
	$(CPPFLAGS)
DL_CFLAGS = -std=gnu11 -g -fPIE $(WARN) $(FLAVOUR_CFLAGS_$(FLAVOUR)) $(CFLAGS)
DL_LDFLAGS = -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
	$(FLAVOUR_LDFLAGS_$(FLAVOUR)) $(LDFLAGS)
# As needed: a tool loads only the libraries that it uses.
LIBS = -ljq -lcurl -llmdb -lyaml -lzstd -lz -lsodium -lcsv -lexpat \
	-lpcre2-8 -lmosquitto -lmicrohttpd -lrhonabwy -ljansson -lgnutls \
	-lm -lpthread

DEPS_BUILD = gcc libc6-dev libjq-dev libonig-dev libcurl4-openssl-dev \
	liblmdb-dev libyaml-dev libzstd-dev zlib1g-dev libxxhash-dev \
	libsodium-dev libcsv-dev libexpat1-dev libpcre2-dev libmosquitto-dev \
	libmicrohttpd-dev librhonabwy-dev libjansson-dev libgnutls28-dev
DEPS_DEMO = bash jq zstd ca-certificates
DEPS_TEST = perl libcmocka-dev gzip curl openssl mandoc man-db miller python3 \
	libxml2-utils lmdb-utils procps time iproute2 nginx-light openssh-server \
	openssh-client mosquitto mosquitto-clients postgresql tinyproxy vsftpd
# For TEST=full: a real S3, and what gets DuckDB (tests/servers/duckdb.sh); a
# browser, and what runs packages of npm (node.sh).  A machine may have a node and
# an npm that are not Debian's.
DEPS_S3 = radosgw ceph-mon ceph-osd ceph-common \
	$(if $(shell command -v npm),,npm)
DEPS_FULL = $(DEPS_S3) chromium $(if $(shell command -v node),,nodejs)
DEPS_BENCH = $(DEPS_S3) gojq miller redis-server rclone s3cmd wrk \
	nghttp2-client
DEPS_PROFILE = linux-perf valgrind
DEPS_LINT = clang clang-format git mandoc shellcheck
DEPS_FUZZ = clang libclang-rt-14-dev

LIB_SRC = $(wildcard lib/*.c)
TOOLS = $(patsubst cmd/%.c,%,$(wildcard cmd/dl-*.c))
UNITS = $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
HELPERS = $(patsubst tests/servers/%.c,%,$(wildcard tests/servers/*.c))
FAULTS = powercut.so steps.so hurry.so restore
BENCHES = $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
MANS = $(wildcard man/*.[157])

LIB = $(B)/libdlkit.a
LIB_OBJ = $(LIB_SRC:%.c=$(B)/%.o)

.PHONY: all deps deps-demo deps-lint deps-fuzz deps-bench deps-profile units \
	helpers benches fuzzers faults test check prove soak lint bench profile \
	fuzz demo install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(TOOLS:%=$(B)/%)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(DL_CPPFLAGS) $(DL_CFLAGS) -MMD -MP -c -o $@ $<

# They are read by the assembler.
$(B)/lib/serve_page.o: lib/page/index.html lib/page/page.js lib/page/page.css
$(B)/lib/serve_openapi.o: lib/openapi.json

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/dl-%: $(B)/cmd/dl-%.o $(LIB)
	$(CC) $(DL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

$(B)/unit/%: $(B)/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(DL_LDFLAGS) -o $@ $< $(LIB) $(LIBS) -lcmocka

$(B)/servers/%: $(B)/tests/servers/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(DL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

# Not under the sanitizers: it stands before them in a program of theirs.
FAULT_CFLAGS = -std=gnu11 -g -O2 $(WARN) -D_GNU_SOURCE $(CPPFLAGS) $(CFLAGS)

$(B)/fault/powercut.so: tests/fault/powercut.c tests/fault/image.c \
		tests/fault/image.h
	@mkdir -p $(@D)
	$(CC) $(FAULT_CFLAGS) -fPIC -fvisibility=hidden -shared $(LDFLAGS) \
		-o $@ $(filter %.c,$^)

$(B)/fault/steps.so $(B)/fault/hurry.so: $(B)/fault/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(CC) $(FAULT_CFLAGS) -fPIC -fvisibility=hidden -shared $(LDFLAGS) \
		-o $@ $<

$(B)/fault/restore: tests/fault/restore.c tests/fault/image.c \
		tests/fault/image.h
	@mkdir -p $(@D)
	$(CC) $(FAULT_CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^)

$(B)/bench/%: $(B)/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(DL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

$(B)/fuzzer/%: $(B)/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(DL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIB) $(LIBS)

units: $(UNITS:%=$(B)/unit/%)
helpers: $(HELPERS:%=$(B)/servers/%)
benches: $(BENCHES:%=$(B)/bench/%)
fuzzers: $(FUZZERS:%=$(B)/fuzzer/%)
faults: $(FAULTS:%=$(B)/fault/%)

# What is missing of Debian's packages, installed; elsewhere, named.
define install_deps
	@tests/deps $(1)
endef
deps:
	$(call install_deps,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) \
		$(if $(filter full,$(TEST)),$(DEPS_FULL)))
	$(if $(filter full,$(TEST)),@tests/servers/duckdb.sh)
	$(if $(filter full,$(TEST)),@tests/servers/node.sh)
deps-demo:
	$(call install_deps,$(DEPS_BUILD) $(DEPS_DEMO))
deps-lint:
	$(call install_deps,$(DEPS_BUILD) $(DEPS_TEST) $(DEPS_LINT))
deps-bench:
	$(call install_deps,$(DEPS_BUILD) $(DEPS_TEST) $(DEPS_BENCH))
deps-profile:
	$(call install_deps,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_PROFILE))
deps-fuzz:
	$(call install_deps,$(DEPS_BUILD) $(DEPS_FUZZ))

# A make of its own after the packages are there: nothing of it is decided
# before they are.  On all processors, unless -j says on how many.
AGAIN = $(MAKE) --no-print-directory
BUILD_ALL = $(AGAIN) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

demo: deps-demo
	@echo "Building."
	@$(BUILD_ALL) -s all
	@pipelines/quakes/demo

test: deps
	@$(BUILD_ALL) all units helpers benches faults
	@$(AGAIN) prove

check: deps
	@$(BUILD_ALL) FLAVOUR=san all units helpers benches faults
	@$(AGAIN) FLAVOUR=san prove

prove:
	PATH="$(CURDIR)/$(B):$$PATH" BUILD="$(CURDIR)/$(B)" \
	FLAVOUR=$(FLAVOUR) CMOCKA_MESSAGE_OUTPUT=TAP \
	prove -j 3 --timer $(PROVEFLAGS) tests/*.t tests/fault/*.t \
	    $(UNITS:%=$(B)/unit/%)

soak: deps
	@$(BUILD_ALL) all faults
	@BUILD="$(CURDIR)/$(B)" SOAK_ROUNDS=$(SOAK_ROUNDS) \
	    SOAK_SECONDS=$(SOAK_SECONDS) tests/fault/soak

lint: deps-lint
	@$(BUILD_ALL) all
	PATH="$(CURDIR)/$(B):$$PATH" prove tests/lint/*.t

bench: deps-bench
	@$(BUILD_ALL) all benches $(B)/servers/followers
	@BUILD="$(CURDIR)/$(B)" tests/bench/run $(BENCHFLAGS)

profile: deps-profile
	@$(BUILD_ALL) all
	@BUILD="$(CURDIR)/$(B)" tests/bench/profile $(WORK)

fuzz: deps-fuzz
	@$(BUILD_ALL) FLAVOUR=fuzz CC=clang fuzzers
	@for f in $(FUZZERS); do \
		echo "== $$f"; mkdir -p build/fuzz/corpus/$$f; \
		build/fuzz/fuzzer/$$f -max_total_time=$(FUZZ_SECONDS) \
		    -print_final_stats=1 -verbosity=0 -timeout=10 \
		    -artifact_prefix=build/fuzz/$$f- \
		    build/fuzz/corpus/$$f || exit 1; \
	done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(TOOLS:%=$(B)/%) $(DESTDIR)$(PREFIX)/bin
	for s in 1 5 7; do \
		install -d $(DESTDIR)$(PREFIX)/share/man/man$$s; \
		install -m 644 man/*.$$s \
		    $(DESTDIR)$(PREFIX)/share/man/man$$s || exit 1; \
	done

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
	for m in $(notdir $(MANS)); do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$m; \
	done

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d)
-include $(patsubst %.c,$(B)/%.d,$(wildcard cmd/*.c tests/*/*.c))
