/*
 * delivery.h
 *		A message in flight: claimed in one transaction, transferred outside of
 *		any, settled in another. See README.md in this folder.
 */
#ifndef APPT_DELIVERY_H
#define APPT_DELIVERY_H

#include "lib/ilist.h"

#include "channel/message.h"
#include "channel/outcome.h"
#include "channel/request.h"
#include "fairness/flights.h"
#include "notify/eligibility.h"
#include "transfer/engine.h"
#include "worker/attempt_record.h"
#include "worker/queue.h"

typedef struct Delivery
{
	dlist_node	node;			/* in the list of those to settle */
	MemoryContext context;		/* owns this struct and all it points to */
	MemoryContext record_context;	/* owns the record */
	AttemptRecord *record;		/* until the attempt is opened */
	Size		bytes;			/* of memory, without the record */
	QueueKey	key;			/* of its row in appt.due */
	int64		attempt_id;
	ItemPointerData attempt_place;	/* where the attempt was written */
	int			attempt_number;
	Message    *message;		/* without its words, which the request has */
	Route	   *route;
	Request    *request;
	int			segments;		/* 0: its channel has none */
	RetryInput	retry;			/* without what the response tells */
	pg_uuid_t	application_id;
	bool		invites;		/* once it is sent, its appointment is INVITED */
	pg_uuid_t	appointment_id; /* where it invites */
	NotificationState state;	/* before it was claimed */
	Reason		reason;
	Flight		flight;			/* once started */
	Outcome		outcome;		/* once finished */
	bool		is_untried;		/* it ended before a byte was sent: no attempt */
	TimestampTz finished_at;
} Delivery;

/*
 * Compose the delivery of these facts; `key` is that of its row in appt.due. Its
 * memory context is a child of `parent`, and it shares no memory with the facts.
 * NULL if it can't be composed, with *reason and with *error in
 * CurrentMemoryContext; the reason is TOO_LARGE if it needs more memory than
 * LARGEST_DELIVERY.
 */
extern Delivery *delivery_compose(MemoryContext parent, const NotificationFacts *facts,
								  const QueueKey *key, TimestampTz now, Reason *reason,
								  char **error);

/* Free the record, once the attempt is open. */
extern void delivery_forget_record(Delivery *delivery);

#endif							/* APPT_DELIVERY_H */
