/*
 * queue.h
 *		Rows of appt.due: their keys, and how the worker deletes and moves them.
 */
#ifndef APPT_QUEUE_H
#define APPT_QUEUE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "core/table_write.h"

/* A row of appt.due: its key, and where it was read. */
typedef struct QueueKey
{
	int64		lane_id;
	TimestampTz due_at;
	int64		notification_id;
	ItemPointerData place;		/* of the row; invalid: unknown */
	ItemPointerData notification_place; /* the same of its notification */
} QueueKey;

/* Begins a statement that reads "lanes": all lanes in appt.due, each found by one index probe from the one before. */
#define WITH_LANES \
	"WITH RECURSIVE hops (lane) AS (" \
	"  (SELECT d.lane FROM appt.due d ORDER BY d.lane LIMIT 1)" \
	"  UNION ALL " \
	"  SELECT (SELECT d.lane FROM appt.due d WHERE d.lane > h.lane ORDER BY d.lane LIMIT 1)" \
	"  FROM hops h WHERE h.lane IS NOT NULL)," \
	" lanes AS (SELECT lane FROM hops WHERE lane IS NOT NULL) "

/* Has no other transaction locked the row? The writer is table_look_begin("due"). */
extern bool queue_row_is_free(TableWriter *writer, const QueueKey *key);

/* What becomes of rows whose notifications this transaction has written. In CurrentMemoryContext. */
typedef struct QueueChanges
{
	List	   *deleted;		/* QueueKey * */
	List	   *moved;			/* MovedRow * */
	List	   *with_context;	/* of those deleted */
} QueueChanges;

/* The notification is settled. Without a context it is not of a deleted appointment. The key must live until queue_write. */
extern void queue_delete(QueueChanges *changes, const QueueKey *key, bool has_context);

/* It is due at `until`. The key must live until queue_write. */
extern void queue_move(QueueChanges *changes, const QueueKey *key, TimestampTz until);

/*
 * Write the changes, and have the workers blank the data of deleted appointments
 * that may have settled with them. SPI must be connected. 55P03 if another
 * transaction has locked a row.
 */
extern void queue_write(const QueueChanges *changes);

#endif							/* APPT_QUEUE_H */
