/*
 * receive.c
 *		What providers send through the web server in front: messages that came
 *		in, and receipts.
 *
 * The door is open to everybody, so a request is believed only if it proves that
 * its provider sent it (channel_kind.h). Of one that does not, nothing is looked
 * at besides the proof; whatever is wrong with it, also that there is no such
 * provider, the answer is the same, and as late.
 *
 * The provider's kind reads the body. Its texts come from outside: here they
 * become valid text of limited length in the database's encoding.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "channel/channel.h"
#include "channel/loggable.h"
#include "core/call.h"
#include "core/encoding.h"
#include "core/rest_request.h"
#include "core/rest_response.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "inbound/message.h"
#include "inbound/receipt.h"
#include "render/page_words.h"

PG_FUNCTION_INFO_V1(receive_sms_text);
PG_FUNCTION_INFO_V1(receive_sms_json);

/* Longest body that is looked at: 256 kB. */
#define MAX_BODY (256 * 1024)

/* Bytes of a secret that nobody knows. */
#define UNKNOWN_SECRET_BYTES 16

typedef struct Sender
{
	pg_uuid_t	application_id;
	ChannelCode channel;
	Route		route;			/* without a kind: there is no such provider */
	const char *secret;
	const char *url;			/* that the provider was given; NULL: not
								 * known */
} Sender;

/* ---- the provider ---- */

/* So that a provider without a secret is refused like one whose secret is another. */
static const char *
unknown_secret(void)
{
	char		bytes[UNKNOWN_SECRET_BYTES];
	char	   *text = (char *) palloc0(2 * sizeof(bytes) + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		elog(ERROR, "could not generate random values");
	(void) hex_encode(bytes, sizeof(bytes), text);
	return text;
}

static uint64
find_provider(const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT p.application_id, p.channel, p.kind, p.settings, s.value, rtrim(a.public_url, '/') || '/in/' || p.id"
		" FROM appt.provider p"
		"  CROSS JOIN LATERAL (SELECT x.public_url FROM appt.application x WHERE x.id = p.application_id OFFSET 0) a"
		"  LEFT JOIN LATERAL (SELECT y.value FROM appt.secret y"
		"   WHERE y.application_id = p.application_id AND y.provider_id = p.id AND y.name = 'INBOUND' OFFSET 0) s ON true"
		" WHERE p.id = $1",
		1, {UUIDOID}
	};

	return statement_run(&find, UUIDPGetDatum(id));
}

/* By the key that the front hands on. What is no key is looked up, too. */
static Sender
read_sender(void)
{
	Sender		sender = {.channel = CHANNEL_SMS, .secret = unknown_secret()};
	pg_uuid_t	id = {0};
	char	   *secret;
	Row		   *row;

	(void) uuid_parse(request_header("x-gateway-key"), &id);
	if (find_provider(&id) == 0)
		return sender;
	row = ROW(0);
	sender.application_id = next_uuid(row);
	if (!channel_from_code(next_text(row), &sender.channel))
		elog(ERROR, "a provider has an unknown channel");
	sender.route.kind = next_text(row);
	sender.route.settings = next_jsonb(row);
	secret = next_text(row);
	if (secret != NULL && encoding_to_utf8(secret) != NULL)
		sender.secret = encoding_to_utf8(secret);
	sender.url = next_text(row);
	return sender;
}

/* ---- the request ---- */

/* A header in UTF-8; NULL: there is none. */
static const char *
utf8_header(const char *name)
{
	char	   *value = request_header(name);

	return value == NULL ? NULL : encoding_to_utf8(value);
}

/* The front says what the body is; without it PostgREST's choice of the function does. */
static InboundRequest
read_request(FunctionCallInfo fcinfo, const Sender *sender, const char *content_type)
{
	char	   *body = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *utf8 = body == NULL || strlen(body) > MAX_BODY ? NULL : encoding_to_utf8(body);
	const char *given_type = utf8_header("x-gateway-content-type");

	return (InboundRequest)
	{
		.url = sender->url == NULL ? NULL : encoding_to_utf8(sender->url),
			.body = utf8 == NULL ? "" : utf8,
			.content_type = given_type == NULL || given_type[0] == '\0' ? content_type : given_type,
			.authorization = utf8_header("x-gateway-authorization"),
			.signature = utf8_header("x-twilio-signature")
	};
}

/* ---- the report ---- */

/* In the database's encoding: valid, and no longer than this. NULL of NULL. */
static char *
stored_text(const char *utf8, int longest)
{
	const char *text;

	if (utf8 == NULL)
		return NULL;
	text = pg_encoding_verifymbstr(PG_UTF8, utf8, (int) strlen(utf8)) == strlen(utf8) ? words_for_database(utf8) : NULL;
	if (text == NULL)
		return loggable_text(utf8, true, NIL, longest);
	return pnstrdup(text, pg_mbcliplen(text, (int) strlen(text), longest));
}

/* Numbers and ids are not cut: what is longer is none. False: it is too long, or missing where it must not. */
static bool
read_name(const char *utf8, int longest, bool is_required, char **name)
{
	*name = utf8 == NULL || utf8[0] == '\0' ? NULL : stored_text(utf8, longest);
	return *name == NULL ? !is_required : strlen(utf8) <= longest;
}

static bool
record_text(const Sender *sender, const InboundReport *report)
{
	InboundText text = {.application_id = sender->application_id};
	char	   *from;
	char	   *to;
	char	   *id;

	if (!read_name(report->from, INBOUND_MAX_NUMBER, true, &from) ||
		!read_name(report->to, INBOUND_MAX_NUMBER, true, &to) ||
		!read_name(report->id, INBOUND_MAX_ID, false, &id))
		return false;
	text.from_number = from;
	text.to_number = to;
	text.provider_message_id = id;
	text.text = report->text == NULL ? "" : stored_text(report->text, INBOUND_MAX_TEXT);
	if (text.text == NULL)
		text.text = "";
	text.received_at = GetCurrentTransactionStartTimestamp();
	(void) inbound_record(&text);
	return true;
}

/* Returns the HTTP status. */
static int
record_report(const Sender *sender, const InboundReport *report)
{
	Receipt		receipt = {.application_id = sender->application_id};

	switch (report->kind)
	{
		case INBOUND_NOTHING:
			return 200;
		case INBOUND_TEXT:
			return record_text(sender, report) ? 200 : 400;
		case INBOUND_RECEIPT:
			if (!read_name(report->id, INBOUND_MAX_ID, true, &receipt.provider_message_id))
				return 400;
			receipt.kind = report->is_delivered ? RECEIPT_DELIVERED : RECEIPT_UNDELIVERED;
			receipt.code = stored_text(report->code, MAX_RECEIPT_CODE);
			return receipt_record(&receipt) ? 200 : 404;
		case INBOUND_UNREADABLE:
			break;
	}
	return 400;
}

/* ---- the answer ---- */

static Datum
answer(Call *call, int status, const char *body, const char *type)
{
	const ResponseHeader headers[] = {{"Content-Type", type}, {"Cache-Control", "no-store"}};

	response_set_status(status);
	response_set_headers(headers, lengthof(headers));
	return call_copy(call, PointerGetDatum(cstring_to_text(body)), false, -1);
}

static Datum
receive_sms(FunctionCallInfo fcinfo, const char *content_type)
{
	const char *body = "";
	const char *type = "text/plain; charset=utf-8";
	int			status = 403;
	Sender		sender;
	InboundRequest request;
	InboundReport report;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	sender = read_sender();
	request = read_request(fcinfo, &sender, content_type);
	if (channel_proves(sender.channel, &sender.route, sender.secret, &request))
	{
		report = channel_read_inbound(sender.channel, &sender.route, &request);
		status = record_report(&sender, &report);
		if (status == 200)
			body = channel_inbound_answer(sender.channel, &sender.route, &type);
	}
	result = answer(&call, status, body, type);
	call_end(&call);
	return result;
}

/*
 * appt.receive_sms(text) -> "*" "/" "*" (bytes, whatever the client accepts)
 *
 * The body of any content type, as PostgREST hands on text/plain. Never raises
 * for what a provider can send: 400, 403 and 404 by response.status. Source:
 * people.md section 4.
 */
Datum
receive_sms_text(PG_FUNCTION_ARGS)
{
	return receive_sms(fcinfo, "application/x-www-form-urlencoded");
}

/* appt.receive_sms(json): the same of a body that PostgREST takes for JSON. */
Datum
receive_sms_json(PG_FUNCTION_ARGS)
{
	return receive_sms(fcinfo, "application/json");
}
