/*
 * explain.h
 *		Refusing EXPLAIN to callers that act by a token.
 */
#ifndef APPT_EXPLAIN_H
#define APPT_EXPLAIN_H

/* Call while the library is preloaded: from then on EXPLAIN raises 42501 for the API roles. */
extern void explain_refuse_install(void);

#endif							/* APPT_EXPLAIN_H */
