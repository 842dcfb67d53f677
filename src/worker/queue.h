/*
 * queue.h
 *		Taking rows out of appt.due, and moving them, by their whole key.
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

/* The lanes there are, each found by one probe from the one before: what follows reads "lanes". */
#define WITH_LANES \
	"WITH RECURSIVE hops (lane) AS (" \
	"  (SELECT d.lane FROM appt.due d ORDER BY d.lane LIMIT 1)" \
	"  UNION ALL " \
	"  SELECT (SELECT d.lane FROM appt.due d WHERE d.lane > h.lane ORDER BY d.lane LIMIT 1)" \
	"  FROM hops h WHERE h.lane IS NOT NULL)," \
	" lanes AS (SELECT lane FROM hops WHERE lane IS NOT NULL) "

/*
 * Out of the queue, because they are settled: what is kept of a deleted
 * appointment goes with the last of its notifications. SPI connected, as for
 * queue_move.
 */
extern void queue_leave(const QueueKeys *keys);
extern void queue_move(const QueueKeys *keys, const Column *untils);

#endif							/* APPT_QUEUE_H */
