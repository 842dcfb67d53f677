/*
 * wake.h
 *		Telling the database's workers, at commit, that something is due.
 *
 * Also works without preloading: nobody listens then, and the first call in a
 * session that plans something warns that nothing will be sent.
 */
#ifndef APPT_WAKE_H
#define APPT_WAKE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/*
 * The current (sub)transaction inserted an entry with this lane and due_at
 * into appt.due, or moved one there. When it commits, the workers of this
 * database are told; if it aborts, they are not.
 */
extern void wake_on_commit(int64 lane, TimestampTz due_at);

/* The same for a message that a user wants to be sent at once: an open circuit does not delay it. */
extern void wake_by_hand_on_commit(int64 lane, TimestampTz due_at);

/* When the current (sub)transaction commits, the workers look again at identity, extension and all lanes. */
extern void wake_all_on_commit(void);

/* When the current (sub)transaction commits, the workers check whether messages under way may still leave. */
extern void wake_for_switch_on_commit(void);

/*
 * When the current (sub)transaction commits, the workers read limits and
 * destinations of this application again.
 */
extern void wake_for_configuration_on_commit(const pg_uuid_t *application_id);

/* Lanes that are not in appt.due: appointments to end, changed configuration, and messages to blank. */
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
 * Take at most `max` entries that were reported for this database.
 * *sweep_needed: some were lost, so look at all lanes.
 */
extern int	wake_take(WakeEntry *entries, int max, bool *sweep_needed);

/* ---- for the worker ---- */

/* Listen to reports for MyDatabaseId from now on, until the process exits. */
extern void wake_listen(void);

/* Was there a request to look at everything again since the last call? */
extern bool wake_take_recheck(void);

/* Was there a report of a switch since the last call? */
extern bool wake_take_switch(void);

/* Is there an entry to take, or a request of one of these kinds? */
extern bool wake_has_news(void);

/* Before sleeping: commits need not wake this worker for what is due later. */
extern void wake_sleep_until(TimestampTz next_wake);

/* The same where nothing may be sent: commits do not wake this worker, and it looks at all lanes afterwards. */
extern void wake_sleep_deaf(void);

/*
 * Tell the workers of that database to look at everything again, at once,
 * whatever becomes of the transaction.
 */
extern void wake_database(Oid database);

/* ---- for process/init.c, when the library is loaded ---- */
extern void wake_shared_request(void);
extern void wake_shared_create(void);

#endif							/* APPT_WAKE_H */
