/*
 * facts_batch.h
 *		A batch of facts while it is loaded: what has been found so far, the
 *		budget, and one way to load each kind of row.
 *
 * Facts live in the batch's memory context, which is current while it is loaded.
 */
#ifndef APPT_FACTS_BATCH_H
#define APPT_FACTS_BATCH_H

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/facts.h"

/* Bytes that one load may unpack and keep. */
#define FACTS_BUDGET (4 * 1024 * 1024)

typedef struct Batch
{
	List	   *notifications;	/* of NotificationFacts *, ordered by id, as
								 * all these */
	List	   *applications;	/* of ApplicationFacts * */
	List	   *appointments;	/* of AppointmentFacts * */
	List	   *user_events;	/* of UserEventFacts * */
	List	   *rules;			/* of RuleFacts *, in any order */
	List	   *meeting_templates;	/* of MeetingTemplateFacts * */
	List	   *subscriptions;	/* of RouteFacts *, in any order */
	List	   *providers;		/* facts_routes.c */
	List	   *snapshots;		/* of AppointmentSnapshot *, by their
								 * notifications' ids */
	bool		is_current;		/* each kind of row is read in a snapshot of
								 * its own; else the query's is used */
	Size		budget;			/* bytes that may still be read */
	bool		is_over;		/* a value exceeded it: the batch is
								 * incomplete */
	MemoryContext context;
} Batch;

/* The fact with this id in a list that is ordered by it; NULL if there is none, or no id. The id is its first member. */
extern void *fact_by_uuid(const List *facts, const pg_uuid_t *id);
extern void *fact_by_number(const List *facts, int64 id);

/* How one kind of row is loaded by a statement. */
typedef struct FactLoader
{
	Statement	find;			/* its arguments are arrays of keys */

	/*
	 * Add the keys of what a notification needs, if any, a value to each
	 * array.
	 */
	void		(*add_keys) (const Batch *batch, const NotificationFacts *facts, Column **keys);

	/* Take one row of the result. */
	void		(*take) (Batch *batch, Row *row);
} FactLoader;

/* Load the rows that the batch's notifications need. Without keys nothing is run; once the budget is used up, no row is read. */
extern void batch_load(Batch *batch, FactLoader *loader);

/* Bytes of memory that a row costs besides its values. */
#define COST_OF_ROW 128

/* Charge the budget; false once it is used up. */
extern bool batch_spend(Batch *batch, Size bytes);

/* The next column's value, charged to the budget; "", or NULL, once that is used up. */
extern char *batch_text(Batch *batch, Row *row);
extern Jsonb *batch_jsonb(Batch *batch, Row *row);

/* A copy of the value as it is stored; NULL of NULL. */
extern Stored *batch_stored(Batch *batch, Row *row);

#endif							/* APPT_FACTS_BATCH_H */
