/*
 * configuration.h
 *		What the files of this room share: checks of configuration values.
 *		Nothing above calls into it; SQL does.
 *
 * Every check raises 22023 with a constant message and the value in DETAIL.
 */
#ifndef APPT_CONFIGURATION_H
#define APPT_CONFIGURATION_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* What stands in tables instead of a secret. */
#define SECRET_MASK "********"

/* A header as configured: DEFAULT ones stand in the table, SECRET ones masked. */
typedef struct ConfiguredHeader
{
	char	   *name;
	char	   *value;
	bool		is_secret;
} ConfiguredHeader;

/*
 * [{"name", "value", "type": DEFAULT or SECRET}] or {"name": "value"}, as a
 * List of ConfiguredHeader in CurrentMemoryContext; each name once.
 */
extern List *parse_headers(Jsonb *headers);

/* The same as the jsonb to store: always the array, secret values masked. */
extern Jsonb *masked_headers(List *headers);

extern void check_timezone(const char *timezone);
extern void check_locale(const char *locale);
extern void check_url(const char *url, bool smtp);
extern void check_sender(const char *sender);
extern void check_header(const char *name, const char *value);

#endif							/* APPT_CONFIGURATION_H */
