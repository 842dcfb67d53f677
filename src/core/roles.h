/*
 * roles.h
 *		appt's roles, and who acts as which.
 */
#ifndef APPT_ROLES_H
#define APPT_ROLES_H

#include "core/compat.h"

/* Its members are believed about a token's claims; its members are not restricted to a tenant. */
#define AUTHENTICATOR	"appt_authenticator"
#define SERVICE			"appt_service"

/* The roles of the API, which tokens name. */
#define CALLER_AGENT			0x01
#define CALLER_SUPERVISOR		0x02
#define CALLER_CLIENT_SERVICE	0x04
#define CALLER_CUSTOMER			0x08
#define CALLER_ADMIN			0x10
#define CALLER_ANONYMOUS		0x20

typedef struct RoleInfo
{
	const char *name;
	int			caller;			/* one of the above; 0: no token may name it */
	const char *comment;
} RoleInfo;

/* The role of the API that the user is, else one that it is a member of; NULL: none. */
extern const RoleInfo *api_role_of(Oid user);

/* The role of the API of this name; NULL: none. */
extern const RoleInfo *api_role_named(const char *name);

/* Is the user a superuser or a member of appt_service, so that it acts for any tenant? */
extern bool user_is_service(Oid user);

/* Is the user a role of the API, or a member of one, without being a service? */
extern bool user_acts_by_token(Oid user);

/*
 * Is this a session of PostgREST, that is, is its login a member of
 * appt_authenticator? If so, claims and headers are believed, whichever role
 * it has taken.
 */
extern bool session_is_believed(void);

/* The owner of a function, who acts for any tenant in it. */
extern Oid	function_owner(Oid function_id);

/* 42501: the user's role may not call the function. */
pg_noreturn extern void refuse_user(Oid user);

#endif							/* APPT_ROLES_H */
