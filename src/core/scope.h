/*
 * scope.h
 *		How far a caller reaches into its application.
 */
#ifndef APPT_SCOPE_H
#define APPT_SCOPE_H

#include "core/call.h"

/*
 * The user to whose appointments the caller is restricted when it reads and
 * changes by id; NULL: it is not restricted. Only an agent is, if its
 * application's agent_scope is OWN, or if there is no such application. Lives as
 * long as the caller's claims; needs SPI; sees the calling query's snapshot.
 */
extern char *scope_user(const Caller *caller);

#endif							/* APPT_SCOPE_H */
