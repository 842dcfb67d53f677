/*
 * tagged_id.h
 *		Ids that tell which application they belong to.
 *
 * The tag of an application is the first 4 bytes of its id. No two applications of a
 * database have the same. The ids of its appointments, conferences, subscriptions,
 * providers, lines, ring groups and meeting templates end with it, and the tokens in
 * links begin with it: of many databases, who has an id or a token knows where to ask.
 */
#ifndef APPT_TAGGED_ID_H
#define APPT_TAGGED_ID_H

#include "utils/uuid.h"

#define TAG_BYTES 4

/*
 * A version 7 UUID (RFC 9562): milliseconds since 1970, 42 random bits, and the tag of
 * the application. It tells when it was made. For keys of tables: new entries go to the
 * right edge of an index, so few of its pages change, and these become full.
 */
extern pg_uuid_t tagged_uuid(const pg_uuid_t *application_id);

/* A bytea of these TAG_BYTES bytes, in CurrentMemoryContext. */
extern Datum tag_datum(const uint8 *bytes);

#endif							/* APPT_TAGGED_ID_H */
