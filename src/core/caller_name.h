/*
 * caller_name.h
 *		The name of whoever makes a change, for appointment.created_by,
 *		change.changed_by and idempotency_key.caller.
 */
#ifndef APPT_CALLER_NAME_H
#define APPT_CALLER_NAME_H

/* Name of the worker's process, and of whoever makes its changes. */
#define WORKER_TYPE "appt worker"

/*
 * "appt_agent:agent-7" (role and sub; the role alone without a sub) for a
 * token, "login:my_app" for every other session, "appt worker" for the worker.
 * In CurrentMemoryContext. Needs a transaction, not SPI.
 */
extern char *caller_name(void);

#endif							/* APPT_CALLER_NAME_H */
