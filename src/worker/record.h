/*
 * record.h
 *		A worker's record in shared memory. worker_status and open_circuits show
 *		it, the launcher and database DDL read it.
 */
#ifndef APPT_RECORD_H
#define APPT_RECORD_H

#include "datatype/timestamp.h"
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
	LWLock	   *lock;			/* protects all that follows */
	bool		is_used;
	uint32		generation;		/* a process that starts late finds another
								 * one: the record is no longer its own */
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
	CircuitReport circuits[CIRCUITS_SHOWN]; /* the first of them */
	TimestampTz last_error_at;	/* 0: no error yet */
	char		last_error[ERROR_LENGTH];
} WorkerRecord;

/* For the worker itself; each takes the lock. */

/* QUIET_NOT: it sends. Explanation NULL: the reason's own. */
extern void record_quiet(WorkerRecord *record, QuietReason reason, const char *explanation);

/* It failed just now. */
extern void record_error(WorkerRecord *record, const char *message);

/* Transfers in flight; messages sent and failed since it started; when it wakes if nothing wakes it. */
extern void record_progress(WorkerRecord *record, int in_flight, int64 sent, int64 failed,
							TimestampTz next_wake);

/* `count` circuits are open; `reports` holds the first CIRCUITS_SHOWN of them. */
extern void record_circuits(WorkerRecord *record, const CircuitReport *reports, int count);

#endif							/* APPT_RECORD_H */
