/*
 * configured_headers.h
 *		The headers that tenants configure, read from JSON.
 */
#ifndef APPT_CONFIGURED_HEADERS_H
#define APPT_CONFIGURED_HEADERS_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * [{"name", "value", "type"}] or {"name": "value"} as a List of Header *, in
 * CurrentMemoryContext. Members of another shape are left out. A header of type
 * SECRET has a NULL value, to be set from appt.secret. NULL: no headers.
 */
extern List *configured_headers(Jsonb *headers);

#endif							/* APPT_CONFIGURED_HEADERS_H */
