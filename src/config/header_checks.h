/*
 * header_checks.h
 *		Reading and checking the HTTP headers that users configure.
 *
 * All results live in CurrentMemoryContext. All errors are 22023; no message or DETAIL shows a header's value.
 */
#ifndef APPT_HEADER_CHECKS_H
#define APPT_HEADER_CHECKS_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef struct ConfiguredHeader
{
	char	   *name;
	char	   *value;
	bool		is_secret;		/* masked in tables; its value is a row of
								 * appt.secret */
} ConfiguredHeader;

/*
 * Read [{"name", "value", "type": "DEFAULT" or "SECRET"}] or {"name": "value"}
 * as a List of ConfiguredHeader. Each name may be given once, in any case.
 */
extern List *parse_headers(Jsonb *headers);

/* The same as the jsonb to store: always the array, with secret values masked. */
extern Jsonb *masked_headers(List *headers);

#endif							/* APPT_HEADER_CHECKS_H */
