/*
 * worker.h
 *		The frame of a worker process: what the delivery loop asks of it.
 */
#ifndef APPT_WORKER_H
#define APPT_WORKER_H

#include "datatype/timestamp.h"

#include "fairness/circuit_report.h"

/* Would the same step fail again? */
typedef enum FailureKind
{
	FAILURE_OF_DATA,			/* yes: the rows that it worked on are to blame */
	FAILURE_TRANSIENT,			/* not later: a lock, a full disk, a cancel, DDL */
	FAILURE_UNKNOWN				/* either: a trigger of somebody's, say */
} FailureKind;

#define FAILURE_MESSAGE_SIZE 512

typedef struct Failure
{
	FailureKind kind;
	char		message[FAILURE_MESSAGE_SIZE];
} Failure;

/*
 * Run one step in a transaction of its own: as the extension's owner, SPI
 * connected, a snapshot active, in memory that goes with the transaction. On
 * error it is rolled back, reported to the server's log and to worker_status;
 * the result is false, and *failure, unless NULL, tells why.
 */
extern bool worker_run(void (*step) (void *), void *argument, Failure *failure);

/* Handle reloads (true if there was one) and the like; never raises an error, never exits. */
extern bool worker_check_interrupts(void);

/*
 * May anything be sent now: appt.enabled, a version that this library serves,
 * the identity of this database? If not, worker_status says why. Cheap.
 */
extern bool worker_may_send(void);

/* The same but for appt.enabled; as of the last worker_may_send. */
extern bool worker_may_recover(void);

/* Was the worker asked to exit, or has the extension gone? */
extern bool worker_must_stop(void);

/* Must it do so without waiting for transfers (database DDL)? */
extern bool worker_must_hurry(void);

/* Publish for worker_status, and when the next commit need not wake us. */
extern void worker_report(int in_flight, int64 sent, int64 failed, TimestampTz next_wake);

/* So many circuits are open; `reports` holds the first CIRCUITS_SHOWN of them. */
extern void worker_report_circuits(const CircuitReport *reports, int count);

#endif							/* APPT_WORKER_H */
