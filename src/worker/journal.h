/*
 * journal.h
 *		What a worker is doing, in a file that outlives its crash.
 */
#ifndef APPT_JOURNAL_H
#define APPT_JOURNAL_H

#include "datatype/timestamp.h"

/* As many as a claim takes at most: a worker's slots, and messages without transfer. */
#define JOURNAL_IDS 4224

typedef enum Activity
{
	ACTIVITY_OTHER,				/* refreshing lanes, sweeping, chores */
	ACTIVITY_ASLEEP,
	ACTIVITY_CLAIMING,			/* the notifications `ids` */
	ACTIVITY_RECOVERING,		/* closing `ids`, which its predecessor left
								 * open */
	ACTIVITY_TRANSFERRING,		/* or settling: all that is SENDING in its
								 * slot */
	ACTIVITY_PANIC				/* the worker itself raised PANIC */
} Activity;
#define ACTIVITIES (ACTIVITY_PANIC + 1)

typedef struct Journal
{
	uint32		magic;
	Oid			database;
	int			slot;
	TimestampTz started_at;		/* of the worker */
	int			activity;		/* an Activity */
	int			count;
	int64		ids[JOURNAL_IDS];
} Journal;

/* Begin the journal of this process. If the file can't be created, log that and go on without it. */
extern void journal_open(Oid database, int slot);

/* Remove the journal: the process exits, or was told to quit. Safe in a signal handler. */
extern void journal_close(void);

/* Until journal_end this is the process's activity, on at most the first JOURNAL_IDS of `ids`. */
extern void journal_begin(Activity activity, const int64 *ids, int count);
extern void journal_end(void);

/* Pass each journal that a crashed process left to `take`, and remove it. */
extern void journals_collect(void (*take) (const Journal *journal));

#endif							/* APPT_JOURNAL_H */
