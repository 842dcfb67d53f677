/*
 * facts_parts.h
 *		What the files of facts share. Nobody else includes it.
 *
 * facts.c				the door: loads a batch; notifications, appointments, rules
 * facts_batch.c		finds rows by their keys; the budget
 * facts_routes.c		subscriptions and providers, with their secrets
 * facts_templates.c	templates
 *
 * Results live in CurrentMemoryContext.
 */
#ifndef APPT_FACTS_PARTS_H
#define APPT_FACTS_PARTS_H

#include "core/row.h"
#include "core/statement.h"
#include "notify/facts.h"

/* The rows of one kind, ordered by key. */
typedef struct FactIndex
{
	int			count;
	pg_uuid_t  *keys;
	void	  **facts;
} FactIndex;

/* A batch while it is put together. */
typedef struct Batch
{
	List	   *notifications;	/* of NotificationFacts *, by id */
	bool		is_current;		/* with snapshots of its own, not the query's */
	Size		budget;			/* bytes that may still be read */
	bool		is_over;		/* more than that was to be read */
	MemoryContext context;		/* that all of it lives in */
	FactIndex	applications;
	FactIndex	appointments;
	FactIndex	subscriptions;
	FactIndex	providers;		/* by id */
} Batch;

/* ---- facts_batch.c ---- */

extern int	uuid_compare(const void *a, const void *b);

/* The facts under a key; NULL if there are none, or the key is NULL. */
extern void *fact_find(const FactIndex *index, const pg_uuid_t *key);

/* Room for so many keys and their facts, which the caller fills in. */
extern void fact_index_create(FactIndex *index, uint64 count);

/* Run a statement that only reads: under the snapshot that the batch is to be read by. */
extern uint64 batch_read(const Batch *batch, Statement *statement, Datum keys);
extern uint64 batch_read2(const Batch *batch, Statement *statement, Datum keys, Datum more_keys);

/* A key of a notification, or NULL. */
typedef const pg_uuid_t *(*KeyOf) (const NotificationFacts *facts);

/* The keys of all notifications as an array, each once; false if there are none. */
extern bool batch_keys(const Batch *batch, KeyOf key_of, Datum *keys);

/* What a row costs besides its values. */
#define COST_OF_ROW 128

/* Charge the budget; false once it is used up. */
extern bool batch_spend(Batch *batch, Size bytes);

/* The next column's value, charged to the budget; "", or NULL, once that is used up. */
extern char *batch_text(Batch *batch, Row *row);
extern Jsonb *batch_jsonb(Batch *batch, Row *row);

/* A copy of the value as it is stored. */
extern Stored *batch_stored(Batch *batch, Row *row);

/* ---- facts_routes.c, facts_templates.c ---- */

/* Set `route` and `templates` of each notification; applications and notifications are loaded. */
extern void load_routes(Batch *batch);
extern void load_templates(Batch *batch);

#endif							/* APPT_FACTS_PARTS_H */
