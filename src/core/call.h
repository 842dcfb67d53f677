/*
 * call.h
 *		The frame of every exported function: authorize the caller, then work
 *		as the extension's owner.
 *
 *	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR);
 *	... SPI through statement.h, as the owner, with a fixed search_path ...
 *	result = ...;			(by call_copy or call_row, or in call.context)
 *	call_end(&call);
 *
 * An error needs no clean-up: the abort of the (sub)transaction restores user,
 * SPI and settings.
 */
#ifndef APPT_CALL_H
#define APPT_CALL_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/uuid.h"

#include "core/roles.h"

/*
 * Whom a function is for: roles of the API (roles.h) and these.
 * CALLER_UNRESTRICTED (owner, superusers, appt_service) may call all.
 */
#define CALLER_UNRESTRICTED		0x40
#define CALLER_ALL				0x7f
/* Members of pg_monitor, for figures that concern everybody and identify nobody. */
#define CALLER_MONITOR			0x80

/* Maximum bytes of a user's id, which is part of indexes. */
#define CALLER_MAX_USER_ID 1024

typedef struct Caller
{
	int			role;			/* one bit of the above */
	char	   *user_id;		/* the token's sub; not NULL for AGENT and
								 * CLIENT_SERVICE */
	pg_uuid_t	application_id; /* AGENT, SUPERVISOR, CLIENT_SERVICE, CUSTOMER */
	pg_uuid_t	organization_id;	/* ADMIN */
	pg_uuid_t	conference_id;	/* CUSTOMER */
} Caller;

typedef struct Call
{
	Caller		caller;
	MemoryContext context;		/* of the function's caller: results live here */
	Oid			saved_user;
	int			saved_security_context;
	int			guc_level;
} Call;

/*
 * Authorize the current user for `roles` (CALLER_UNRESTRICTED is implied),
 * become the owner, set search_path, connect SPI. 42501: not allowed, or no
 * valid claim of a tenant.
 */
extern void call_begin(Call *call, FunctionCallInfo fcinfo, int roles);
extern void call_end(Call *call);

/* Only authorize, for functions that read no table. */
extern void call_authorize(FunctionCallInfo fcinfo, int roles);

/* The authorized caller, for functions in policies. 42501 as in call_begin. */
extern Caller call_identify(FunctionCallInfo fcinfo);

/* Does the caller act as this API role ("appt_agent")? */
extern bool caller_acts_as(const Caller *caller, const char *role_name);

/*
 * Become the owner, set search_path and connect SPI without authorizing: for
 * triggers. call_end ends it.
 */
extern void call_begin_as_owner(Call *call, FunctionCallInfo fcinfo);

/*
 * May the caller act in this application? Unrestricted and anonymous: in any.
 * An admin: in those of its organization (needs SPI). Others: in their own.
 */
extern bool caller_may_use_application(const Caller *caller, const pg_uuid_t *application_id);

/* The token's sub, in a session that is believed; NULL if it has none that is valid as a user id. */
extern char *claimed_sub(void);

/* Copy a composite or by-reference result out of SPI's memory. */
extern Datum call_copy(Call *call, Datum value, bool by_value, int16 length);

/*
 * Rows of composite types: tuple_of makes a row by a descriptor,
 * result_descriptor is that of the function's result type, call_row makes a
 * row for the function to return.
 */
extern HeapTuple tuple_of(TupleDesc descriptor, const NullableDatum *columns, int count);
extern TupleDesc result_descriptor(FunctionCallInfo fcinfo);
extern Datum call_row(Call *call, FunctionCallInfo fcinfo, const NullableDatum *columns, int count);

#endif							/* APPT_CALL_H */
