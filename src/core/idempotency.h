/*
 * idempotency.h
 *		Calls that name a key: once carried out, a repeated one gets the first
 *		one's result.
 *
 *	keyed = keyed_call(fcinfo, &application_id, ARGUMENT_IDEMPOTENCY_KEY);
 *	first = keyed_call_claim(keyed);
 *	if (first != NULL)
 *		... answer with what the first call made ...
 *	else
 *	{
 *		... carry it out ...
 *		keyed_call_keep(keyed, &id);
 *	}
 *
 * All need SPI connected, as the owner; structs live in CurrentMemoryContext.
 */
#ifndef APPT_IDEMPOTENCY_H
#define APPT_IDEMPOTENCY_H

#include "fmgr.h"
#include "utils/uuid.h"

/* Characters of a key. */
#define MAX_IDEMPOTENCY_KEY 255

typedef struct KeyedCall
{
	pg_uuid_t	application_id;
	char	   *function_name;
	char	   *caller;			/* see core/caller_name.h */
	char	   *key;
	bytea	   *arguments;		/* their digest, see core/call_digest.h */
} KeyedCall;

/*
 * The call, if it names a key: as the argument `key_argument`, which is the
 * function's last, or in the request's header Idempotency-Key. NULL if it names
 * none; an empty one is none. 22023 for one that is too long, and for two that
 * differ.
 */
extern KeyedCall *keyed_call(FunctionCallInfo fcinfo, const pg_uuid_t *application_id, int key_argument);

/*
 * What the first call under the key made. NULL if this call is the first, or
 * names no key (NULL): carry it out; no other call gets the key until the
 * transaction ends. Waits for a transaction that has claimed the key. PT409
 * if the first call had other arguments.
 */
extern pg_uuid_t *keyed_call_claim(const KeyedCall *call);

/*
 * Keep what the first call made, an appointment: the key lives as long as that.
 * Does nothing for a call without a key (NULL).
 */
extern void keyed_call_keep(const KeyedCall *call, const pg_uuid_t *appointment_id);

#endif							/* APPT_IDEMPOTENCY_H */
