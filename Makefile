# appt: build with PGXS. `make check` tests it, `make demo` shows it at work.
EXTENSION = appt
EXTVERSION = 1.0
MODULE_big = appt
OBJS = $(patsubst %.c,%.o,$(wildcard src/*/*.c))

# The install script, by topic, in the order in which the parts need each other.
SQL_PARTS = roles types checks organization application appointment configuration \
	notification identity \
	vocabulary_functions configuration_functions appointment_functions \
	notification_functions template_functions worker_functions \
	views grants dump
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
EXTRA_CLEAN = sql/$(EXTENSION)--$(EXTVERSION).sql

PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags libcurl icu-i18n)
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = $(shell pkg-config --libs libcurl icu-i18n)

PG_CONFIG ?= /usr/lib/postgresql/15/bin/pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(DATA_built): $(SQL_PARTS:%=sql/%.sql)
	cat $^ > $@
