# appt: built by PGXS (`make`, `make install`), tested by `make check`, demonstrated by `make demo`.
#
# make deps      install the Debian packages that are missing; nothing missing: nothing done
# make check     build and run every test on throw-away clusters (TESTS='sql/x pgtap/y.sql t/z.pl': only those;
#                SANITIZE=1: under the address and undefined-behaviour sanitizers; VALGRIND=1: the servers of the
#                Perl tests named run under valgrind)
# make demo      a demonstration with real peers (KEEP=1 leaves the cluster up)
# make demo-shards  the same of two shards, a router and a front: a tenant moves while it books and is told
# make bench     the performance figures, each beside its baseline
# make lint      structure, format, compilers' warnings as errors, clang-tidy, cppcheck
# make describe  write build/api, which describes the API to machines, from the catalog
# make format    format C files as `make lint` requires
# make router    build the extension appt_router (README.md in router/); make install-router installs it
# make dist      the source as a distribution for PGXN, build/dist/appt-VERSION.zip, and the same as .tar.gz
# make packages  build/packages: the distribution, and the Debian packages for the servers of this release of Debian
#
# PG_MAJOR=17: for that version of the server, from the distribution's packages; PG_CONFIG=/path/to/pg_config: for any other
# (scripts/pg-config says which it is without them)
EXTENSION = appt
# Where this file lies: `make -f` from another folder builds the extension there.
TOP := $(dir $(firstword $(MAKEFILE_LIST)))
# The one place that names the version; C has it as APPT_VERSION.
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(TOP)appt.control)
MODULE_big = appt

# The goals in TOOLS must work before PostgreSQL is installed, so PGXS is read only for the others.
TOOLS = deps check demo demo-shards bench describe lint format dist packages
ifneq ($(filter $(TOOLS),$(MAKECMDGOALS)),)

.PHONY: $(MAKECMDGOALS)
.NOTPARALLEL:
export PG_CONFIG PG_MAJOR SANITIZE VALGRIND TESTS KEEP

# Everything that the tests load. No LLVM bitcode: nothing that a test sees depends on it.
BUILD = +@$(MAKE) --no-print-directory -j2 with_llvm=no

deps:
	@scripts/deps check

check: deps
	@scripts/node-modules
	$(if $(VALGRIND),@scripts/deps valgrind)
	$(BUILD) testable
	@scripts/staged test/run $(TESTS)

demo: deps
	$(BUILD) testable
	@scripts/staged test/demo/run

demo-shards: deps
	$(BUILD) testable
	@scripts/staged test/demo/shards

bench: deps
	@scripts/deps bench
	$(BUILD) testable build/bench/appt.so build/bench/no_hints/appt.so
	@scripts/staged test/bench/run

describe: deps
	$(BUILD) testable
	@scripts/staged bash -c 'scripts/describe "$$APPT_RUN/results/api"'
	@rm -rf build/api && mv build/results/api build/api

lint: deps
	@scripts/deps lint
	$(BUILD) testable
	+@scripts/lint

format: deps
	@scripts/deps lint
	$(BUILD) testable
	@scripts/format

dist: deps
	$(BUILD) testable
	@scripts/dist build/dist

packages: dist
	@scripts/deps packages
	@scripts/packages build/packages

# Other goals on the same command line, as in `make clean check`.
$(filter-out $(TOOLS),$(MAKECMDGOALS)):
	+@$(MAKE) --no-print-directory $@

else

# The files that match, as named from where this file lies.
files = $(patsubst $(TOP)%,%,$(sort $(wildcard $(addprefix $(TOP),$(1)))))

SOURCES = $(call files,src/*/*.c)
OBJS = $(SOURCES:.c=.o)

# The install script, by topic, in the order in which the parts need each other.
SQL_PARTS = roles types checks defaults organization application meeting_template appointment configuration \
	notification invitation response consent user inbound user_triggers report hourly idempotency identity change \
	vocabulary_functions configuration_functions shard_functions appointment_functions meeting_functions participant_functions find_functions \
	slot_functions calendar_functions response_functions \
	notification_functions sending_functions inbox_functions message_functions template_functions worker_functions \
	code_functions consent_functions inbound_functions user_functions page_functions console_functions \
	views incident_views person_functions appt_rest_types appt_rest_functions row_security grants dump
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
# Update scripts.
DATA = $(call files,sql/*--*--*.sql)

# Functions that only tests call, as an extension of their own, never installed by `make install`.
TEST_SOURCES = $(call files,test/module/*.c)
TEST_SQL_PARTS = $(call files,test/module/*.sql)

# The extension appt_router, for a database that leads to many with appt: its functions are made from appt's catalog.
ROUTER_SOURCES = $(call files,router/*.c) src/core/roles.c src/core/json_strings.c src/core/text.c
ROUTER_SQL = router/appt_router--$(EXTVERSION).sql

EXTRA_CLEAN = $(OBJS:.o=.d) build

REGRESS = $(patsubst test/sql/%.sql,%,$(call files,test/sql/*.sql))
REGRESS_OPTS = --inputdir=$(srcdir)/test --load-extension=$(EXTENSION)

LIBRARIES = libcurl libssl libcrypto icu-i18n
PG_CPPFLAGS = -I$(TOP)src -Ibuild -DAPPT_VERSION='"$(EXTVERSION)"' $(shell pkg-config --cflags $(LIBRARIES))
# -MMD: a changed header rebuilds what includes it.
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -MMD -MP
# -Bsymbolic: binds calls to our own function if the server has one of the same name.
SHLIB_LINK = -Wl,-Bsymbolic $(shell pkg-config --libs $(LIBRARIES))

ifeq ($(PG_CONFIG),)
PG_CONFIG := $(shell PG_MAJOR='$(PG_MAJOR)' $(TOP)scripts/pg-config)
endif
PGXS := $(if $(PG_CONFIG),$(shell $(PG_CONFIG) --pgxs))
ifeq ($(wildcard $(PGXS)),)
SUPPORTED := $(shell $(TOP)scripts/pg-config --supported)
$(error "$(PG_CONFIG) --pgxs" names no file: install what extensions of PostgreSQL $(SUPPORTED) are built with (make deps), or set PG_CONFIG)
endif
include $(PGXS)

CURL_PROBLEM := $(shell pkg-config --exists --print-errors 'libcurl >= 7.87' 2>&1)
ifneq ($(CURL_PROBLEM),)
$(error appt needs libcurl 7.87 or later: $(CURL_PROBLEM))
endif

# Built elsewhere, what is made needs its folders.
ELSEWHERE := $(filter-out $(CURDIR),$(abspath $(TOP)))
ifneq ($(ELSEWHERE),)
$(shell mkdir -p sql $(dir $(OBJS)))
endif

# Rebuild after a change of PG_CONFIG.
ifneq ($(file < build/server),$(PG_CONFIG))
$(shell mkdir -p build && echo '$(PG_CONFIG)' > build/server)
endif

$(OBJS): Makefile appt.control build/server

$(DATA_built): $(SQL_PARTS:%=sql/%.sql) Makefile appt.control
	cat $(filter %.sql,$^) > $@

# The words of messages and pages, by language: English first, which has all of them.
WORDS = src/notify/words/parts.txt src/notify/words/en.txt \
	$(filter-out %/parts.txt %/en.txt,$(call files,src/notify/words/*.txt))

build/words/table.inc: scripts/words.awk $(WORDS)
	@mkdir -p $(@D)
	LC_ALL=C awk -v directory=$(@D) -f $^

build/words/templates.inc: build/words/table.inc ;

# The files of web/, as numbers of bytes that C reads as the elements of an array.
WEB_FILES = $(call files,web/*)

build/web/%.inc: web/%
	@mkdir -p $(@D)
	od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' > $@

-include $(wildcard $(OBJS:.o=.d))

# What the tests load is built under build/, from objects that never mix with the ordinary ones: with SANITIZE=1 they are
# instrumented, and the test module calls functions of appt.so that PGXS hides since PostgreSQL 16.
ifdef SANITIZE
VARIANT = build/sanitize
INSTRUMENT = -fvisibility=default -fsanitize=address,undefined -fno-sanitize-recover=undefined -O1
else
VARIANT = build/plain
INSTRUMENT = -fvisibility=default
endif
TESTED_LIBRARY = $(VARIANT)/appt.so
TEST_OBJS = $(TEST_SOURCES:%.c=$(VARIANT)/%.o)
ROUTER_OBJS = $(ROUTER_SOURCES:%.c=$(VARIANT)/%.o)
VARIANT_OBJS = $(SOURCES:%.c=$(VARIANT)/%.o)

.PHONY: testable
testable: $(TESTED_LIBRARY) $(DATA_built) $(VARIANT)/appt_test.so build/appt_test--1.0.sql router

# What has words is compiled after they are joined.
WITH_WORDS = src/render/builtin_templates src/render/page_words
$(foreach file,$(WITH_WORDS),$(file).o $(file).bc $(VARIANT)/$(file).o): build/words/table.inc build/words/templates.inc

# Likewise what has files of web/.
WITH_WEB_FILES = src/pages/web_files
$(foreach file,$(WITH_WEB_FILES),$(file).o $(file).bc $(VARIANT)/$(file).o): $(WEB_FILES:web/%=build/web/%.inc)

$(VARIANT)/%.o: %.c Makefile appt.control build/server
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(INSTRUMENT) $(CPPFLAGS) -c -o $@ $<

$(TESTED_LIBRARY): $(VARIANT_OBJS)
	$(CC) $(CFLAGS) $(INSTRUMENT) $^ $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $(SHLIB_LINK)

# It calls the non-static functions of the appt.so beside it.
$(VARIANT)/appt_test.so: $(TEST_OBJS) $(TESTED_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(INSTRUMENT) $(TEST_OBJS) $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ \
		-L$(dir $(TESTED_LIBRARY)) -Wl,--no-as-needed -l:appt.so -Wl,-rpath,'$$ORIGIN'

.PHONY: router install-router
router: $(VARIANT)/appt_router.so $(ROUTER_SQL)

$(ROUTER_OBJS): CPPFLAGS += -I$(TOP) -I$(libpq_srcdir)

$(VARIANT)/appt_router.so: $(ROUTER_OBJS)
	$(CC) $(CFLAGS) $(INSTRUMENT) $^ $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ -Wl,-Bsymbolic $(libpq)

# It takes a server to make this one. Distributions have it (`make dist`).
$(ROUTER_SQL): router/directory.sql router/checks.sql router/routes.txt scripts/generate-router $(SQL_PARTS:%=sql/%.sql) \
		| $(DATA_built) $(TESTED_LIBRARY) $(VARIANT)/appt_test.so build/appt_test--1.0.sql
	$(if $(ELSEWHERE),$(error $(ROUTER_SQL) is made where the sources lie))
	scripts/staged scripts/generate-router > $@.new
	cat router/directory.sql $@.new router/checks.sql > $@
	rm $@.new

install-router: router
	$(INSTALL_SHLIB) $(VARIANT)/appt_router.so '$(DESTDIR)$(pkglibdir)/'
	$(INSTALL_DATA) $(TOP)router/appt_router.control $(firstword $(wildcard $(ROUTER_SQL) $(TOP)$(ROUTER_SQL))) '$(DESTDIR)$(datadir)/extension/'

# A worker that transfers nothing: `make bench` uses it to measure the database work alone.
build/bench/appt.so: $(filter-out $(VARIANT)/src/transfer/%.o,$(VARIANT_OBJS)) $(VARIANT)/test/bench/no_transfer.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $(SHLIB_LINK)

# A worker that sends no hints about inboxes: `make bench` uses it to measure what hints cost.
build/bench/no_hints/appt.so: $(filter-out $(VARIANT)/src/worker/hints.o,$(VARIANT_OBJS)) $(VARIANT)/test/bench/no_hints.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $(SHLIB_LINK)

build/appt_test--1.0.sql: $(TEST_SQL_PARTS) Makefile
	@mkdir -p $(@D)
	cat /dev/null $(filter %.sql,$^) > $@

-include $(wildcard $(TEST_OBJS:.o=.d) $(VARIANT_OBJS:.o=.d) $(ROUTER_OBJS:.o=.d))

endif
