/*
 * queue.h
 *		Taking rows out of appt.due, and moving them, by their whole key.
 */
#ifndef APPT_QUEUE_H
#define APPT_QUEUE_H

#include "datatype/timestamp.h"

#include "core/column.h"

typedef struct Places
{
	Column	   *lanes;
	Column	   *dues;
	Column	   *ids;			/* of notifications */
} Places;

/* In CurrentMemoryContext. */
extern Places *places_create(void);
extern void places_add(Places *places, int64 lane_id, TimestampTz due_at, int64 notification_id);

/* SPI connected. */
extern void queue_leave(const Places *places);
extern void queue_move(const Places *places, const Column *untils);

#endif							/* APPT_QUEUE_H */
