/*
 * shared.h
 *		What launcher, workers and sessions know of each other: shared memory
 *		of the worker's frame. Private to launcher.c, worker.c, lifecycle.c and
 *		status.c.
 */
#ifndef APPT_SHARED_H
#define APPT_SHARED_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "fairness/circuit_report.h"

/* Why a worker sends nothing; the codes of worker_status.why_quiet. */
typedef enum QuietReason
{
	QUIET_NOT,
	QUIET_NOT_PRELOADED, QUIET_STANDBY, QUIET_EXCLUDED, QUIET_HELD,
	QUIET_NO_SLOT, QUIET_AFTER_CRASH, QUIET_STARTING, QUIET_SLOT_TAKEN, QUIET_DDL_IN_PROGRESS,
	QUIET_VERSION_MISMATCH, QUIET_NO_IDENTITY, QUIET_RESTORED_COPY,
	QUIET_DISABLED, QUIET_FAILING
} QuietReason;
#define QUIET_REASONS (QUIET_FAILING + 1)

#define ERROR_LENGTH 512
#define EXPLANATION_LENGTH 256

/* One worker, from before it is registered until its process has exited. */
typedef struct WorkerRecord
{
	bool		is_used;
	uint32		generation;		/* tells a late starter that its place is another's */
	Oid			database;
	int			slot;			/* 1 .. appt.workers */
	pid_t		pid;			/* 0: has not started yet */
	TimestampTz started_at;
	bool		must_hurry;		/* database DDL waits for its exit */
	QuietReason quiet;
	char		explanation[EXPLANATION_LENGTH];	/* '': the reason's own */
	int			in_flight;
	int64		sent;
	int64		failed;
	TimestampTz next_wake;
	int			open_circuits;
	CircuitReport circuits[CIRCUITS_SHOWN]; /* as many of them as fit */
	TimestampTz last_error_at;	/* 0: no error yet */
	char		last_error[ERROR_LENGTH];
} WorkerRecord;

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
	uint32		changes;		/* how often it was created, altered or dropped */
	bool		check;			/* the launcher shall look at it anew */
	bool		is_doubted;		/* so it shall with its next regular look */
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
	LWLock	   *lock;			/* protects all of it */
	Latch	   *launcher;		/* NULL: none runs */
	bool		has_launcher;	/* it is registered, so that the postmaster
								 * starts it */
	bool		check_all;		/* some database was not recorded for lack of room */
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

/* These want the lock held, exclusively if they are to change anything. */
extern WorkerRecord *worker_record(Oid database, int slot); /* NULL: there is none */
extern WorkerRecord *worker_record_create(Oid database, int slot);	/* NULL: no room */
extern DatabaseRecord *database_record(Oid database);	/* NULL: not known */
extern DatabaseRecord *database_record_create(Oid database);	/* NULL: no room */
extern bool database_is_held(Oid database);

/* Have the launcher look at the database anew. Never fails. */
extern void launcher_check_database(Oid database);

/* Have the launcher do so at its next regular look, if it knows of no extension there. Never fails. */
extern void launcher_doubt_database(Oid database);
extern void launcher_wake(void);

#endif							/* APPT_SHARED_H */
