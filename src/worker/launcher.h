/*
 * launcher.h
 *		The process that keeps workers running where the extension is.
 */
#ifndef APPT_LAUNCHER_H
#define APPT_LAUNCHER_H

/* Register it with the postmaster; called once from _PG_init while preloading. */
extern void launcher_register(void);

#endif							/* APPT_LAUNCHER_H */
