/*
 * shared.h
 *		What the launcher, the workers and the sessions of all databases know of
 *		each other: shared memory of this folder.
 */
#ifndef APPT_SHARED_H
#define APPT_SHARED_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "worker/record.h"

typedef enum Presence
{
	PRESENCE_UNKNOWN, PRESENCE_ABSENT, PRESENCE_PRESENT
} Presence;

#define SLOT_BIT(slot) ((uint32) 1 << ((slot) - 1))

/* One database that may have the extension. */
typedef struct DatabaseRecord
{
	Oid			database;		/* InvalidOid: free */
	Presence	presence;		/* of the extension */
	uint32		changes;		/* how often sessions asked for a new look */
	bool		check;			/* the launcher must look at it now */
	bool		is_stale;		/* the launcher must look at it with its next
								 * regular look */
	uint32		without_slot;	/* SLOT_BITs of workers that could not be
								 * registered */
} DatabaseRecord;

/* A session that keeps workers out of a database until its transaction ends. */
typedef struct HoldRecord
{
	Oid			database;		/* InvalidOid: free */
	pid_t		pid;
} HoldRecord;

typedef struct WorkersShared
{
	LWLock	   *lock;			/* protects all of this and the records */
	Latch	   *launcher;		/* NULL: it does not run */
	bool		has_launcher;	/* it is registered: the postmaster starts it */
	bool		check_all;		/* a database to look at had no room for a
								 * record */
	int			worker_count;
	int			database_count;
	int			hold_count;
	WorkerRecord *workers;
	DatabaseRecord *databases;
	HoldRecord *holds;
} WorkersShared;

extern WorkersShared *workers_shared;	/* NULL unless preloaded */

extern void workers_shared_request(void);
extern void workers_shared_create(bool has_launcher);

/* The caller holds the lock, exclusively if anything changes. */
extern WorkerRecord *worker_record(Oid database, int slot); /* NULL: there is none */
extern WorkerRecord *worker_record_create(Oid database, int slot);	/* NULL: no room */
extern DatabaseRecord *database_record(Oid database);	/* NULL: not known */
extern DatabaseRecord *database_record_create(Oid database);	/* NULL: no room */
extern bool database_is_held(Oid database);

/* Have the launcher look at the database again, now. Never fails. */
extern void database_recheck(Oid database);

/*
 * If the launcher knows of no extension there, that may be wrong: have it look
 * at the database with its next regular look. Never fails.
 */
extern void database_invalidate(Oid database);

/* End the launcher's sleep. Never fails. */
extern void wake_launcher(void);

#endif							/* APPT_SHARED_H */
