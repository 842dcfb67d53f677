/*
 * unpacking.h
 *		What is unpacked for one message, of what tenants store.
 *
 * The snapshot that the facts were loaded by must still be kept (stored.h).
 */
#ifndef APPT_UNPACKING_H
#define APPT_UNPACKING_H

#include "core/stored.h"

/* Bytes that may be unpacked for one message; and of a webhook's payload. */
#define MESSAGE_BUDGET (2 * 1024 * 1024)

typedef struct Unpacking
{
	Size		budget;			/* bytes that may still be unpacked;
								 * MESSAGE_BUDGET at first */
	bool		is_over;		/* more was needed */
} Unpacking;

/* The value, in CurrentMemoryContext; NULL of NULL, or if more than the budget is needed. */
extern char *unpack_text(Unpacking *unpacking, const Stored *stored);
extern Jsonb *unpack_jsonb(Unpacking *unpacking, const Stored *stored);

#endif							/* APPT_UNPACKING_H */
