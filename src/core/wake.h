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
#include "utils/uuid.h"

/*
 * The current (sub)transaction put an entry with this lane and due_at into
 * appt.due (or moved one there). When it commits, the workers of this
 * database learn of it; if it aborts, nobody does.
 */
extern void wake_on_commit(int64 lane, TimestampTz due_at);

/* The same for one that a person wants to be sent at once: an open circuit does not hold it back. */
extern void wake_by_hand_on_commit(int64 lane, TimestampTz due_at);

/* When the current (sub)transaction commits, the workers look at identity, extension and all lanes anew. */
extern void wake_all_on_commit(void);

/* When the current (sub)transaction commits, the workers look whether what has not left yet may go still. */
extern void wake_for_switch_on_commit(void);

/*
 * When the current (sub)transaction commits, the workers learn limits and
 * destinations of this application anew.
 */
extern void wake_for_configuration_on_commit(const pg_uuid_t *application_id);

/* Lanes in no row of appt.due: appointments to end, changed configuration, and messages to blank. */
#define LANE_CHORES INT64CONST(0)
#define LANE_CONFIGURATION INT64CONST(1)
#define LANE_BLANKING INT64CONST(2)
#define FIRST_LANE UINT64CONST(3)

typedef struct WakeEntry
{
	int64		lane;
	TimestampTz due_at;
	bool		by_hand;
	pg_uuid_t	application_id; /* of LANE_CONFIGURATION */
} WakeEntry;

/*
 * For the worker: take what was reported for this database since the last
 * call, at most `max` entries. *sweep_needed: some were lost, look at all lanes.
 */
extern int	wake_take(WakeEntry *entries, int max, bool *sweep_needed);

/* ---- for the worker ---- */

/* Hear what is reported for MyDatabaseId from now on; until the process exits. */
extern void wake_listen(void);

/* Was everything to be looked at anew since the last call? */
extern bool wake_take_recheck(void);

/* Has anything been switched since the last call? */
extern bool wake_take_switch(void);

/* Is there anything to take, a sweep, a recheck or a switch? */
extern bool wake_has_news(void);

/* Before sleeping: no commit need wake us for what is due later. */
extern void wake_sleep_until(TimestampTz next_wake);

/* The same where nothing may be sent: nothing planned wakes us, and all lanes are to be looked at afterwards. */
extern void wake_sleep_deaf(void);

/* At once, whatever becomes of the transaction: the workers of that database look at everything anew. */
extern void wake_database(Oid database);

/* ---- for the start of the library, process/init.c ---- */
extern void wake_shared_request(void);
extern void wake_shared_create(void);

#endif							/* APPT_WAKE_H */
