/*
 * log_changes.h
 *		Counts of what commits have changed in the logs of applications, so that who
 *		shows a log knows cheaply whether to read it again.
 */
#ifndef APPT_LOG_CHANGES_H
#define APPT_LOG_CHANGES_H

#include "utils/uuid.h"

/* The current transaction changes the log of this application: count it when it commits. */
extern void log_changes_on_commit(const pg_uuid_t *application_id);

/*
 * A number that is another one after each such commit. Some applications share a
 * number, so it may also change without one. False where the server did not preload
 * appt: then it knows of none.
 */
extern bool log_changes_count(const pg_uuid_t *application_id, uint64 *count);

/* ---- for process/init.c, when the library is loaded ---- */
extern void log_changes_shared_request(void);
extern void log_changes_shared_create(void);

#endif							/* APPT_LOG_CHANGES_H */
