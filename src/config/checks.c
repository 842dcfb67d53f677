/*
 * checks.c
 *		Functions for CHECK constraints.
 *
 * Each returns true or raises 22023 with a constant message and the value in
 * DETAIL; if it returned false, the error would only name the constraint. They
 * are declared immutable, though timezone and locale data change with
 * versions: a constraint says that a value was valid when it was stored.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "channel/mail_address.h"
#include "channel/url.h"
#include "config/checks.h"
#include "config/header_checks.h"
#include "config/secret.h"
#include "core/errors.h"
#include "notify/appearance.h"
#include "render/locales.h"
#include "render/timezones.h"

PG_FUNCTION_INFO_V1(code_is_valid);
PG_FUNCTION_INFO_V1(length_is_valid);
PG_FUNCTION_INFO_V1(url_is_valid);
PG_FUNCTION_INFO_V1(appearance_is_valid);
PG_FUNCTION_INFO_V1(headers_are_valid);

void
require_known_timezone(const char *timezone)
{
	if (!timezone_is_known(timezone))
		report_invalid_hint("SELECT name FROM pg_timezone_names lists them.",
							"unknown timezone", "\"%s\" is not an IANA timezone name.", timezone);
}

void
require_known_locale(const char *locale)
{
	if (!locale_is_known(locale))
		report_invalid("unknown locale", "\"%s\" is not a locale like en, en-GB or en_GB.", locale);
}

/* A URL with credentials is refused; the error must not put them into the log. */
static const char *
url_without_credentials(const char *url)
{
	const char *scheme_end = strstr(url, "://");
	const char *authority = scheme_end == NULL ? url : scheme_end + 3;
	const char *at = strrchr(authority, '@');

	if (at == NULL)
		return url;
	return psprintf("%.*s" SECRET_MASK "%s", (int) (authority - url), url, at);
}

void
check_url(const char *url, bool smtp)
{
	const char *problem = url_problem(url, smtp);

	if (problem != NULL)
		report_invalid_hint(smtp ? "A mail server is written as smtp://mail.example.com:587 or smtps://mail.example.com:465." :
							"A URL is written as https://example.com/path.",
							"invalid URL", "\"%s\" cannot be used: %s.", url_without_credentials(url), problem);
}

void
check_sender(const char *sender)
{
	const char *problem = sender_problem(sender);

	if (problem != NULL)
		report_invalid_hint("A sender is written as name@example.com or Name <name@example.com>.",
							"invalid sender", "\"%s\" cannot be used: %s.", sender, problem);
}

/* Is the code in the list, which separates codes by comma and blank? */
static bool
is_in_codes(const char *code, size_t length, const char *codes, size_t codes_length)
{
	const char *end = codes + codes_length;

	for (const char *item = codes; item < end;)
	{
		const char *comma = memchr(item, ',', end - item);
		size_t		item_length = (comma != NULL ? comma : end) - item;

		if (item_length == length && memcmp(item, code, length) == 0)
			return true;
		item += item_length + strlen(", ");
	}
	return false;
}

/* appt.code_is_valid(code text, codes text) -> boolean; 22023 */
Datum
code_is_valid(PG_FUNCTION_ARGS)
{
	text	   *code = PG_GETARG_TEXT_PP(0);
	text	   *codes = PG_GETARG_TEXT_PP(1);

	if (!is_in_codes(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code), VARDATA_ANY(codes), VARSIZE_ANY_EXHDR(codes)))
	{
		const char *const list[] = {text_to_cstring(codes), NULL};

		report_unlisted(list, "unknown code", "\"%s\" is not a known code.", text_to_cstring(code));
	}
	PG_RETURN_BOOL(true);
}

void
check_length(const char *name, Datum value, Size most)
{
	Size		length = toast_raw_datum_size(value) - VARHDRSZ;

	if (length > most)
		report_invalid("a value is too long", "\"%s\" has %zu bytes, more than %zu.", name, length, most);
}

/* appt.length_is_valid(value anyelement, most integer, name text) -> boolean; 22023 */
Datum
length_is_valid(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);

	if (get_typlen(type) != -1)
		report_invalid("a value has no length", "\"%s\" is neither text nor JSON.",
					   text_to_cstring(PG_GETARG_TEXT_PP(2)));
	check_length(text_to_cstring(PG_GETARG_TEXT_PP(2)), PG_GETARG_DATUM(0), PG_GETARG_INT32(1));
	PG_RETURN_BOOL(true);
}

/* appt.url_is_valid(url text) -> boolean; 22023 */
Datum
url_is_valid(PG_FUNCTION_ARGS)
{
	check_url(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	PG_RETURN_BOOL(true);
}

/* appt.appearance_is_valid(appearance jsonb) -> boolean; 22023 */
Datum
appearance_is_valid(PG_FUNCTION_ARGS)
{
	const char *problem = appearance_problem(PG_GETARG_JSONB_P(0));

	if (problem != NULL)
		report_invalid("invalid appearance", "%s", problem);
	PG_RETURN_BOOL(true);
}

/* appt.headers_are_valid(headers jsonb, masked boolean = false) -> boolean; 22023 */
Datum
headers_are_valid(PG_FUNCTION_ARGS)
{
	List	   *headers = parse_headers(PG_GETARG_JSONB_P(0));
	ListCell   *cell;

	foreach(cell, headers)
	{
		ConfiguredHeader *header = (ConfiguredHeader *) lfirst(cell);

		if (PG_GETARG_BOOL(1) && header->is_secret && strcmp(header->value, SECRET_MASK) != 0)
			report_invalid("a secret header's value cannot be stored here",
						   "The value of \"%s\" is not \"" SECRET_MASK "\".", header->name);
	}
	PG_RETURN_BOOL(true);
}
