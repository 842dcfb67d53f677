/*-------------------------------------------------------------------------
 *
 * channels.c
 *	  Composing, signing, checking and reading outcomes, and which addresses may
 *	  be reached.
 *
 * A message with its route is one jsonb object, so that a case is one row:
 * {"channel", "type", "uid", "timestamp", "recipient", "recipient_name",
 * "subject", "text", "html", "calendar", "calendar_method", "payload" (webhooks: wrapped by webhook_body),
 * "kind", "url", "auth", "username", "password", "token_url", "scope",
 * "audience", "token_auth", "sender",
 * "settings", "keys": [...], "headers": {...}, "secret_headers": {...},
 * "message_headers": {...}}.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "fmgr.h"
#include "funcapi.h"
#include "catalog/pg_type.h"
#include "channel/channel.h"
#include "channel/header.h"
#include "channel/mail_address.h"
#include "channel/signature.h"
#include "channel/url.h"
#include "channel/webhook.h"
#include "core/json.h"
#include "core/reachable.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "test_channels.h"

PG_FUNCTION_INFO_V1(test_reachable_list_error);
PG_FUNCTION_INFO_V1(test_address_is_reachable);
PG_FUNCTION_INFO_V1(test_compose);
PG_FUNCTION_INFO_V1(test_read_outcome);
PG_FUNCTION_INFO_V1(test_hex_signature);
PG_FUNCTION_INFO_V1(test_standard_signature);
PG_FUNCTION_INFO_V1(test_webhook_body);
PG_FUNCTION_INFO_V1(test_webhook_payload);
PG_FUNCTION_INFO_V1(test_ascii_mail_address);
PG_FUNCTION_INFO_V1(test_url_problem);
PG_FUNCTION_INFO_V1(test_sender_problem);
PG_FUNCTION_INFO_V1(test_header_problem);
PG_FUNCTION_INFO_V1(test_hmac_key_problem);
PG_FUNCTION_INFO_V1(test_address_is_valid);
PG_FUNCTION_INFO_V1(test_channel_is_available);

static char *
text_arg(FunctionCallInfo fcinfo, int i)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

static Datum
text_or_null(FunctionCallInfo fcinfo, const char *text)
{
	if (text == NULL)
		PG_RETURN_NULL();
	return CStringGetTextDatum(text);
}

/* A key's value as a jsonb of its own, or NULL. */
static Jsonb *
json_part(const Jsonb *object, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer((JsonbContainer *) &object->root, key,
									 strlen(key), &value) == NULL ||
		value.type == jbvNull)
		return NULL;
	return JsonbValueToJsonb(&value);
}

/* The texts of an array. */
static List *
json_texts(const Jsonb *object, const char *key)
{
	Jsonb	   *array = json_part(object, key);
	List	   *texts = NIL;
	int			count = array ? JB_ROOT_COUNT(array) : 0;

	for (int i = 0; i < count; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(&array->root, i);

		texts = lappend(texts, pnstrdup(value->val.string.val, value->val.string.len));
	}
	return texts;
}

/* The members of an object as headers. */
static List *
json_headers(List *headers, const Jsonb *object, const char *key, bool is_secret)
{
	Jsonb	   *members = json_part(object, key);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	Header	   *header = NULL;

	if (members == NULL)
		return headers;
	iterator = JsonbIteratorInit(&members->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			header = palloc0(sizeof(Header));
			header->name = pnstrdup(value.val.string.val, value.val.string.len);
		}
		else if (token == WJB_VALUE && header != NULL)
		{
			header->value = pnstrdup(value.val.string.val, value.val.string.len);
			header->is_secret = is_secret;
			headers = lappend(headers, header);
		}
	}
	return headers;
}

static char *
text_or(const Jsonb *json, const char *key, char *otherwise)
{
	char	   *text = json_root_text(json, key);

	return text ? text : otherwise;
}

void
message_from_json(const Jsonb *json, Message *message, Route *route)
{
	char	   *auth = text_or(json, "auth", "NONE");
	char	   *payload = json_root_text(json, "payload");

	memset(message, 0, sizeof(*message));
	memset(route, 0, sizeof(*route));
	if (!channel_from_code(text_or(json, "channel", "WEBHOOK"), &message->channel) ||
		!notification_type_from_code(text_or(json, "type", "CREATE"), &message->type))
		elog(ERROR, "no such channel or type");
	message->uid = *DatumGetUUIDP(DirectFunctionCall1(uuid_in,
													  CStringGetDatum(text_or(json, "uid", "11111111-2222-3333-4444-555555555555"))));
	message->timestamp = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
																 CStringGetDatum(text_or(json, "timestamp", "2026-11-23 09:08:07.654321+00")),
																 ObjectIdGetDatum(InvalidOid),
																 Int32GetDatum(-1)));
	message->recipient = json_root_text(json, "recipient");
	message->recipient_name = json_root_text(json, "recipient_name");
	message->subject = json_root_text(json, "subject");
	message->html_body = json_root_text(json, "html");
	message->calendar = json_root_text(json, "calendar");
	message->calendar_method = text_or(json, "calendar_method", "REQUEST");
	message->text_body = payload == NULL ? json_root_text(json, "text") :
		webhook_body(&message->uid, message->type, payload, message->timestamp);
	message->headers = json_headers(NIL, json, "message_headers", false);

	route->kind = text_or(json, "kind", message->channel == CHANNEL_EMAIL ? "SMTP" :
						  message->channel == CHANNEL_SMS ? "HTTP" : "WEBHOOK");
	route->url = json_root_text(json, "url");
	route->auth = strcmp(auth, "BASIC") == 0 ? AUTH_BASIC :
		strcmp(auth, "OAUTH2") == 0 ? AUTH_OAUTH2 : AUTH_NONE;
	route->username = json_root_text(json, "username");
	route->password = json_root_text(json, "password");
	route->token_url = json_root_text(json, "token_url");
	route->token_scope = json_root_text(json, "scope");
	route->token_audience = json_root_text(json, "audience");
	route->client_in_body = strcmp(text_or(json, "token_auth", "BASIC"), "BODY") == 0;
	route->sender = json_root_text(json, "sender");
	route->settings = json_part(json, "settings");
	route->hmac_keys = json_texts(json, "keys");
	route->headers = json_headers(NIL, json, "headers", false);
	route->headers = json_headers(route->headers, json, "secret_headers", true);
}

Datum
test_reachable_list_error(PG_FUNCTION_ARGS)
{
	char	   *error = NULL;

	if (reachable_list_is_valid(text_arg(fcinfo, 0), &error))
		PG_RETURN_NULL();
	return CStringGetTextDatum(error);
}

Datum
test_address_is_reachable(PG_FUNCTION_ARGS)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *ipv4 = (struct sockaddr_in *) &storage;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *) &storage;
	char	   *address = text_arg(fcinfo, 0);
	int			port = PG_GETARG_INT32(1);

	if (inet_pton(AF_INET, address, &ipv4->sin_addr) == 1)
	{
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
	}
	else if (inet_pton(AF_INET6, address, &ipv6->sin6_addr) == 1)
	{
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(port);
	}
	else
		storage.ss_family = AF_UNIX;
	PG_RETURN_BOOL(address_is_reachable((struct sockaddr *) &storage, text_arg(fcinfo, 2)));
}

static Datum
text_array(List *texts)
{
	Datum	   *datums = palloc((list_length(texts) + 1) * sizeof(Datum));
	ListCell   *cell;
	int			count = 0;

	foreach(cell, texts)
		datums[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(datums, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* OUT reason, error, url, headers, body bytea, envelope_from, envelope_to, starttls, username, password, method, token_url */
Datum
test_compose(PG_FUNCTION_ARGS)
{
	static const char *const starttls[] = {"opportunistic", "required", "never"};
	Message		message;
	Route		route;
	Reason		reason = REASON_NONE;
	char	   *error = NULL;
	Request    *request;
	TupleDesc	descriptor;
	Datum		values[12] = {0};
	bool		nulls[12];
	bytea	   *body;

	get_call_result_type(fcinfo, NULL, &descriptor);
	message_from_json(PG_GETARG_JSONB_P(0), &message, &route);
	request = channel_compose(&message, &route, &reason, &error);
	memset(nulls, true, sizeof(nulls));
#define SET(i, datum) (values[i] = (datum), nulls[i] = false)
	if (request == NULL)
	{
		SET(0, CStringGetTextDatum(reason_code(reason)));
		SET(1, CStringGetTextDatum(error));
	}
	else
	{
		SET(2, CStringGetTextDatum(request->url));
		SET(3, text_array(request->headers));
		body = palloc(VARHDRSZ + request->body_length);
		SET_VARSIZE(body, VARHDRSZ + request->body_length);
		if (request->body)
			memcpy(VARDATA(body), request->body, request->body_length);
		SET(4, PointerGetDatum(body));
		if (request->envelope_from)
			SET(5, CStringGetTextDatum(request->envelope_from));
		SET(6, text_array(request->envelope_to));
		SET(7, CStringGetTextDatum(starttls[request->starttls]));
		if (request->username)
			SET(8, CStringGetTextDatum(request->username));
		if (request->password)
			SET(9, CStringGetTextDatum(request->password));
		if (request->method)
			SET(10, CStringGetTextDatum(request->method));
		if (request->token_url)
			SET(11, CStringGetTextDatum(request->token_url));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/*
 * read_outcome(message jsonb, response jsonb, OUT kind, status_code, error,
 * response, retry_after_us, provider_message_id, final, has_no_mailbox): the response is {"curl_result", "status", "error",
 * "retry_after", "token", "token_refused", "refused_by_policy", "recipient_refused", "finished_at"}, its
 * body the bytes of the third argument.
 */
Datum
test_read_outcome(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"DELIVERED", "REJECTED", "FAILED"};
	Jsonb	   *json = PG_GETARG_JSONB_P(1);
	Message		message;
	Route		route;
	Response	response = {0};
	Outcome		outcome;
	TupleDesc	descriptor;
	Datum		values[8] = {0};
	bool		nulls[8] = {0};

	get_call_result_type(fcinfo, NULL, &descriptor);
	message_from_json(PG_GETARG_JSONB_P(0), &message, &route);
	response.curl_result = atoi(text_or(json, "curl_result", "0"));
	response.status = atoi(text_or(json, "status", "0"));
	response.error = json_root_text(json, "error");
	response.retry_after = json_root_text(json, "retry_after");
	response.token = json_root_text(json, "token");
	response.token_refused = json_root_text(json, "token_refused") != NULL;
	response.refused_by_policy = json_root_text(json, "refused_by_policy") != NULL;
	response.recipient_refused = json_root_text(json, "recipient_refused") != NULL;
	response.finished_at = message.timestamp;
	if (!PG_ARGISNULL(2))
		response.body = text_to_cstring((text *) PG_GETARG_BYTEA_PP(2));

	outcome = channel_read_outcome(&message, &route, &response);
	SET(0, CStringGetTextDatum(kinds[outcome.kind]));
	SET(1, Int32GetDatum(outcome.status_code));
	if (outcome.error)
		SET(2, CStringGetTextDatum(outcome.error));
	else
		nulls[2] = true;
	if (outcome.response)
		SET(3, CStringGetTextDatum(outcome.response));
	else
		nulls[3] = true;
	SET(4, Int64GetDatum(outcome.retry_after));
	if (outcome.provider_message_id)
		SET(5, CStringGetTextDatum(outcome.provider_message_id));
	else
		nulls[5] = true;
	SET(7, BoolGetDatum(outcome.has_no_mailbox));
	if (outcome.final != REASON_NONE)
		SET(6, CStringGetTextDatum(reason_code(outcome.final)));
	else
		nulls[6] = true;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

Datum
test_hex_signature(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, hex_signature(text_arg(fcinfo, 0), text_arg(fcinfo, 1)));
}

Datum
test_standard_signature(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, standard_signature(text_arg(fcinfo, 0), text_arg(fcinfo, 1)));
}

Datum
test_webhook_body(PG_FUNCTION_ARGS)
{
	NotificationType type;

	if (!notification_type_from_code(text_arg(fcinfo, 1), &type))
		elog(ERROR, "no such type");
	return CStringGetTextDatum(webhook_body(PG_GETARG_UUID_P(0), type, text_arg(fcinfo, 2),
											PG_GETARG_TIMESTAMPTZ(3)));
}

Datum
test_webhook_payload(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, webhook_payload(text_arg(fcinfo, 0)));
}

Datum
test_ascii_mail_address(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, ascii_mail_address(text_arg(fcinfo, 0)));
}

Datum
test_url_problem(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, url_problem(text_arg(fcinfo, 0), PG_GETARG_BOOL(1)));
}

Datum
test_sender_problem(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, sender_problem(text_arg(fcinfo, 0)));
}

Datum
test_header_problem(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, header_problem(text_arg(fcinfo, 0), text_arg(fcinfo, 1)));
}

Datum
test_hmac_key_problem(PG_FUNCTION_ARGS)
{
	return text_or_null(fcinfo, hmac_key_problem(text_arg(fcinfo, 0)));
}

Datum
test_address_is_valid(PG_FUNCTION_ARGS)
{
	ChannelCode channel;

	if (!channel_from_code(text_arg(fcinfo, 0), &channel))
		elog(ERROR, "no such channel");
	PG_RETURN_BOOL(channel_address_is_valid(channel, text_arg(fcinfo, 1)));
}

Datum
test_channel_is_available(PG_FUNCTION_ARGS)
{
	ChannelCode channel;

	if (!channel_from_code(text_arg(fcinfo, 0), &channel))
		elog(ERROR, "no such channel");
	PG_RETURN_BOOL(channel_is_available(channel, text_arg(fcinfo, 1)));
}
