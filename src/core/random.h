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

#endif							/* APPT_RANDOM_H */
