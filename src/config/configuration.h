/*
 * configuration.h
 *		What the files of this room share, and its door for schedule: checks of
 *		configuration values.
 *
 * Every check raises 22023 with a constant message and the value in DETAIL.
 */
#ifndef APPT_CONFIGURATION_H
#define APPT_CONFIGURATION_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/arguments.h"
#include "core/call.h"

/* What stands in tables instead of a secret. */
#define SECRET_MASK "********"

/* A header as configured: DEFAULT ones stand in the table, SECRET ones masked. */
typedef struct ConfiguredHeader
{
	char	   *name;
	char	   *value;
	bool		is_secret;
} ConfiguredHeader;

/*
 * [{"name", "value", "type": DEFAULT or SECRET}] or {"name": "value"}, as a
 * List of ConfiguredHeader in CurrentMemoryContext; each name once.
 */
extern List *parse_headers(Jsonb *headers);

/* The same as the jsonb to store: always the array, secret values masked. */
extern Jsonb *masked_headers(List *headers);

/* Messages per second. What underflows a double would stop the worker, which reads everybody's. */
#define MIN_RATE 1e-6
#define MAX_RATE 1e6
#define MAX_DAYS 36500			/* of an elapsed time: a century */
#define MAX_ELAPSED (MAX_DAYS * USECS_PER_DAY)

/* Arguments of SQL functions; `name` is the argument's, for DETAIL. */
extern char *required_text(FunctionCallInfo fcinfo, int index, const char *name);
extern char *optional_text(FunctionCallInfo fcinfo, int index, const char *name);
extern char *limited_text(FunctionCallInfo fcinfo, int index, const char *name);	/* of any characters */
extern void check_range(FunctionCallInfo fcinfo, int index, const char *name, int lowest, int highest);
extern void check_rate(FunctionCallInfo fcinfo, int index, const char *name);
extern void check_elapsed(FunctionCallInfo fcinfo, int index, const char *name, bool zero_allowed);
extern void check_code(const char *code, const char *const *codes, const char *name);

/* All members of the object must be in `known`, which ends with NULL; `path` names the object. */
extern void check_members(JsonbContainer *object, const char *const *known, const char *path);

/*
 * The application exists and the caller may configure it, or PT404. Its row is
 * locked against other configuration calls, not against bookings.
 */
extern void lock_application(const Caller *caller, const pg_uuid_t *application_id);

/* Names in appt.secret. */
#define SECRET_PASSWORD "PASSWORD"
#define SECRET_HMAC_KEY "HMAC_KEY"
#define SECRET_HEADER_PREFIX "HEADER:"

/* Exactly one of subscription_id and provider_id is not NULL. */
extern void store_secret(const pg_uuid_t *application_id, const pg_uuid_t *subscription_id,
						 const pg_uuid_t *provider_id, const char *name, const char *value);

/* A new key, "whsec_" and 32 random bytes in base64, in CurrentMemoryContext. */
extern char *generate_hmac_key(void);

/* A provider as it is to be stored. */
typedef struct Provider
{
	char	   *channel;
	char	   *kind;
	char	   *url;
	char	   *sender;			/* may be NULL, as may the next two */
	char	   *username;
	char	   *secret;
	Jsonb	   *settings;
} Provider;

/* Can it work, as far as its row tells; and has it the secret that it can't do without? */
extern void check_provider(const Provider *provider);
extern void require_secret(const Provider *provider);

extern void require_known_timezone(const char *timezone);
extern void require_known_locale(const char *locale);
extern void check_url(const char *url, bool smtp);
extern void check_sender(const char *sender);
extern void check_header(const char *name, const char *value);

#endif							/* APPT_CONFIGURATION_H */
