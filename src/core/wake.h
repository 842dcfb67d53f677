/*
 * wake.h
 *		Telling the database's workers, at commit, that something is due.
 *
 * Works without preloading too: then nobody listens, and the first call that
 * plans something warns once a session that nothing will be sent.
 */
#ifndef APPT_WAKE_H
#define APPT_WAKE_H

#include "datatype/timestamp.h"

/*
 * The current (sub)transaction put an entry with this lane and due_at into
 * appt.due (or moved one there). When it commits, the workers of this
 * database learn of it; if it aborts, nobody does.
 */
extern void wake_on_commit(int64 lane, TimestampTz due_at);

/* The lane of the worker's own chores (appointments to end); in no row of appt.due. */
#define LANE_CHORES INT64CONST(0)

typedef struct WakeEntry
{
	int64		lane;
	TimestampTz due_at;
} WakeEntry;

/*
 * For the worker: take what was reported for this database since the last
 * call, at most `max` entries. *sweep_needed: some were lost, look at all lanes.
 */
extern int	wake_take(WakeEntry *entries, int max, bool *sweep_needed);

#endif							/* APPT_WAKE_H */
