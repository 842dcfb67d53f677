/*
 * shutdown.h
 *		What SIGTERM does to a worker.
 */
#ifndef APPT_SHUTDOWN_H
#define APPT_SHUTDOWN_H

/* From now on SIGTERM requests a shutdown. Once, after InitPostgres: it registers a timeout. */
extern void shutdown_handle_signal(void);

extern bool shutdown_is_requested(void);

/*
 * Around a transaction. One that takes longer than a second is cancelled if a
 * shutdown is requested, before or after that second.
 */
extern void shutdown_watch(void);
extern void shutdown_unwatch(void);

#endif							/* APPT_SHUTDOWN_H */
