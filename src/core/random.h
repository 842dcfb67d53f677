/*
 * random.h
 *		Random ids and codes that nobody can guess.
 */
#ifndef APPT_RANDOM_H
#define APPT_RANDOM_H

#include "utils/uuid.h"

extern void random_bytes(void *bytes, size_t length);

/* A version 4 UUID. */
extern pg_uuid_t random_uuid(void);

/*
 * A version 7 UUID (RFC 9562): milliseconds since 1970, and 74 random bits. It tells
 * when it was made. For keys of tables: new entries go to the right edge of an index,
 * so few of its pages change, and these become full.
 */
extern pg_uuid_t time_ordered_uuid(void);

#endif							/* APPT_RANDOM_H */
