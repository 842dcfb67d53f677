/*
 * launcher.h
 *		The process that keeps workers running where the extension is.
 */
#ifndef APPT_LAUNCHER_H
#define APPT_LAUNCHER_H

/* Register it with the postmaster; called once from _PG_init while preloading. */
extern void launcher_register(void);

/*
 * Did the postmaster take it? It refuses what exceeds max_worker_processes, and
 * says so in its log alone. Asked in the postmaster, after all have registered.
 */
extern bool launcher_is_registered(void);

#endif							/* APPT_LAUNCHER_H */
