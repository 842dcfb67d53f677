/*
 * reopened.h
 *		Messages of before an appointment was reopened, which do not count any more.
 *
 * Of the node that numbered appointment.reopened_after, ids tell, also for what was
 * planned in the transaction that reopened it. A message of another node was moved in, or
 * was planned after a move: times tell.
 */
#ifndef APPT_REOPENED_H
#define APPT_REOPENED_H

#include "datatype/timestamp.h"

#include "core/node.h"

/* Is the message with this id and created_at of before the appointment's row was reopened? Not true if that never was. */
#define IS_BEFORE_REOPENING(id, created_at, row) \
	"(CASE WHEN " id " >> " CppAsString2(NODE_BITS) " = " row ".reopened_after >> " CppAsString2(NODE_BITS) \
	" THEN " id " <= " row ".reopened_after ELSE " created_at " < " row ".reopened_at END)"

/* The same; an appointment that was never reopened has 0 for both. */
static inline bool
is_before_reopening(int64 id, TimestampTz created_at, int64 reopened_after, TimestampTz reopened_at)
{
	if (node_of_number(id) == node_of_number(reopened_after))
		return id <= reopened_after;
	return created_at < reopened_at;
}

#endif							/* APPT_REOPENED_H */
