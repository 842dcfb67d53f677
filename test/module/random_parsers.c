/*
 * random_parsers.c
 *		What reads text from outside, given random text.
 *
 * Nothing of it may raise an error or, under the address sanitizer, touch memory
 * that is not its own; each parser here also checks what the header promises.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "channel/channel.h"
#include "channel/form.h"
#include "channel/loggable.h"
#include "channel/mail_address.h"
#include "channel/phone.h"
#include "channel/queue_id.h"
#include "channel/segments.h"
#include "channel/unescape.h"
#include "channel/url.h"
#include "channel/webhook.h"
#include "config/reply_words.h"
#include "core/json_scan.h"
#include "core/text.h"
#include "notify/link_token.h"
#include "notify/links.h"
#include "pages/page_texts.h"
#include "render/iso8601.h"
#include "render/mustache_parser.h"
#include "render/mustache_renderer.h"
#include "render/single_word.h"
#include "render/template_names.h"
#include "rest/basic.h"
#include "rest/values.h"

#include "exact_context.h"
#include "random_input.h"

PG_FUNCTION_INFO_V1(test_parse_random);

/* Of the parser, and what it may choose at random besides the text. */
typedef struct Trial
{
	char	   *text;
	pg_prng_state *random;
} Trial;

/* ---- what is promised ---- */

static void
must(bool is_kept, const char *promise, const char *text)
{
	char	   *hex;

	if (is_kept)
		return;
	hex = (char *) palloc0(2 * strlen(text) + 1);
	(void) hex_encode(text, strlen(text), hex);
	elog(ERROR, "%s: \\x%s", promise, hex);
}

static bool
is_utf8(const char *text)
{
	return pg_encoding_verifymbstr(PG_UTF8, text, (int) strlen(text)) == strlen(text);
}

/* The text up to its first byte that is not valid: what a value of type text may be. */
static char *
valid_part(const char *text)
{
	return pnstrdup(text, pg_encoding_verifymbstr(PG_UTF8, text, (int) strlen(text)));
}

static Jsonb *
jsonb_of(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

/* {name: text} */
static Jsonb *
object_of(const char *name, const char *text)
{
	JsonbParseState *state = NULL;
	JsonbValue	value = {.type = jbvString};

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	value.val.string.val = unconstify(char *, name);
	value.val.string.len = (int) strlen(name);
	(void) pushJsonbValue(&state, WJB_KEY, &value);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	(void) pushJsonbValue(&state, WJB_VALUE, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- bodies of requests ---- */

static const char *const form_fragments[] = {
	"&", "=", "+", "%", "%2", "%41", "%00", "%zz", "From", "To", "Body", "MessageSid", "MessageStatus=delivered", "ErrorCode",
	"a=b&", "&&", NULL
};

static bool
parse_form(const Trial *trial)
{
	size_t		length = 0;
	ListCell   *cell;

	foreach(cell, form_parse(trial->text))
	{
		const FormField *field = (const FormField *) lfirst(cell);

		must(field->name.bytes[field->name.length] == '\0' && field->value.bytes[field->value.length] == '\0',
			 "a NUL follows the bytes", trial->text);
		length += field->name.length + field->value.length;
	}
	must(length <= strlen(trial->text), "decoding makes nothing longer", trial->text);
	return form_value(trial->text, "From") != NULL;
}

static const char *const json_fragments[] = {
	"{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"a\":", "{\"a\":", "{\"a\":[1,", "\"x\"", "\\", "\\u", "\\u00e9", "\\ud83d",
	"\\ude00", "\\u0000", "1", "-1.5e3", "true", "null", " ", "\n", NULL
};

static bool
parse_json(const Trial *trial)
{
	static const char *const paths[] = {"a", "a.a", "a[0]", "[0]", "[1].a", "$.a[1].a"};
	char	   *found = json_scalar_at(trial->text, paths[random_number(trial->random, lengthof(paths))]);

	must(found == NULL || is_utf8(found), "a value is UTF-8", trial->text);
	return json_is_valid(trial->text) || found != NULL;
}

static const char *const path_fragments[] = {"$", ".", "[", "]", "[0]", "[1]", "[999999]", "a", "b", "$.", NULL};

static bool
parse_path(const Trial *trial)
{
	char	   *found = json_scalar_at("{\"a\": [1, {\"b\": \"x\"}], \"b\": {\"a\": 2}}", trial->text);
	bool		is_path = json_path_problem(trial->text) == NULL;

	must(found == NULL || is_path, "only a path leads anywhere", trial->text);
	return is_path;
}

static const char *const types[] = {NULL, "", "application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded"};

static InboundRequest
inbound_request(const Trial *trial)
{
	return (InboundRequest)
	{
		.url = "https://api.example/in/1",
			.body = trial->text,
			.content_type = types[random_number(trial->random, lengthof(types))],
			.authorization = random_change(trial->random, "Basic dXNlcjpzM2NyZXQ="),
			.signature = random_change(trial->random, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
	};
}

/* Of a request that is not the provider's, and that may be. */
static bool
read_inbound(const Trial *trial, const char *kind, const char *settings)
{
	Route		route = {.kind = kind, .settings = jsonb_of(settings)};
	InboundRequest request = inbound_request(trial);
	InboundReport report;

	must(!channel_proves(CHANNEL_SMS, &route, "another s3cret", &request), "nobody guesses a secret", trial->text);
	report = channel_read_inbound(CHANNEL_SMS, &route, &request);
	must(report.kind != INBOUND_TEXT || (report.from != NULL && report.to != NULL), "a message has two ends", trial->text);
	must(report.kind != INBOUND_RECEIPT || report.id != NULL, "a receipt names its message", trial->text);
	return report.kind == INBOUND_TEXT || report.kind == INBOUND_RECEIPT;
}

static const char *const twilio_fragments[] = {
	"&", "=", "%2B", "From=%2B306900000000&", "To=1&", "Body=", "&MessageSid=SM1&", "MessageStatus=", "delivered", "failed&",
	"ErrorCode=30003&", "{\"From\":\"1\",\"To\":\"2\",\"MessageSid\":\"3\"", "}", NULL
};

static bool
parse_twilio(const Trial *trial)
{
	return read_inbound(trial, "TWILIO", "{}");
}

static const char *const gateway_fragments[] = {
	"&", "=", "+", "{", "}", "[", "]", "\"", ",", "from=1&", "to=2&", "text.body=", "ref=3&", "state=DELIVRD&", "state=REJECTD&",
	"{\"from\": \"1\", \"to\": 2, ", "\"text\": {\"body\": \"", "\"}", "\"state\": \"undeliv\", \"ref\": true", NULL
};

static bool
parse_gateway(const Trial *trial)
{
	return read_inbound(trial, "HTTP", "{\"inbound\": {\"from\": \"from\", \"to\": \"to\", \"text\": \"text.body\", \"id\": \"id[0]\","
						" \"message_id\": \"ref\", \"status\": \"state\", \"code\": \"why\"}}");
}

/* ---- answers ---- */

static const char *const escape_fragments[] = {
	"\\", "\\n", "\\u", "\\u0041", "\\ud83d\\ude00", "\\ud83d", "\\x41", "%", "%25", "%41", "&", "&#", "&#x41;", "&#65;",
	"&#4294967361;", "&#x110000;", "&#xd800;", "&amp;", "&quot;", ";", "&#x;", "&#;", "&;", "s3cret\\n", "s3c", "czNjcmV0", "czNj", "=",
	"\r\n", NULL
};

static bool
parse_escape(const Trial *trial)
{
	const char *end = trial->text + strlen(trial->text);
	bool		has_escape = false;

	for (const char *at = trial->text; at < end; at++)
	{
		char		unescaped[LONGEST_UNESCAPED];
		int			count = 0;
		int			length = unescape(at, end, unescaped, &count);

		if (length == 0)
			continue;
		must(length <= Min(end - at, LONGEST_ESCAPE) && count > 0 && count <= LONGEST_UNESCAPED && count < length,
			 "an escape has its bounds", trial->text);
		has_escape = true;
	}
	return has_escape;
}

/* At any length, of text that is whole or was cut off. */
static bool
parse_answer(const Trial *trial)
{
	int			longest = random_number(trial->random, 300);
	char	   *text = loggable_text(trial->text, random_number(trial->random, 2) == 0, list_make2("s3cret", "%41\\"), longest);

	must(text == NULL || (is_utf8(text) && strlen(text) <= longest), "the log's text is valid and short", trial->text);
	must(text == NULL || strstr(text, "s3cret") == NULL, "no secret is logged", trial->text);
	return text != NULL && strstr(text, "****") != NULL;
}

static bool
parse_outcome(const Trial *trial)
{
	static const char *const kinds[] = {"TWILIO", "GENESYS_CLOUD", "HTTP"};
	const char *kind = kinds[random_number(trial->random, lengthof(kinds))];
	Route		route = {.kind = kind, .url = "https://sms.example", .password = "s3cret",
	.settings = jsonb_of("{\"success_path\": \"a\", \"success_value\": \"1\", \"message_id_path\": \"a[0]\"}")};
	Message		message = {.type = TYPE_CREATE, .channel = CHANNEL_SMS, .recipient = "+306900000000", .text_body = "x"};
	Response	response = {.status = 200 + random_number(trial->random, 400), .body = trial->text, .retry_after = trial->text};
	Outcome		outcome = channel_read_outcome(&message, &route, &response);

	must(outcome.error == NULL || is_utf8(outcome.error), "an error is text", trial->text);
	must(outcome.provider_message_id == NULL || is_utf8(outcome.provider_message_id), "an id is text", trial->text);
	return outcome.provider_message_id != NULL || outcome.error != NULL;
}

static const char *const smtp_fragments[] = {
	"250 ", "2.0.0 ", "Ok: queued as ", "4WzX9s1Q2z", "<a@b>", "id=", "queued", " ", "\r\n", "[", "]", "(", ")", NULL
};

static bool
parse_queue_id(const Trial *trial)
{
	return find_queue_id(trial->text) != NULL;
}

static const char *const webhook_fragments[] = {"{\"id\":", "\"payload\":\"", "\\", "\"", "\\u001f", "\\u00", "\\n", "}", "x", NULL};

static bool
parse_webhook(const Trial *trial)
{
	char	   *payload = webhook_payload(trial->text);
	pg_uuid_t	uid = {0};
	char	   *valid = valid_part(trial->text);

	must(strcmp(webhook_payload(webhook_body(&uid, TYPE_CREATE, valid, 0)), valid) == 0, "a payload can be read again", valid);
	return payload != NULL;
}

/* ---- links ---- */

static bool
parse_token(const Trial *trial)
{
	ApplicationKey key = {0};
	LinkSubject subject = {.participant_id = "ann", .notification_id = random_number(trial->random, 1000)};
	char	   *token = link_token_make(&key, &subject);
	char	   *text = random_number(trial->random, 2) == 0 ? trial->text : random_change(trial->random, token);
	ReceivedToken received;

	if (!link_token_parse(text, &received))
		return false;
	must((link_token_notification_id(&received, &key) == subject.notification_id &&
		  link_token_is_genuine(&received, &key, &subject)) == (strcmp(text, token) == 0), "one text is the token", text);
	return true;
}

static const char *const mask_fragments[] = {"[token:", "[", "]", ":", "AAAA1", "AAAA2", "AAAA", "respond]", "unsubscribe]", NULL};

static bool
parse_masked(const Trial *trial)
{
	List	   *tokens = list_make2("AAAA1", "AAAA2");
	const char *masked = tokens_mask(tokens, trial->text);

	must(strstr(masked, "AAAA1") == NULL && strstr(masked, "AAAA2") == NULL, "a mask hides the tokens", trial->text);
	must(strcmp(tokens_unmask(tokens, masked), trial->text) == 0, "masks are reversible", trial->text);
	return strcmp(masked, trial->text) != 0;
}

/* ---- words ---- */

static const char *const word_fragments[] = {
	"1", "2", "stop", "STOP", " ", "\xc2\xa0", ".", "!", "\xef\xb8\x8f", "\xe2\x83\xa3", "\xef\xbc\x91", "\xd9\xa1", "\xc3\x9f",
	"\xcc\x81", "\xef\xb7\xba", "\xe2\x80\x8d", NULL
};

static bool
parse_word(const Trial *trial)
{
	char	   *word = single_word(trial->text);
	char	   *key = valid_part(trial->text);
	char	   *action;

	if (word == NULL)
		return false;
	must(is_utf8(word) && pg_mbstrlen(word) <= SINGLE_WORD_MAX, "a word is a short text", trial->text);
	must(is_same_text(single_word(word), word), "a word is itself", trial->text);
	action = reply_code_action(object_of(key, "ACCEPT"), word);
	must(strcmp(key, trial->text) != 0 || (action != NULL && strcmp(action, "ACCEPT") == 0), "a code is found by itself", trial->text);
	return true;
}

static const char *const number_fragments[] = {
	"+", "0", "00", "30", "69", "0000", "-", " ", "(", ")", "/", "sms:", "Clinic", "\xd9\xa1", "+306900000000", "6900000000", NULL
};

static bool
parse_number(const Trial *trial)
{
	static const char *const calling_codes[] = {NULL, "", "30", "+30", "+"};
	const char *calling_code = calling_codes[random_number(trial->random, lengthof(calling_codes))];
	char	   *number = phone_normalize(trial->text, calling_code);

	must(phone_number_is_valid(number) || strcmp(number, trial->text) == 0, "what is no number stays as it is", trial->text);
	must(sms_end_normalize(trial->text, calling_code) != NULL, "an end of a message stays one", trial->text);
	return phone_number_is_valid(number);
}

static const char *const mailbox_fragments[] = {
	"a", "@", ".", "example", "org", "<", ">", "\"", "\\", " ", ",", "\xc3\xbc", "xn--", "Ann ", "[127.0.0.1]",
	"ann@example.org", "Ann <ann@example.org>", NULL
};

static bool
parse_mailbox_text(const Trial *trial)
{
	char	   *text = valid_part(trial->text);
	char	   *name;
	char	   *address;

	(void) ascii_mail_address(text);
	return parse_mailbox(text, &name, &address);
}

static const char *const url_fragments[] = {
	"https", "http", "smtp", ":", "//", "://", "a.example", "127.1", "[::1]", ":443", "/", "?", "#", "@", "%", "user:x@", " ",
	"https://a.example/b?c", "smtps://a.example:465", NULL
};

static bool
parse_url(const Trial *trial)
{
	(void) url_names_address(trial->text);
	(void) base_url_problem(trial->text);
	return url_problem(trial->text, random_number(trial->random, 2) == 0) == NULL;
}

static const char *const instant_fragments[] = {
	"2026", "-", "11", "30", "T", " ", ":", "59", "60", ".", "999999999", "Z", "+", "02:00", "infinity", "0000-00-00",
	"2026-11-30", "10:00", "T10:00:00.5Z", NULL
};

static bool
parse_instant(const Trial *trial)
{
	TimestampTz at;
	char	   *error = NULL;
	bool		is_instant = iso8601_parse(trial->text, "Europe/Athens", &at, &error);

	must(is_instant || error != NULL, "a failure says why", trial->text);
	return is_instant;
}

/* ---- templates ---- */

static const char *const template_fragments[] = {
	"{{", "}}", "{{{", "}}}", "{{a}}", "{{{a}}}", "{{#a}}", "{{/a}}", "{{^a}}", "{{#list}}", "{{/list}}", "{{.}}", "{{a.b}}", "{{!", "\n",
	"\r\n", "  ", "{{&a}}", "{{title}}", "{{dd.MM.yyyy}}", "{{EEEE 'x' HH:mm z}}", "{{'}}", "{{#metadata}}", "{{/metadata}}", "{{>", "{{=",
	"{", "}", NULL
};

static Jsonb *
template_values(void)
{
	return jsonb_of("{\"a\": {\"b\": \"<&>\", \"a\": [1, 2.5, \"x\", null, true]}, \"list\": [{\"a\": 1}, [], {}, \"ü\"],"
					" \"title\": \"A \\\"test\\\"\", \"metadata\": {\"a\": \"y\"}}");
}

static bool
parse_template(const Trial *trial)
{
	DateFormat	dates = {.start_at = (TimestampTz) random_number(trial->random, 1 << 30) * USECS_PER_SEC,
	.timezone = "Europe/Athens", .locale = "el"};
	char	   *text = valid_part(trial->text);
	char	   *error = NULL;
	const Mustache *m = mustache_parse(text, &error);
	char	   *result;

	must((m == NULL) == (error != NULL), "a mistake is named", text);
	if (m == NULL)
		return false;
	must(template_names_are_known(m, &error) || error != NULL, "an unknown name is named", text);
	error = NULL;
	result = mustache_render(m, template_values(), random_number(trial->random, 2) == 0, &dates, &error);
	must((result == NULL) == (error != NULL), "a failure says why", text);
	must(result == NULL || is_utf8(result), "a result is text", text);
	return true;
}

static bool
parse_page_text(const Trial *trial)
{
	PageTexts	texts = {.locale = "en", .own = object_of("page.title", valid_part(trial->text))};
	const char *text = page_text_with(&texts, "page.title", template_values());

	must(text != NULL && is_utf8(text), "a page has its words", trial->text);
	return strcmp(text, trial->text) != 0;
}

static bool
parse_segments(const Trial *trial)
{
	int			segments = count_segments(valid_part(trial->text));

	must(segments >= 1 && segments <= RANDOM_INPUT_MAX, "a text has segments", trial->text);
	return segments > 1;
}

/* ---- the compatible API ---- */

static const char *const string_fragments[] = {"\"", "\"", "\\", "\\\"", "\\u00e9", "\\ud83d", "\\u0000", "\\u", "\n", "a", "PT5M", "{", "null", NULL};

static bool
parse_string(const Trial *trial)
{
	char	   *text = valid_part(psprintf("\"%s\"", trial->text));
	char	   *meant = plain_text(pstrdup(text));

	must(is_utf8(meant), "a string is UTF-8", text);
	must(strlen(meant) <= strlen(text), "decoding makes nothing longer", text);
	return strcmp(meant, text) != 0;
}

static const char *const credentials_fragments[] = {
	"Basic ", "basic  ", "Bearer ", "YTpi", "YTo=", "Og==", "/zph", "AAAA", "YQ", "=", "==", " ", "*", ":", NULL
};

static bool
parse_credentials(const Trial *trial)
{
	char	   *credentials = basic_credentials(random_number(trial->random, 2) == 0 ? trial->text : psprintf("Basic %s", trial->text));

	must(credentials == NULL || is_utf8(credentials), "credentials are UTF-8", trial->text);
	return credentials != NULL && strchr(credentials, ':') != NULL;
}

/* ---- all of them ---- */

static const struct
{
	const char *name;
	const char *const *fragments;
	bool		(*parse) (const Trial *trial);
}			parsers[] = {
	{"form", form_fragments, parse_form},
	{"JSON", json_fragments, parse_json},
	{"path", path_fragments, parse_path},
	{"Twilio", twilio_fragments, parse_twilio},
	{"gateway", gateway_fragments, parse_gateway},
	{"escape", escape_fragments, parse_escape},
	{"answer", escape_fragments, parse_answer},
	{"outcome", json_fragments, parse_outcome},
	{"queue id", smtp_fragments, parse_queue_id},
	{"webhook", webhook_fragments, parse_webhook},
	{"token", mask_fragments, parse_token},
	{"mask", mask_fragments, parse_masked},
	{"word", word_fragments, parse_word},
	{"number", number_fragments, parse_number},
	{"mailbox", mailbox_fragments, parse_mailbox_text},
	{"URL", url_fragments, parse_url},
	{"instant", instant_fragments, parse_instant},
	{"template", template_fragments, parse_template},
	{"page text", template_fragments, parse_page_text},
	{"segments", word_fragments, parse_segments},
	{"string", string_fragments, parse_string},
	{"credentials", credentials_fragments, parse_credentials}
};

/* parse_random(name, count, seed): how many of so many random texts the parser took for what it parses */
Datum
test_parse_random(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext context = exact_context_create(CurrentMemoryContext);
	MemoryContext caller = MemoryContextSwitchTo(context);
	pg_prng_state random;
	int64		taken = 0;
	int			parser = 0;

	while (parser < lengthof(parsers) && strcmp(parsers[parser].name, name) != 0)
		parser++;
	if (parser == lengthof(parsers))
		elog(ERROR, "no such parser: %s", name);
	pg_prng_seed(&random, PG_GETARG_INT64(2));
	for (int i = 0; i < PG_GETARG_INT32(1); i++)
	{
		Trial		trial = {random_input(&random, parsers[parser].fragments), &random};

		taken += parsers[parser].parse(&trial);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PG_RETURN_INT64(taken);
}
