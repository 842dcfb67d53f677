/*
 * scope.h
 *		How far a caller reaches into its application.
 */
#ifndef APPT_SCOPE_H
#define APPT_SCOPE_H

#include "core/call.h"

/*
 * The user whose appointments alone the caller may read and change by id; NULL:
 * the caller is not narrowed to a user's. Only an agent is, where its
 * application's agent_scope is OWN, or there is no such application. Lives as
 * long as the caller's claims; needs SPI; sees the calling query's snapshot.
 */
extern char *scope_user(const Caller *caller);

#endif							/* APPT_SCOPE_H */
