/*
 * lifecycle.h
 *		Following what happens to databases and to the extension.
 */
#ifndef APPT_LIFECYCLE_H
#define APPT_LIFECYCLE_H

/* Install the hooks; called once from _PG_init while preloading. */
extern void lifecycle_install(void);

#endif							/* APPT_LIFECYCLE_H */
