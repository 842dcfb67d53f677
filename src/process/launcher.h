/*
 * launcher.h
 *		The process that keeps workers running in the databases that have the
 *		extension.
 */
#ifndef APPT_LAUNCHER_H
#define APPT_LAUNCHER_H

/* Register it with the postmaster. Called once, from _PG_init while preloading. */
extern void launcher_register(void);

/*
 * Did the postmaster accept it? It refuses workers beyond max_worker_processes,
 * and only logs that. To be called in the postmaster, after all have registered.
 */
extern bool launcher_is_registered(void);

#endif							/* APPT_LAUNCHER_H */
