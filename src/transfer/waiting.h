/*
 * waiting.h
 *		Transfers that wait for a look-up of their host, or for a descriptor.
 *
 * Nothing here raises an error.
 */
#ifndef APPT_WAITING_H
#define APPT_WAITING_H

#include "transfer/transfer.h"

/* A transfer that libcurl gave back must wait, as its notes say. */
extern void wait_transfer(Transfer *transfer);

/* When run_waiting() must be called, monotonic ms; 0: now; PG_INT64_MAX: never. */
extern int64 next_waiting_deadline(Engine *engine);

/* Begin again those that may go on, and end those that waited too long. */
extern void run_waiting(Engine *engine, int64 now);

#endif							/* APPT_WAITING_H */
