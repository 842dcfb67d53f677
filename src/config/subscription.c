/*
 * subscription.c
 *		Webhook endpoints and the keys that sign their messages.
 *
 * A key is shown once, by the call that creates it. After a rotation the
 * previous key also signs for a while, so that receivers can switch without
 * losing a message. Every live key signs every webhook, so a subscription has
 * only a few.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/timestamp.h"

#include "channel/message.h"
#include "channel/signature.h"
#include "config/application.h"
#include "config/checks.h"
#include "config/header_checks.h"
#include "config/secret.h"
#include "config/user_checks.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/application_keys.h"

PG_FUNCTION_INFO_V1(create_subscription);
PG_FUNCTION_INFO_V1(rotate_subscription_key);

/* Arguments of create_subscription. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_URL, ARGUMENT_HMAC_KEY, ARGUMENT_AUTH,
	ARGUMENT_USERNAME, ARGUMENT_SECRET, ARGUMENT_TOKEN_URL, ARGUMENT_HEADERS,
	ARGUMENT_SCOPE, ARGUMENT_AUDIENCE, ARGUMENT_TOKEN_AUTH, ARGUMENT_TYPES
};

typedef struct NewSubscription
{
	char	   *url;
	char	   *hmac_key;
	char	   *auth;
	char	   *username;
	char	   *secret;
	char	   *token_url;
	char	   *scope;
	char	   *audience;
	char	   *token_auth;
	List	   *headers;		/* of ConfiguredHeader */
	NullableDatum types;		/* text[]; NULL: those of rules */
} NewSubscription;

static const char *const auth_codes[] = {"NONE", "BASIC", "OAUTH2", NULL};
static const char *const token_auth_codes[] = {"BASIC", "BODY", NULL};

static void
require_for_auth(const char *value, const char *name, const char *auth)
{
	if (value == NULL || value[0] == '\0')
		report_invalid("missing argument for this authentication", "%s needs \"%s\".", auth, name);
}

static void
refuse_for_auth(const char *value, const char *name, const char *auth)
{
	if (value != NULL)
		report_invalid("unexpected argument for this authentication", "%s takes no \"%s\".", auth, name);
}

static void
check_authentication(const NewSubscription *new)
{
	bool		is_oauth2 = strcmp(new->auth, "OAUTH2") == 0;

	check_code(new->auth, auth_codes, "auth");
	if (strcmp(new->auth, "NONE") == 0)
	{
		refuse_for_auth(new->username, "username", new->auth);
		refuse_for_auth(new->secret, "secret", new->auth);
	}
	else
		require_for_auth(new->username, "username", new->auth);
	if (strcmp(new->auth, "BASIC") == 0 && strchr(new->username, ':') != NULL)
		report_invalid("invalid user name", "\"%s\" contains a colon, which BASIC cannot carry.", new->username);
	if (is_oauth2)
	{
		require_for_auth(new->secret, "secret", new->auth);
		require_for_auth(new->token_url, "token_url", new->auth);
		check_url(new->token_url, false);
	}
	else
	{
		refuse_for_auth(new->token_url, "token_url", new->auth);
		refuse_for_auth(new->scope, "scope", new->auth);
		refuse_for_auth(new->audience, "audience", new->auth);
	}
}

/* Words of printable ASCII without '"' and '\\', with single blanks between them (RFC 6749, section 3.3). */
static void
check_scope(const char *scope)
{
	for (const char *word = scope; word != NULL;)
	{
		size_t		length = 0;

		while (word[length] > ' ' && word[length] <= '~' && strchr("\"\\", word[length]) == NULL)
			length++;
		if (length == 0 || (word[length] != ' ' && word[length] != '\0'))
			report_invalid("invalid scope", "\"%s\" is not a list of words with single blanks between them.", scope);
		word = word[length] == ' ' ? word + length + 1 : NULL;
	}
}

/* A key that the caller gives is checked; no error shows it. */
static char *
hmac_key_argument(FunctionCallInfo fcinfo, int index)
{
	char	   *key = limited_text(fcinfo, index, "hmac_key");
	const char *problem;

	if (key == NULL)
		return generate_hmac_key();
	problem = hmac_key_problem(key);
	if (problem != NULL)
		report_invalid("invalid HMAC key", "The key cannot be used: %s.", problem);
	return key;
}

static void
read_arguments(FunctionCallInfo fcinfo, NewSubscription *new)
{
	new->url = required_text(fcinfo, ARGUMENT_URL, "url");
	check_url(new->url, false);
	new->auth = required_text(fcinfo, ARGUMENT_AUTH, "auth");
	new->username = optional_text(fcinfo, ARGUMENT_USERNAME, "username");
	new->secret = optional_text(fcinfo, ARGUMENT_SECRET, "secret");
	new->token_url = optional_text(fcinfo, ARGUMENT_TOKEN_URL, "token_url");
	new->scope = optional_text(fcinfo, ARGUMENT_SCOPE, "scope");
	new->audience = PG_ARGISNULL(ARGUMENT_AUDIENCE) ? NULL : required_text(fcinfo, ARGUMENT_AUDIENCE, "audience");
	new->token_auth = required_text(fcinfo, ARGUMENT_TOKEN_AUTH, "token_auth");
	check_authentication(new);
	check_scope(new->scope);
	check_code(new->token_auth, token_auth_codes, "token_auth");
	new->headers = PG_ARGISNULL(ARGUMENT_HEADERS) ? NIL :
		parse_headers(PG_GETARG_JSONB_P(ARGUMENT_HEADERS));
	new->types = fcinfo->args[ARGUMENT_TYPES];
	if (!new->types.isnull)
		check_webhook_types(new->types.value);
	new->hmac_key = hmac_key_argument(fcinfo, ARGUMENT_HMAC_KEY);
}

static pg_uuid_t
insert_subscription(const pg_uuid_t *application_id, const NewSubscription *new)
{
	static Statement insert = {
		"INSERT INTO appt.subscription"
		" (application_id, url, auth, username, token_url, headers, scope, audience, token_auth, types)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
		10, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id), sql_text(new->url), sql_text(new->auth),
		sql_text(new->username), sql_text(new->token_url),
		sql_jsonb(new->headers == NIL ? NULL : masked_headers(new->headers)),
		sql_text(new->scope), sql_text(new->audience), sql_text(new->token_auth), new->types
	};

	(void) statement_run_nullable(&insert, arguments);
	return next_uuid(ROW(0));
}

static void
store_secrets(const pg_uuid_t *application_id, const pg_uuid_t *id, const NewSubscription *new)
{
	ListCell   *cell;

	store_secret(application_id, id, NULL, SECRET_HMAC_KEY, new->hmac_key);
	if (new->secret != NULL)
		store_secret(application_id, id, NULL, SECRET_PASSWORD, new->secret);
	foreach(cell, new->headers)
	{
		ConfiguredHeader *header = (ConfiguredHeader *) lfirst(cell);

		if (header->is_secret)
			store_secret(application_id, id, NULL,
						 psprintf(SECRET_HEADER_PREFIX "%s", header->name), header->value);
	}
}

/* The row (id, hmac_key) that both functions return. */
static Datum
key_row(FunctionCallInfo fcinfo, const pg_uuid_t *id, const char *hmac_key)
{
	TupleDesc	descriptor;
	Datum		values[2] = {UUIDPGetDatum(id), text_datum(hmac_key)};
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/*
 * appt.create_subscription(application_id uuid, url text, hmac_key text = null,
 *		auth text = 'NONE', username text = null, secret text = null,
 *		token_url text = null, headers jsonb = null, scope text = null,
 *		audience text = null, token_auth text = 'BASIC', types text[] = null)
 *		-> (id uuid, hmac_key text)
 *
 * The key is not shown again. 22023: what cannot work, a type without webhooks. PT404: no such
 * application. Source: auvious-notifications.txt, webhooks; RFC 6749, sections
 * 2.3.1, 3.3 and 4.4.
 */
Datum
create_subscription(PG_FUNCTION_ARGS)
{
	NewSubscription new;
	pg_uuid_t  *application_id;
	pg_uuid_t	id;
	Call		call;

	require_arguments(fcinfo, 2);
	read_arguments(fcinfo, &new);
	application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	lock_application(&call.caller, application_id);
	id = insert_subscription(application_id, &new);
	store_secrets(application_id, &id, &new);
	call_end(&call);
	PG_RETURN_DATUM(key_row(fcinfo, &id, new.hmac_key));
}

/*
 * Lock the subscription against another rotation and return its application;
 * PT404. Never waits for another tenant.
 */
static pg_uuid_t
lock_subscription(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT application_id FROM appt.subscription WHERE id = $1", 1, {UUIDOID}
	};
	static Statement lock = {
		"SELECT FROM appt.subscription WHERE application_id = $1 AND id = $2 FOR NO KEY UPDATE",
		2, {UUIDOID, UUIDOID}
	};
	pg_uuid_t	application_id;

	if (statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("subscription", id);
	application_id = next_uuid(ROW(0));
	if (!caller_may_use_application(caller, &application_id) ||
		statement_run(&lock, UUIDPGetDatum(&application_id), UUIDPGetDatum(id)) == 0)
		report_not_found("subscription", id);
	return application_id;
}

/*
 * The current key signs for `overlap` more. Keys that expire earlier keep
 * their time; the oldest expires at once if there are too many.
 */
static void
retire_keys(const pg_uuid_t *application_id, const pg_uuid_t *id, Datum overlap)
{
	static Statement retire = {
		"UPDATE appt.secret SET expires_at = statement_timestamp() + $3"
		" WHERE application_id = $1 AND subscription_id = $2 AND name = 'HMAC_KEY'"
		"  AND (expires_at IS NULL OR expires_at > statement_timestamp() + $3)",
		3, {UUIDOID, UUIDOID, INTERVALOID}
	};
	static Statement forget = {
		"DELETE FROM appt.secret WHERE application_id = $1 AND subscription_id = $2"
		" AND name = 'HMAC_KEY' AND (expires_at <= statement_timestamp() OR id IN ("
		"  SELECT s.id FROM appt.secret s WHERE s.application_id = $1 AND s.subscription_id = $2"
		"   AND s.name = 'HMAC_KEY' AND s.expires_at > statement_timestamp()"
		"  ORDER BY " LATEST_KEY_FIRST("s") " OFFSET $3))",
		3, {UUIDOID, UUIDOID, INT8OID}
	};

	(void) statement_run(&retire, UUIDPGetDatum(application_id), UUIDPGetDatum(id), overlap);
	(void) statement_run(&forget, UUIDPGetDatum(application_id), UUIDPGetDatum(id),
						 Int64GetDatum(MAX_LIVE_KEYS - 1));
}

/*
 * appt.rotate_subscription_key(id uuid, overlap interval = '1 day') -> (id uuid, hmac_key text)
 *
 * Creates a new key; the previous one also signs for `overlap`, 0 ends it at
 * once. A fifth key ends the oldest. 22023: an interval with months or below
 * 0. PT404: no such subscription. Source: api.md; Standard Webhooks, signature
 * scheme.
 */
Datum
rotate_subscription_key(PG_FUNCTION_ARGS)
{
	char	   *hmac_key = generate_hmac_key();
	pg_uuid_t  *id;
	pg_uuid_t	application_id;
	Call		call;

	require_argument(fcinfo, 0, "id");
	check_elapsed(fcinfo, 1, "overlap", true);
	id = PG_GETARG_UUID_P(0);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	application_id = lock_subscription(&call.caller, id);
	retire_keys(&application_id, id, PG_GETARG_DATUM(1));
	store_secret(&application_id, id, NULL, SECRET_HMAC_KEY, hmac_key);
	call_end(&call);
	PG_RETURN_DATUM(key_row(fcinfo, id, hmac_key));
}
