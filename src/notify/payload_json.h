/*
 * payload_json.h
 *		Writing the JSON of webhooks, member by member.
 *
 * Each function adds a member to the object whose brace was opened last.
 */
#ifndef APPT_PAYLOAD_JSON_H
#define APPT_PAYLOAD_JSON_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/stored.h"

/* The name alone; the caller appends the value. */
extern void payload_add_name(StringInfo json, const char *name);

/* NULL is left out. */
extern void payload_add_text(StringInfo json, const char *name, const char *text);
extern void payload_add_jsonb(StringInfo json, const char *name, Jsonb *jsonb);
extern void payload_add_texts(StringInfo json, const char *name, const Stored *array);	/* text[] without NULLs */

extern void payload_add_timestamp(StringInfo json, const char *name, TimestampTz at);
extern void payload_add_duration(StringInfo json, const char *name, TimeOffset length);
extern void payload_add_uuid(StringInfo json, const char *name, const pg_uuid_t *id);

/* The members of an object; NULL has none. */
extern void payload_add_members(StringInfo json, Jsonb *object);

#endif							/* APPT_PAYLOAD_JSON_H */
