/*
 * suspicion.h
 *		What is known of crashes of workers: how often, and which notifications
 *		may be to blame. Pure: no files, no SPI, the clock is an argument.
 */
#ifndef APPT_SUSPICION_H
#define APPT_SUSPICION_H

#include "worker/journal.h"

/* Databases whose crashes are remembered; with one more the oldest is forgotten. */
#define CRASH_HISTORIES 64

/* Notifications that may be to blame; any further one is not remembered. */
#define SUSPECTS_MAX 4096

typedef struct CrashHistory
{
	Oid			database;
	int			crashes;		/* since a worker lived for long */
	TimestampTz last_at;
	int			slot;			/* of the last one */
	int			activity;		/* that it ended, an Activity */
} CrashHistory;

typedef enum SuspectKind
{
	SUSPECT_CLAIMED,			/* a worker crashed while it claimed it: claim
								 * it alone */
	SUSPECT_IN_FLIGHT,			/* it was in flight: send it alone, too */
	SUSPECT_GUILTY,				/* two workers crashed over it alone */
	SUSPECT_SLOT				/* all that the slot `id` left SENDING, once
								 * that is known */
} SuspectKind;

typedef struct Suspect
{
	int64		id;
	Oid			database;
	int16		kind;			/* a SuspectKind */
	int16		crashes_alone;	/* when it was the only one */
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

/* These were left SENDING by a slot; nothing changes unless the slot is suspect. */
extern void suspicion_blame_slot(Suspicion *suspicion, Oid database, int slot,
								 const int64 *ids, int count);

/* It was not to blame, or is settled. */
extern void suspicion_clear(Suspicion *suspicion, Oid database, int64 id);

/* The database's worker has lived for long; its suspects stay. */
extern void suspicion_forget_history(Suspicion *suspicion, Oid database);

/* The database is gone. */
extern void suspicion_forget_database(Suspicion *suspicion, Oid database);

/* NULL: no crash is remembered. */
extern CrashHistory *crash_history(Suspicion *suspicion, Oid database);

/* How long workers pause after the last crash, in microseconds. */
extern TimeOffset crash_pause(const CrashHistory *history);

/* Has a worker lived for so long that crashes before it do not matter? */
extern bool crash_is_over(TimestampTz started_at, TimestampTz now);

#endif							/* APPT_SUSPICION_H */
