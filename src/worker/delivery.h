/*
 * delivery.h
 *		One message on its way: claimed in one transaction, transferred outside
 *		of any, settled in another. See README.md in this folder.
 */
#ifndef APPT_DELIVERY_H
#define APPT_DELIVERY_H

#include "lib/ilist.h"

#include "channel/channel.h"
#include "fairness/lanes.h"
#include "notify/eligibility.h"
#include "transfer/transfer.h"

/* What an attempt keeps of its message. */
typedef struct AttemptRecord
{
	pg_uuid_t  *provider_id;	/* NULL: a webhook's */
	const char *recipient;
	const char *subject;		/* NULL where it is none or not logged, as are
								 * the bodies */
	const char *text_body;
	const char *html_body;
} AttemptRecord;

typedef struct Delivery
{
	dlist_node	node;			/* in the list of those to settle */
	MemoryContext context;		/* owns this struct and all it points to */
	MemoryContext record_context;	/* owns the record */
	AttemptRecord *record;		/* until the attempt is opened */
	Size		bytes;			/* of memory that it takes then */
	int64		notification_id;
	int64		attempt_id;
	int			attempt_number;
	int64		lane_id;
	TimestampTz place;			/* its due_at in appt.due */
	Message    *message;		/* without its words, which the request has */
	Route	   *route;
	Request    *request;
	RetryInput	retry;			/* but for what the response tells */
	pg_uuid_t	application_id;
	NotificationState state;	/* before it was claimed */
	Reason		reason;
	Flight		flight;			/* once started */
	Outcome		outcome;		/* once finished */
	bool		is_untried;		/* it ended before anything left: no attempt */
	TimestampTz finished_at;
	int			settle_tries;
} Delivery;

/*
 * Compose the delivery of these facts; `place` is its due_at in appt.due. It
 * lives in a context of its own below `parent` and shares nothing with the
 * facts. NULL with *reason and *error, in CurrentMemoryContext, if it can't be
 * composed; TOO_LARGE if it takes more memory than one message may.
 */
extern Delivery *delivery_compose(MemoryContext parent, const NotificationFacts *facts,
								  int64 lane_id, TimestampTz place, TimestampTz now,
								  Reason *reason, char **error);

/* Free the record: its attempt is open. */
extern void delivery_forget_record(Delivery *delivery);

/*
 * Learn whose the lanes are that have something due, and what they may, in a
 * transaction of its own if there are any not known; false if it failed.
 */
extern bool learn_owners(int slot, TimestampTz now);

/* How long that has taken since this was last asked. */
extern TimeOffset learning_cost(void);

/*
 * Claim what is due, for at most `room` places, in one transaction, which with
 * `settles` also settles what is finished. *deliveries, in CurrentMemoryContext,
 * are to be started. If the transaction fails, everything is as before, and the
 * next call claims without settling. For the fault of a row the next calls claim
 * rows one by one, until the one that broke the batch has been found and settled
 * as FAILED; CLAIM_FAILED if it failed for anything else, and a pause is due.
 * CLAIM_FAILED, too, if the commit is not durable (durability.h): what was
 * claimed is not to be started, and the next settling takes it back.
 * CLAIM_BLOCKED: no lane that is ready may send before a transfer ends;
 * CLAIM_LATER, if it may wait: few places are free yet where many are taken, and
 * nothing was claimed.
 */
typedef enum ClaimResult
{
	CLAIM_DONE, CLAIM_LATER, CLAIM_BLOCKED, CLAIM_FAILED
} ClaimResult;

extern ClaimResult claim_due(TransferEngine *engine, int slot, int room, bool may_wait,
							 bool settles, List **deliveries);

/*
 * Claim one of the suspects (suspects.h) alone, in one transaction. CLAIM_BLOCKED
 * if no lane that is ready has one that may be claimed now.
 */
extern ClaimResult claim_suspect(TransferEngine *engine, int slot, int room, List **deliveries);

/*
 * Within a transaction: look for the heads of these lanes, and let each wait
 * for its own; shortly, if somebody has locked it though it is due by `now`.
 */
extern void find_heads(Lane **lanes, int count, TimestampTz now);

/* Look for lanes that nobody told us of, and for the heads of all, in a transaction of its own. */
extern bool sweep_lanes(void);

/*
 * End what has not begun to leave where its organization's notifications were
 * switched off; and all of it. False: ask again, that could not be found out, or
 * not be done with all.
 */
extern bool withdraw_switched_off(TransferEngine *engine);
extern bool withdraw_all(TransferEngine *engine);

/* Take over finished deliveries; they are settled by the next settle_finished. */
extern void settle_later(Delivery *delivery, const Response *response);

/*
 * Settle what is finished in one transaction. What a caller has locked is left
 * for the next time; false if the transaction failed, which leaves everything.
 */
extern bool settle_finished(void);
extern int	settle_waiting(void);

/*
 * The same in somebody else's transaction: what is finished, in
 * CurrentMemoryContext, NULL if nothing is; to be written within the
 * transaction, and concluded once that has committed.
 */
typedef struct Settling Settling;
extern Settling *settling_of_finished(void);
extern void settling_write(void *settling);
extern void settling_conclude(Settling *settling);

/* What was settled since the worker started. */
extern int64 settled_sent;
extern int64 settled_failed;

/*
 * Look for what this slot left open when it last stopped, before anything is
 * claimed under it. `and_above`: also what the slots above appt.workers left,
 * which nobody holds. False if the transaction failed.
 */
extern bool recover_find(int slot, bool and_above);

/*
 * Close what was found: its attempts are INTERRUPTED. What a caller has locked
 * is left for the next time; true when nothing is left.
 */
extern bool recover_some(void);

/* The worker's loop; returns when the worker shall exit. */
extern void delivery_loop(int slot);

#endif							/* APPT_DELIVERY_H */
