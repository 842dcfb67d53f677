/*
 * guard.h
 *		One worker: the extension that it serves, whether it may send, and the
 *		transactions that it runs as the extension's owner.
 */
#ifndef APPT_GUARD_H
#define APPT_GUARD_H

#include "datatype/timestamp.h"
#include "utils/timeout.h"

#include "worker/record.h"
#include "worker/transaction.h"

/* The extension as the last check found it. */
typedef struct Extension
{
	bool		is_installed;
	Oid			id;
	Oid			owner;
	char		version[NAMEDATALEN];
} Extension;

typedef struct Worker
{
	int			slot;
	WorkerRecord *record;
	Extension	extension;
	bool		has_read;		/* the last check has read `extension` */
	Oid			served_extension;	/* the one that the first check found */
	QuietReason quiet;			/* as published */
	TimestampTz checked_at;
	TimeoutId	check_timeout;	/* ends a sleep: check again */
	bool		has_pending_statistics;
} Worker;

/* The worker of this process, which is connected to the record's database. */
extern void worker_create(Worker *worker, WorkerRecord *record);

/*
 * Run one step in a transaction of its own: as the extension's owner, SPI
 * connected, a snapshot active, in memory that goes with the transaction. On
 * error it is rolled back, reported to the server's log and to worker_status;
 * the result is false, and *failure, unless NULL, tells why.
 */
extern bool worker_run(Worker *worker, void (*step) (void *), void *argument, Failure *failure);

/* Read the extension, its version, its locks and the identity of the database, now. */
extern void worker_check(Worker *worker);

/* Is it still the extension that the first check found? As of the last check. */
extern bool worker_has_extension(const Worker *worker);

/*
 * May anything be sent now: appt.enabled, a version that this library serves,
 * the identity of this database? If not, worker_status says why. Cheap: it
 * checks every 100 ms, or when a commit or a failure gives reason to.
 */
extern bool worker_may_send(Worker *worker);

/* The same but for appt.enabled; as of the last check. */
extern bool worker_may_recover(const Worker *worker);

/* The reason is shown until the next check, which is due at once. */
extern void worker_set_quiet(Worker *worker, QuietReason reason);

/* Handle reloads (true if there was one) and cancels; never raises an error, never exits. */
extern bool worker_check_interrupts(Worker *worker);

/* Was the worker asked to exit, or has the extension gone? */
extern bool worker_must_stop(const Worker *worker);

/* Must it do so without waiting for transfers: for database DDL, or because the extension has gone? */
extern bool worker_must_hurry(const Worker *worker);

/*
 * Publish for worker_status, before the worker sleeps until next_wake; commits
 * need not wake it for what is due later.
 */
extern void worker_report(Worker *worker, int in_flight, int64 sent, int64 failed, TimestampTz next_wake);

#endif							/* APPT_GUARD_H */
