/*
 * lifecycle.h
 *		Hooks that follow DDL on databases and on the extension.
 */
#ifndef APPT_LIFECYCLE_H
#define APPT_LIFECYCLE_H

/* Install the hooks. Called once, from _PG_init while preloading. */
extern void lifecycle_install(void);

#endif							/* APPT_LIFECYCLE_H */
