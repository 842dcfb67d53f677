/*
 * suspicion.h
 *		How often workers crashed, and which notifications may be to blame. Pure:
 *		no files, no SPI, the clock is an argument.
 */
#ifndef APPT_SUSPICION_H
#define APPT_SUSPICION_H

#include "worker/journal.h"

/* Databases with crashes to remember; one more replaces the oldest. */
#define CRASH_HISTORIES 64

/* Notifications that may be to blame; any further one is not remembered. */
#define SUSPECTS_MAX 4096

typedef struct CrashHistory
{
	Oid			database;
	int			crashes;		/* since a worker lived for a minute */
	TimestampTz last_at;
	int			slot;			/* of the worker that crashed last */
	int			activity;		/* its Activity */
} CrashHistory;

typedef enum SuspectKind
{
	SUSPECT_CLAIMED,			/* it was being claimed: claim it alone */
	SUSPECT_IN_FLIGHT,			/* it was in flight: claim and send it alone */
	SUSPECT_GUILTY,				/* two workers crashed over it alone */
	SUSPECT_SLOT				/* stands for all that slot `id` left SENDING,
								 * until that has been looked up */
} SuspectKind;

typedef struct Suspect
{
	int64		id;
	Oid			database;
	int16		kind;			/* a SuspectKind */
	int16		crashes_alone;	/* crashes with no other suspect */
} Suspect;

typedef struct Suspicion
{
	int			history_count;
	int			suspect_count;
	CrashHistory histories[CRASH_HISTORIES];
	Suspect		suspects[SUSPECTS_MAX];
} Suspicion;

/* A worker crashed and left this journal. */
extern void suspicion_note(Suspicion *suspicion, const Journal *journal, TimestampTz now);

/* The slot left these SENDING. They become suspects if the slot is suspect. */
extern void suspicion_blame_slot(Suspicion *suspicion, Oid database, int slot,
								 const int64 *ids, int count);

/* The notification is no longer suspect: it was not to blame, or is settled. */
extern void suspicion_clear(Suspicion *suspicion, Oid database, int64 id);

/* The database's worker has lived for a minute. Its suspects stay. */
extern void suspicion_forget_history(Suspicion *suspicion, Oid database);

/* The database was dropped. */
extern void suspicion_forget_database(Suspicion *suspicion, Oid database);

/* Points into *suspicion; NULL if no crash is remembered. */
extern CrashHistory *crash_history(Suspicion *suspicion, Oid database);

/* How long workers pause after the last crash, in microseconds. */
extern TimeOffset crash_pause(const CrashHistory *history);

/* Has a worker that started then lived for so long that earlier crashes do not count? */
extern bool crash_is_over(TimestampTz started_at, TimestampTz now);

#endif							/* APPT_SUSPICION_H */
