/*
 * gateway_inbound.c
 *		What a plain gateway sends, by names that its provider's row has.
 *
 * The setting `inbound` maps what is wanted to the names that the gateway has for
 * it: {"from": "msisdn", "to": "to", "text": "text", "id": "messageId"}. In JSON a
 * name is a path.
 */
#include "postgres.h"

#include "common/base64.h"

#include "channel/gateway_inbound.h"
#include "core/compat.h"
#include "core/encoding.h"
#include "core/json.h"

const char *const gateway_inbound_names[] = {
	"from", "to", "text", "id", "message_id", "status", "code", NULL
};

/* Longest credentials that are decoded. */
#define MAX_CREDENTIALS 4096

const char *
gateway_inbound_problem(const Jsonb *inbound)
{
	bool		reads_texts = json_has_member(inbound, "from") && json_has_member(inbound, "to") &&
	json_has_member(inbound, "text");
	bool		reads_receipts = json_has_member(inbound, "message_id") && json_has_member(inbound, "status");

	if (!reads_texts && !reads_receipts)
		return "the setting inbound has neither from, to and text nor message_id and status";
	return NULL;
}

/* ---- the secret ---- */

/* The password of "Basic ..."; NULL: there is none. */
static char *
basic_password(const char *encoded)
{
	int			length = (int) Min(strlen(encoded), MAX_CREDENTIALS);
	char	   *decoded = (char *) palloc0(pg_b64_dec_len(length) + 1);
	char	   *colon;

	if (decode_base64(encoded, length, decoded, pg_b64_dec_len(length)) < 0)
		return NULL;
	colon = strchr(decoded, ':');
	return colon == NULL ? NULL : colon + 1;
}

/* What the header says without its scheme: the token of Bearer, the password of Basic. */
static const char *
credentials(const char *authorization)
{
	const char *value = authorization + strcspn(authorization, " ");
	const char *password;

	value += strspn(value, " ");
	if (pg_strncasecmp(authorization, "Bearer ", 7) == 0)
		return value;
	password = pg_strncasecmp(authorization, "Basic ", 6) == 0 ? basic_password(value) : NULL;
	return password == NULL ? "" : password;
}

bool
prove_gateway(const Route *route, const char *secret, const InboundRequest *request)
{
	const char *authorization = request->authorization == NULL ? "" : request->authorization;
	bool		is_whole = is_secret(authorization, secret);
	bool		is_part = is_secret(credentials(authorization), secret);

	return (is_whole || is_part) && json_root_jsonb(route->settings, "inbound") != NULL;
}

/* ---- the content ---- */

/* What the gateway calls by the name that the setting has for this; NULL: nothing. */
static char *
named_value(const Jsonb *inbound, const char *what, const InboundRequest *request)
{
	char	   *name = json_root_text(inbound, what);
	char	   *utf8 = name == NULL ? NULL : encoding_to_utf8(name);

	return utf8 == NULL ? NULL : inbound_value(request, utf8);
}

/* Is the status in the setting's list, or in `otherwise` if there is none? In either case. */
static bool
is_status(const char *status, const Jsonb *inbound, const char *list, const char *const *otherwise)
{
	ListCell   *cell;

	foreach(cell, json_root_texts(inbound, list))
	{
		const char *listed = encoding_to_utf8((char *) lfirst(cell));

		if (listed != NULL && pg_strcasecmp(listed, status) == 0)
			return true;
	}
	for (; *otherwise != NULL && !json_has_member(inbound, list); otherwise++)
		if (pg_strcasecmp(*otherwise, status) == 0)
			return true;
	return false;
}

static void
read_status(const char *status, const Jsonb *inbound, const InboundRequest *request, InboundReport *report)
{
	static const char *const delivered[] = {"delivered", "delivrd", "read", NULL};
	static const char *const undelivered[] = {
		"undelivered", "undeliv", "undeliverable", "failed", "rejected", "rejectd", "expired", NULL
	};

	report->kind = INBOUND_NOTHING;
	report->id = named_value(inbound, "message_id", request);
	report->is_delivered = is_status(status, inbound, GATEWAY_DELIVERED, delivered);
	if (!report->is_delivered && !is_status(status, inbound, GATEWAY_UNDELIVERED, undelivered))
		return;
	report->kind = report->id == NULL ? INBOUND_UNREADABLE : INBOUND_RECEIPT;
	report->code = named_value(inbound, "code", request);
}

/* Of a receipt the status is there. */
void
read_gateway_inbound(const Route *route, const InboundRequest *request, InboundReport *report)
{
	const Jsonb *inbound = json_root_jsonb(route->settings, "inbound");
	char	   *status = named_value(inbound, "status", request);

	if (status != NULL)
	{
		read_status(status, inbound, request, report);
		return;
	}
	report->id = named_value(inbound, "id", request);
	report->from = named_value(inbound, "from", request);
	report->to = named_value(inbound, "to", request);
	report->text = named_value(inbound, "text", request);
	if (report->from != NULL && report->to != NULL)
		report->kind = INBOUND_TEXT;
}
