/*
 * call.h
 *		The frame around every exported function: who calls, may it, and then
 *		work as the extension's owner.
 *
 *	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR);
 *	... SPI through statement.h, as the owner, with a pinned search_path ...
 *	result = ...;			(allocated by call_result, or in call.context)
 *	call_end(&call);
 *
 * On error nothing need be done: (sub)transaction abort restores user, SPI and
 * settings.
 */
#ifndef APPT_CALL_H
#define APPT_CALL_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/uuid.h"

/* Who a function is for; the unrestricted (owner, superusers, appt_service) may call all. */
#define CALLER_AGENT			0x01
#define CALLER_SUPERVISOR		0x02
#define CALLER_CLIENT_SERVICE	0x04
#define CALLER_CUSTOMER			0x08
#define CALLER_ADMIN			0x10
#define CALLER_ANONYMOUS		0x20
#define CALLER_UNRESTRICTED		0x40
#define CALLER_ALL				0x7f
/* The server's monitors, members of pg_monitor: for what is asked about everybody without saying who. */
#define CALLER_MONITOR			0x80

/* Bytes of a user's id: it becomes part of indexes. */
#define CALLER_MAX_USER_ID 1024

typedef struct Caller
{
	int			role;			/* one of the above */
	char	   *user_id;		/* the token's sub; always there if AGENT or
								 * CLIENT_SERVICE, else maybe NULL */
	pg_uuid_t	application_id; /* AGENT, SUPERVISOR, CLIENT_SERVICE, CUSTOMER */
	pg_uuid_t	organization_id;	/* ADMIN */
	pg_uuid_t	conference_id;	/* CUSTOMER */
} Caller;

typedef struct Call
{
	Caller		caller;
	MemoryContext context;		/* of the caller: results live here */
	Oid			saved_user;
	int			saved_security_context;
	int			guc_level;
} Call;

/*
 * Authorize the current user against `roles` (CALLER_UNRESTRICTED is implied),
 * become the owner, pin search_path, connect SPI. 42501 if not allowed or
 * without a valid tenant claim.
 */
extern void call_begin(Call *call, FunctionCallInfo fcinfo, int roles);
extern void call_end(Call *call);

/* Authorize alone, for functions that read no table. */
extern void call_authorize(FunctionCallInfo fcinfo, int roles);

/* Who calls, likewise: for what policies ask. 42501 as in call_begin. */
extern Caller call_identify(FunctionCallInfo fcinfo);

/* Does the caller act as this API role ("appt_agent")? */
extern bool caller_acts_as(const Caller *caller, const char *role_name);

/*
 * Become the owner, pin search_path and connect SPI, whoever calls: for
 * triggers, which nobody calls. call_end ends it.
 */
extern void call_begin_as_owner(Call *call, FunctionCallInfo fcinfo);

/*
 * May the caller act within this application? Unrestricted and anonymous: any.
 * An admin: of its organization (needs SPI). Everybody else: their own.
 */
extern bool caller_may_use_application(const Caller *caller, const pg_uuid_t *application_id);

/* Is this one of the API roles, or a member of one, and nothing better? */
extern bool user_acts_by_token(Oid user);

/*
 * Is this a session of PostgREST, that is, is its login a member of
 * appt_authenticator? What it says of a request is believed, whichever role it
 * has become.
 */
extern bool session_is_believed(void);

/* The token's sub, for sessions that are believed; NULL without one that could be a user's id. */
extern char *claimed_sub(void);

/* Copy a composite or by-reference result out of SPI's memory. */
extern Datum call_copy(Call *call, Datum value, bool by_value, int16 length);

/*
 * Rows of composite types. tuple_of makes one of a type's descriptor,
 * result_descriptor is that of the type which the function returns, and call_row
 * a row of it for the function to return.
 */
extern HeapTuple tuple_of(TupleDesc descriptor, const NullableDatum *columns, int count);
extern TupleDesc result_descriptor(FunctionCallInfo fcinfo);
extern Datum call_row(Call *call, FunctionCallInfo fcinfo, const NullableDatum *columns, int count);

/* Text argument as a C string, NULL if SQL NULL. */
extern char *text_argument(FunctionCallInfo fcinfo, int index);

#endif							/* APPT_CALL_H */
