/*
 * idempotency.h
 *		Calls with an idempotency key: a repeated call gets the result of the
 *		first.
 *
 *	keyed = keyed_call(fcinfo, &application_id, ARGUMENT_IDEMPOTENCY_KEY);
 *	first = keyed_call_claim(keyed);
 *	if (first != NULL)
 *		... return the result of the first call ...
 *	else
 *	{
 *		... execute the call ...
 *		keyed_call_keep(keyed, &result);
 *	}
 *
 * All functions need SPI connected, as the owner; structs live in
 * CurrentMemoryContext.
 */
#ifndef APPT_IDEMPOTENCY_H
#define APPT_IDEMPOTENCY_H

#include "fmgr.h"
#include "utils/uuid.h"

/* Maximum number of characters of a key. */
#define MAX_IDEMPOTENCY_KEY 255

typedef struct KeyedCall
{
	pg_uuid_t	application_id;
	char	   *function_name;
	char	   *caller;			/* see core/caller_name.h */
	char	   *key;
	bytea	   *arguments;		/* their digest, see core/call_digest.h */
} KeyedCall;

/* What a call created: one of these. */
typedef struct CallResult
{
	pg_uuid_t  *appointment_id; /* NULL: no appointment */
	int64		user_event_id;	/* 0: no event that users are told of */
	int64		notification_id;	/* 0: no notification */
} CallResult;

/*
 * The call, if it has a key: in the argument `key_argument` or in the request's header Idempotency-Key. NULL without a key or with
 * an empty one. 22023: the key is too long, or the two differ.
 */
extern KeyedCall *keyed_call(FunctionCallInfo fcinfo, const pg_uuid_t *application_id, int key_argument);

/*
 * The result of the first call with the key. NULL if this call is the first or
 * has no key (NULL): execute it; no other call gets the key until the
 * transaction ends. Waits for a transaction that has claimed the key. PT409:
 * the first call had other arguments.
 */
extern CallResult *keyed_call_claim(const KeyedCall *call);

/*
 * Store the result of the first call; the key lives as long as that. Does
 * nothing for a call without a key (NULL).
 */
extern void keyed_call_keep(const KeyedCall *call, const CallResult *result);

#endif							/* APPT_IDEMPOTENCY_H */
