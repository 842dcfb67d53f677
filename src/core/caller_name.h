/*
 * caller_name.h
 *		Who makes a change, as people read it in appointment.created_by and
 *		change.changed_by, and as it stands in idempotency_key.caller.
 */
#ifndef APPT_CALLER_NAME_H
#define APPT_CALLER_NAME_H

/* What the worker's process and its changes are called. */
#define WORKER_TYPE "appt worker"

/*
 * "appt_agent:agent-7" (role and sub; the role alone without a sub) for a
 * token, "login:my_app" for every other session, "appt worker" for the worker.
 * In CurrentMemoryContext. Needs a transaction, not SPI.
 */
extern char *caller_name(void);

#endif							/* APPT_CALLER_NAME_H */
