/*
 * scope.h
 *		How far a caller reaches in its application.
 */
#ifndef APPT_SCOPE_H
#define APPT_SCOPE_H

#include "core/call.h"

/*
 * The user to whose appointments the caller is restricted when it reads or
 * changes by id; NULL: not restricted. Restricted is an agent whose
 * application has agent_scope OWN or does not exist. Lives as long as the
 * caller's claims. Needs SPI; sees the calling query's snapshot.
 */
extern char *scope_user(const Caller *caller);

/*
 * The user whose private rows, as notifications to users, the caller may read
 * and change: its own. "" (nobody's) if its token names no user; NULL: those of
 * all users, as an admin and unrestricted callers may.
 */
extern const char *scope_private_user(const Caller *caller);

#endif							/* APPT_SCOPE_H */
