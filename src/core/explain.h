/*
 * explain.h
 *		No plans for who acts by a token.
 */
#ifndef APPT_EXPLAIN_H
#define APPT_EXPLAIN_H

/* Call while the library is preloaded: from then on EXPLAIN is 42501 for the API roles. */
extern void explain_refuse_install(void);

#endif							/* APPT_EXPLAIN_H */
