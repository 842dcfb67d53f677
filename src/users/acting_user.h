/*
 * acting_user.h
 *		The user for whom a function about users works: the caller itself or, for
 *		an admin, another user of its organization.
 */
#ifndef APPT_ACTING_USER_H
#define APPT_ACTING_USER_H

#include "core/call.h"

typedef struct ActingUser
{
	pg_uuid_t	application_id;
	char	   *user_id;		/* in CurrentMemoryContext, or of the caller */
	bool		is_named;		/* by an argument; else it is the caller */
} ActingUser;

/*
 * The user that the arguments of these numbers name; either argument may be NULL.
 *
 * An agent, a supervisor and a client service work for themselves, by the sub of
 * their token: other values are PT404. An admin names the application, which is one
 * of its organization (else PT404), and a user of it, or means itself. Unrestricted
 * callers name both. 22023: an argument is missing; 42501: a caller who means
 * itself has no sub. SPI must be connected.
 *
 * The user need not have a profile: require_profile checks that.
 */
extern ActingUser acting_user(const Caller *caller, FunctionCallInfo fcinfo,
							  int application_argument, int user_argument);

/* The same of an application in which the caller may act. */
extern ActingUser acting_user_of(const Caller *caller, const pg_uuid_t *application_id,
								 FunctionCallInfo fcinfo, int user_argument);

/* The application alone, for what concerns no single user: an admin needs no sub. */
extern pg_uuid_t acting_application(const Caller *caller, FunctionCallInfo fcinfo, int application_argument);

/* PT404 unless the user has a profile. */
extern void require_profile(const ActingUser *user);

#endif							/* APPT_ACTING_USER_H */
