/*
 * worker.h
 *		The frame of a worker process: what the delivery loop asks of it.
 */
#ifndef APPT_WORKER_H
#define APPT_WORKER_H

#include "datatype/timestamp.h"

#include "fairness/breakers.h"

/*
 * Run one step in a transaction of its own: as the extension's owner, SPI
 * connected, a snapshot active, in memory that goes with the transaction. On
 * error it is rolled back, reported to the server's log and kept as the
 * worker's last error; the result is false.
 */
extern bool worker_run(void (*step) (void *), void *argument);

/* The message of the last error; "" if there was none. */
extern const char *worker_last_error(void);

/*
 * Why the last step that failed did so: for what it worked on, so that it would
 * fail again; for a lock, a full disk, a cancel, DDL under way, and the like; or
 * for what may be either (somebody's trigger).
 */
typedef enum Fault
{
	FAULT_OF_DATA, FAULT_OF_CIRCUMSTANCES, FAULT_UNKNOWN
} Fault;
extern Fault worker_last_fault(void);

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
