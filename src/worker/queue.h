/*
 * queue.h
 *		Rows of appt.due: their keys, and how the worker deletes and moves them.
 */
#ifndef APPT_QUEUE_H
#define APPT_QUEUE_H

#include "datatype/timestamp.h"

#include "core/column.h"

/* The key of a row of appt.due. */
typedef struct QueueKey
{
	int64		lane_id;
	TimestampTz due_at;
	int64		notification_id;
} QueueKey;

/* A number of keys, as arguments of a statement. */
typedef struct QueueKeys
{
	Column	   *lane_ids;
	Column	   *due_ats;
	Column	   *notification_ids;
} QueueKeys;

/* In CurrentMemoryContext. */
extern QueueKeys *queue_keys_create(void);
extern void queue_keys_add(QueueKeys *keys, const QueueKey *key);

/* Begins a statement that reads "lanes": all lanes in appt.due, each found by one index probe from the one before. */
#define WITH_LANES \
	"WITH RECURSIVE hops (lane) AS (" \
	"  (SELECT d.lane FROM appt.due d ORDER BY d.lane LIMIT 1)" \
	"  UNION ALL " \
	"  SELECT (SELECT d.lane FROM appt.due d WHERE d.lane > h.lane ORDER BY d.lane LIMIT 1)" \
	"  FROM hops h WHERE h.lane IS NOT NULL)," \
	" lanes AS (SELECT lane FROM hops WHERE lane IS NOT NULL) "

/*
 * Delete the rows of settled notifications, and have the workers blank the data
 * of deleted appointments that may have settled with them. SPI must be connected.
 */
extern void queue_delete(const QueueKeys *keys);

/* Let each be due at its `until`. SPI must be connected. */
extern void queue_move(const QueueKeys *keys, const Column *untils);

#endif							/* APPT_QUEUE_H */
