/*
 * email.c
 *		The EMAIL channel over SMTP: an RFC 5322 message in one buffer.
 *
 * The buffer is pure 7-bit text in lines of at most 78 characters ended by CR
 * LF: headers that need more are encoded words (RFC 2047), bodies are
 * quoted-printable, or base64 where that is shorter. So any mail server takes
 * it, and no content can end a line or a header by itself. Names and subjects
 * with line breaks are refused, not repaired: they are an attack or a mistake.
 *
 * Addresses: the local part must be an ASCII dot-atom; a domain may be
 * international and is sent in its ASCII form. SMTPUTF8 is not used.
 */
#include "postgres.h"

#include <unicode/uidna.h>

#include "common/base64.h"
#include "common/string.h"
#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/datetime.h"

#include "channel/parts.h"
#include "core/encoding.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/text.h"

/* Lines: RFC 5322 recommends at most 78, encodings prescribe 76. */
#define LINE_LENGTH 76

/* An encoded word has at most 75 characters, "=?UTF-8?B?" and "?=" included. */
#define ENCODED_WORD_BYTES 45
#define ENCODED_WORD_FRAME 12

#define MAX_LOCAL_PART 64
#define MAX_DOMAIN 253
#define MAX_LABEL 63
#define MAX_ADDRESS 254

/*
 * Addresses.
 */

/* Letters, digits and some signs, in parts divided by single dots. */
static bool
is_dot_atom(const char *text, size_t length)
{
	if (length == 0 || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '.' ? text[i + 1] == '.'
			: text[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~0123456789"
										"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
										text[i]) == NULL)
			return false;
	}
	return true;
}

/* Letters, digits and inner hyphens, in labels divided by single dots. */
static bool
is_ascii_domain(const char *domain)
{
	size_t		length = strlen(domain);
	const char *label = domain;

	if (length == 0 || length > MAX_DOMAIN)
		return false;
	for (;;)
	{
		size_t		size = strcspn(label, ".");

		if (size == 0 || size > MAX_LABEL || label[0] == '-' || label[size - 1] == '-' ||
			strspn(label, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") < size)
			return false;
		if (label[size] == '\0')
			return true;
		label += size + 1;
	}
}

/* An international domain in ASCII, or NULL. */
static char *
domain_to_ascii(const char *domain)
{
	char		ascii[MAX_DOMAIN + 3];
	UErrorCode	status = U_ZERO_ERROR;
	UIDNAInfo	info = UIDNA_INFO_INITIALIZER;
	UIDNA	   *idna;
	int			length;

	idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_USE_STD3_RULES |
						   UIDNA_CHECK_BIDI, &status);
	if (U_FAILURE(status))
		return NULL;
	length = uidna_nameToASCII_UTF8(idna, domain, -1, ascii, MAX_DOMAIN + 2,
									&info, &status);
	uidna_close(idna);
	if (U_FAILURE(status) || info.errors != 0 || length > MAX_DOMAIN)
		return NULL;
	return pnstrdup(ascii, length);
}

char *
ascii_mail_address(const char *address)
{
	const char *at = strrchr(address, '@');
	size_t		local_length = at ? at - address : 0;
	char	   *domain;
	char	   *result;

	if (at == NULL || local_length > MAX_LOCAL_PART || !is_dot_atom(address, local_length))
		return NULL;
	domain = pg_is_ascii(at + 1) ? unconstify(char *, at + 1) : domain_to_ascii(at + 1);
	if (domain == NULL || !is_ascii_domain(domain))
		return NULL;
	result = psprintf("%.*s@%s", (int) local_length, address, domain);
	return strlen(result) <= MAX_ADDRESS ? result : NULL;
}

/* A piece of text without blanks around it. */
static char *
trimmed(const char *start, const char *end)
{
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return pnstrdup(start, end - start);
}

/* "Quoted, \"name\"" without its quotes; other text as it is. */
static char *
unquoted(char *name)
{
	size_t		length = strlen(name);
	char	   *end = name;

	if (length < 2 || name[0] != '"' || name[length - 1] != '"')
		return name;
	for (size_t i = 1; i < length - 1; i++)
	{
		if (name[i] == '\\' && i + 1 < length - 1)
			i++;
		*end++ = name[i];
	}
	*end = '\0';
	return name;
}

bool
parse_mailbox(const char *text, char **name, char **address)
{
	const char *end = text + strlen(text);
	const char *opening = strrchr(text, '<');

	*name = NULL;
	if (!is_one_line(text))
		return false;
	if (opening == NULL)
	{
		*address = trimmed(text, end);
		return ascii_mail_address(*address) != NULL;
	}
	while (end > opening && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end[-1] != '>')
		return false;
	*address = trimmed(opening + 1, end - 1);
	*name = unquoted(trimmed(text, opening));
	if ((*name)[0] == '\0')
		*name = NULL;
	return ascii_mail_address(*address) != NULL;
}

bool
mailbox_parts(const char *mailbox, char **name, char **address)
{
	char	   *utf8 = encoding_to_utf8(mailbox);

	if (utf8 == NULL || !parse_mailbox(utf8, name, address))
		return false;
	*address = ascii_mail_address(*address);
	if (*name != NULL)
		*name = pg_any_to_server(*name, strlen(*name), PG_UTF8);
	return true;
}

const char *
sender_problem(const char *sender)
{
	char	   *utf8 = sender ? encoding_to_utf8(sender) : NULL;
	char	   *name;
	char	   *address;

	if (utf8 == NULL || utf8[0] == '\0')
		return "the sender is empty";
	if (!is_one_line(utf8))
		return "the sender must not contain line breaks or other control characters";
	if (!parse_mailbox(utf8, &name, &address))
		return "the sender must be an email address, or a name and then an address in angle brackets";
	return NULL;
}

/*
 * Headers.
 */

/* A piece of UTF-8 text as an encoded word. */
static void
append_encoded_word(StringInfo buffer, const char *bytes, int length)
{
	char		encoded[LINE_LENGTH];
	int			encoded_length = pg_b64_encode(bytes, length, encoded, sizeof(encoded));

	appendStringInfo(buffer, "=?UTF-8?B?%.*s?=", encoded_length, encoded);
}

/* UTF-8 text as encoded words, one a line, no character cut in two. */
static void
append_encoded_words(StringInfo buffer, const char *text, int column)
{
	/* What is left of the first line; the others start with a blank. */
	int			room = (LINE_LENGTH - column - ENCODED_WORD_FRAME) / 4 * 3;

	while (*text != '\0')
	{
		int			length = 0;

		while (text[length] != '\0')
		{
			int			character = pg_utf_mblen((const unsigned char *) text + length);

			if (length + character > Min(room, ENCODED_WORD_BYTES))
				break;
			length += character;
		}
		append_encoded_word(buffer, text, length);
		text += length;
		room = ENCODED_WORD_BYTES;
		if (*text != '\0')
			appendStringInfoString(buffer, "\r\n ");
	}
}

/* Can the text stand in a header without encoding, folded at its blanks? */
static bool
is_plain_header_text(const char *text)
{
	size_t		word = 0;

	if (text[0] == ' ' || strstr(text, "=?") != NULL)
		return false;
	for (; *text != '\0'; text++)
	{
		if (*text < ' ' || *text > '~')
			return false;
		/* Runs of blanks would be lost at a fold. */
		if (*text == ' ' && (text[1] == ' ' || text[1] == '\0'))
			return false;
		word = *text == ' ' ? 0 : word + 1;
		if (word > LINE_LENGTH - 2)
			return false;
	}
	return true;
}

/* Plain text, folded before the words that would make a line too long. */
static void
append_folded(StringInfo buffer, const char *text, int column)
{
	while (*text != '\0')
	{
		int			length = 1 + strcspn(text + 1, " ");

		if (column + length > LINE_LENGTH && *text == ' ')
		{
			appendStringInfoString(buffer, "\r\n");
			column = 0;
		}
		appendBinaryStringInfo(buffer, text, length);
		column += length;
		text += length;
	}
}

/* A header of free text. */
static void
append_text_header(StringInfo buffer, const char *name, const char *text)
{
	appendStringInfo(buffer, "%s: ", name);
	if (is_plain_header_text(text) && strcspn(text, " ") + strlen(name) + 2 <= LINE_LENGTH)
		append_folded(buffer, text, strlen(name) + 2);
	else
		append_encoded_words(buffer, text, strlen(name) + 2);
	appendStringInfoString(buffer, "\r\n");
}

/* A name that may stand before an address without quotes or encoding. */
static bool
is_plain_phrase(const char *name)
{
	return strlen(name) <= 40 && is_plain_header_text(name) &&
		strspn(name, " !#$%&'*+-/=?^_`{|}~0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name);
}

/* A header of one mailbox; the address gets a line of its own if need be. */
static void
append_mailbox_header(StringInfo buffer, const char *header, const char *name,
					  const char *address)
{
	appendStringInfo(buffer, "%s: ", header);
	if (name == NULL || name[0] == '\0')
	{
		appendStringInfo(buffer, "%s\r\n", address);
		return;
	}
	if (is_plain_phrase(name))
		appendStringInfoString(buffer, name);
	else
		append_encoded_words(buffer, name, strlen(header) + 2);
	if (strlen(header) + 2 * strlen(name) + strlen(address) > 60)
		appendStringInfoString(buffer, "\r\n");
	appendStringInfo(buffer, " <%s>\r\n", address);
}

static void
append_date_header(StringInfo buffer, TimestampTz timestamp)
{
	struct pg_tm fields;
	fsec_t		microseconds;

	if (timestamp2tm(timestamp, NULL, &fields, &microseconds, NULL, NULL) != 0)
		return;
	appendStringInfo(buffer, "Date: %.3s, %d %.3s %04d %02d:%02d:%02d +0000\r\n",
					 days[j2day(date2j(fields.tm_year, fields.tm_mon, fields.tm_mday))],
					 fields.tm_mday, months[fields.tm_mon - 1], fields.tm_year,
					 fields.tm_hour, fields.tm_min, fields.tm_sec);
}

/*
 * Bodies.
 */

/* Line ends of any kind as CR LF, one at the end as well. */
static char *
with_network_line_ends(const char *text)
{
	StringInfoData result;

	initStringInfo(&result);
	while (*text != '\0')
	{
		size_t		length = strcspn(text, "\r\n");

		appendBinaryStringInfo(&result, text, length);
		text += length;
		if (*text == '\0')
			break;
		text += (text[0] == '\r' && text[1] == '\n') ? 2 : 1;
		appendBinaryStringInfo(&result, "\r\n", 2);
	}
	if (result.len > 0 && result.data[result.len - 1] != '\n')
		appendStringInfoString(&result, "\r\n");
	return result.data;
}

static void
append_base64(StringInfo buffer, const char *text)
{
	int			length = strlen(text);
	int			line_bytes = LINE_LENGTH / 4 * 3;

	for (int position = 0; position < length; position += line_bytes)
	{
		char		line[LINE_LENGTH + 1];
		int			encoded = pg_b64_encode(text + position,
											Min(line_bytes, length - position),
											line, sizeof(line));

		appendBinaryStringInfo(buffer, line, encoded);
		appendStringInfoString(buffer, "\r\n");
	}
}

/* May this byte stand for itself in quoted-printable? */
static bool
is_printable_as_is(const char *at)
{
	/* A blank at the end of a line would be lost. */
	if (*at == ' ' || *at == '\t')
		return at[1] != '\r' && at[1] != '\0';
	return *at > ' ' && *at <= '~' && *at != '=';
}

/* Text with CR LF line ends as quoted-printable, put together line by line. */
static void
append_quoted_printable(StringInfo buffer, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char		line[LINE_LENGTH];
	int			column = 0;

	for (; *text != '\0'; text++)
	{
		bool		as_is = is_printable_as_is(text);

		if (text[0] == '\r' && text[1] == '\n')
		{
			appendBinaryStringInfo(buffer, line, column);
			appendBinaryStringInfo(buffer, "\r\n", 2);
			column = 0;
			text++;
			continue;
		}
		/* Room for the soft line break itself. */
		if (column + (as_is ? 1 : 3) > LINE_LENGTH - 1)
		{
			appendBinaryStringInfo(buffer, line, column);
			appendBinaryStringInfo(buffer, "=\r\n", 3);
			column = 0;
		}
		if (as_is)
			line[column++] = *text;
		else
		{
			line[column++] = '=';
			line[column++] = digits[(unsigned char) *text >> 4];
			line[column++] = digits[(unsigned char) *text & 15];
		}
	}
	appendBinaryStringInfo(buffer, line, column);
}

/* Is base64 shorter: 4 bytes for 3, against 3 for each that is not ASCII? */
static bool
base64_is_shorter(const char *text)
{
	size_t		encoded = 0;
	size_t		length = strlen(text);

	for (; *text != '\0'; text++)
	{
		if (IS_HIGHBIT_SET(*text) || *text == '=')
			encoded++;
	}
	return 2 * encoded > length / 3;
}

/* One body with its headers; the type is that of text: "html", perhaps with more parameters. */
static void
append_part(StringInfo buffer, const char *type, const char *body)
{
	char	   *text = with_network_line_ends(body);
	bool		base64 = base64_is_shorter(text);

	appendStringInfo(buffer,
					 "Content-Type: text/%s\r\n"
					 "Content-Transfer-Encoding: %s\r\n\r\n",
					 type, base64 ? "base64" : "quoted-printable");
	if (base64)
		append_base64(buffer, text);
	else
		append_quoted_printable(buffer, text);
	pfree(text);
}

/*
 * The whole.
 */

static bool
fail(ComposeFailure *failure, Reason reason, const char *error)
{
	failure->reason = reason;
	failure->error = error;
	return false;
}

/* Text that may be absent; false if it is there and not valid. */
static bool
optional_utf8(const char *text, char **utf8)
{
	*utf8 = text ? encoding_to_utf8(text) : NULL;
	return text == NULL || *utf8 != NULL;
}

static bool
collect_sender(MailParts *parts, const Route *route, ComposeFailure *failure)
{
	char	   *sender;
	char	   *reply_to;

	if (route->sender == NULL || !optional_utf8(route->sender, &sender) ||
		!parse_mailbox(sender, &parts->sender_name, &parts->sender_address))
		return fail(failure, REASON_BAD_CONFIGURATION,
					"the provider's sender is not an email address");
	parts->sender_address = ascii_mail_address(parts->sender_address);

	if (!optional_utf8(json_root_text(route->settings, "reply_to"), &reply_to) ||
		(reply_to != NULL &&
		 !parse_mailbox(reply_to, &parts->reply_to_name, &parts->reply_to_address)))
		return fail(failure, REASON_BAD_CONFIGURATION,
					"the provider's setting reply_to is not an email address");
	if (reply_to != NULL)
		parts->reply_to_address = ascii_mail_address(parts->reply_to_address);

	parts->list_unsubscribe = json_root_text(route->settings, "list_unsubscribe");
	if (parts->list_unsubscribe != NULL &&
		(!pg_is_ascii(parts->list_unsubscribe) || !is_one_line(parts->list_unsubscribe) ||
		 strpbrk(parts->list_unsubscribe, "<> \t") != NULL ||
		 strlen(parts->list_unsubscribe) > 900))
		return fail(failure, REASON_BAD_CONFIGURATION,
					"the provider's setting list_unsubscribe is not a URL");
	return true;
}

static bool
collect_recipient(MailParts *parts, const Message *message, ComposeFailure *failure)
{
	char	   *recipient;

	if (message->recipient == NULL || !optional_utf8(message->recipient, &recipient) ||
		(parts->recipient_address = ascii_mail_address(recipient)) == NULL)
		return fail(failure, REASON_BAD_ADDRESS,
					"the recipient's email address can't be sent to");
	if (!optional_utf8(message->recipient_name, &parts->recipient_name) ||
		(parts->recipient_name != NULL && !is_one_line(parts->recipient_name)))
		return fail(failure, REASON_BAD_ADDRESS,
					"the recipient's name contains line breaks or other control characters");
	return true;
}

static bool
collect_content(MailParts *parts, const Message *message, ComposeFailure *failure)
{
	if (!optional_utf8(message->subject ? message->subject : "", &parts->subject) ||
		!optional_utf8(message->text_body ? message->text_body : "", &parts->text_body) ||
		!optional_utf8(message->html_body, &parts->html_body))
		return fail(failure, REASON_TEMPLATE_ERROR, "the message is not valid text");
	parts->calendar = message->calendar;
	parts->calendar_method = message->calendar_method;
	if (!is_one_line(parts->subject))
		return fail(failure, REASON_TEMPLATE_ERROR,
					"the subject contains line breaks or other control characters");
	return true;
}

bool
collect_mail(MailParts *parts, const Message *message, const Route *route,
			 ComposeFailure *failure)
{
	parts->uid = uuid_text(&message->uid);
	return collect_sender(parts, route, failure) &&
		collect_recipient(parts, message, failure) &&
		collect_content(parts, message, failure);
}

/*
 * Several parts. No encoded line can hold a boundary: it contains "=_", which
 * neither encoding produces. None is the beginning of another.
 */
static void
begin_multipart(StringInfo buffer, const char *subtype, const char *level, const char *uid)
{
	appendStringInfo(buffer, "Content-Type: multipart/%s;\r\n boundary=\"=_%s_%s\"\r\n",
					 subtype, level, uid);
}

static void
next_part(StringInfo buffer, const char *level, const char *uid)
{
	appendStringInfo(buffer, "\r\n--=_%s_%s\r\n", level, uid);
}

static void
end_multipart(StringInfo buffer, const char *level, const char *uid)
{
	appendStringInfo(buffer, "\r\n--=_%s_%s--\r\n", level, uid);
}

/* Text alone, or alternatives of which receivers show the last that they know. */
static void
append_bodies(StringInfo buffer, const MailParts *parts)
{
	if (parts->html_body == NULL && parts->calendar == NULL)
	{
		append_part(buffer, "plain; charset=UTF-8", parts->text_body);
		return;
	}
	begin_multipart(buffer, "alternative", "b", parts->uid);
	next_part(buffer, "b", parts->uid);
	append_part(buffer, "plain; charset=UTF-8", parts->text_body);
	if (parts->html_body != NULL)
	{
		next_part(buffer, "b", parts->uid);
		append_part(buffer, "html; charset=UTF-8", parts->html_body);
	}
	if (parts->calendar != NULL)
	{
		next_part(buffer, "b", parts->uid);
		append_part(buffer, psprintf("calendar; charset=UTF-8; method=%s", parts->calendar_method),
					parts->calendar);
	}
	end_multipart(buffer, "b", parts->uid);
}

/*
 * The bodies, and the calendar file once more as an attachment. Both are needed:
 * Outlook and Gmail make an invitation of an alternative of type text/calendar
 * whose method is the file's (RFC 6047), without a disposition and last; what
 * knows only attachments is offered one, of a type of its own, so that nobody
 * takes it for a second invitation. Google's own invitations look like this.
 */
static void
append_content(StringInfo buffer, const MailParts *parts)
{
	if (parts->calendar == NULL)
	{
		append_bodies(buffer, parts);
		return;
	}
	begin_multipart(buffer, "mixed", "a", parts->uid);
	next_part(buffer, "a", parts->uid);
	append_bodies(buffer, parts);
	next_part(buffer, "a", parts->uid);
	appendStringInfoString(buffer,
						   "Content-Type: application/ics; name=\"invite.ics\"\r\n"
						   "Content-Disposition: attachment; filename=\"invite.ics\"\r\n"
						   "Content-Transfer-Encoding: base64\r\n\r\n");
	append_base64(buffer, parts->calendar);
	end_multipart(buffer, "a", parts->uid);
}

static void
append_message(StringInfo buffer, const MailParts *parts, TimestampTz timestamp)
{
	append_mailbox_header(buffer, "From", parts->sender_name, parts->sender_address);
	append_mailbox_header(buffer, "To", parts->recipient_name, parts->recipient_address);
	if (parts->reply_to_address != NULL)
		append_mailbox_header(buffer, "Reply-To", parts->reply_to_name,
							  parts->reply_to_address);
	append_text_header(buffer, "Subject", parts->subject);
	append_date_header(buffer, timestamp);
	appendStringInfo(buffer, "Message-ID: <%s@%s>\r\n", parts->uid,
					 strrchr(parts->sender_address, '@') + 1);
	if (parts->list_unsubscribe != NULL)
		appendStringInfo(buffer, "List-Unsubscribe: <%s>\r\n", parts->list_unsubscribe);
	appendStringInfoString(buffer,
						   "Auto-Submitted: auto-generated\r\n"
						   "MIME-Version: 1.0\r\n");
	append_content(buffer, parts);
}

/* How the connection is to be protected and opened. */
static bool
set_transport(Request *request, const Route *route, ComposeFailure *failure)
{
	char	   *starttls = json_root_text(route->settings, "starttls");

	if (url_problem(route->url, true) != NULL)
		return fail(failure, REASON_BAD_CONFIGURATION, url_problem(route->url, true));
	request->url = route->url;
	if (starttls == NULL || strcmp(starttls, "opportunistic") == 0)
		request->starttls = STARTTLS_OPPORTUNISTIC;
	else if (strcmp(starttls, "required") == 0)
		request->starttls = STARTTLS_REQUIRED;
	else if (strcmp(starttls, "never") == 0)
		request->starttls = STARTTLS_NEVER;
	else
		return fail(failure, REASON_BAD_CONFIGURATION,
					"the provider's setting starttls is none of opportunistic, required, never");
	return true;
}

bool
smtp_needs_secret(const Route *route)
{
	return json_root_text(route->settings, "token_url") != NULL;
}

const char *
smtp_problem(const Route *route)
{
	if (smtp_needs_secret(route) && (route->username == NULL || route->username[0] == '\0'))
		return "a token cannot log in without a user name";
	return NULL;
}

/* The OAuth2 client: the setting client_id, or the user name. */
static const char *
route_client(const Route *route)
{
	const char *client = json_root_text(route->settings, "client_id");

	if (client != NULL)
		return client;
	return route->username ? route->username : "";
}

/* The password is an OAuth2 client's then, and its token logs in (XOAUTH2). */
static bool
set_token(Request *request, const Route *route, ComposeFailure *failure)
{
	const char *token_url = json_root_text(route->settings, "token_url");
	char	   *client;
	char	   *scope;

	if (token_url == NULL)
		return true;
	if (url_problem(token_url, false) != NULL)
		return fail(failure, REASON_BAD_CONFIGURATION, url_problem(token_url, false));
	if (!optional_utf8(route_client(route), &client) ||
		!optional_utf8(json_root_text(route->settings, "scope"), &scope))
		return fail(failure, REASON_BAD_CONFIGURATION,
					"the provider's setting client_id or scope is not valid text");
	request->token_url = token_url;
	request->token_client = client;
	request->token_scope = scope;
	return true;
}

static bool
set_login(Request *request, const Route *route, ComposeFailure *failure)
{
	if (smtp_problem(route) != NULL)
		return fail(failure, REASON_BAD_CONFIGURATION, smtp_problem(route));
	if (route->username == NULL || route->username[0] == '\0')
		return true;
	request->username = encoding_to_utf8(route->username);
	request->password = encoding_to_utf8(route->password ? route->password : "");
	if (request->username == NULL || request->password == NULL ||
		!is_one_line(request->username) || !is_one_line(request->password))
		return fail(failure, REASON_BAD_CONFIGURATION,
					"the provider's user name or password contains control characters");
	return set_token(request, route, failure);
}

Request *
compose_smtp_mail(const Message *message, const Route *route,
				  ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	MailParts	parts = {0};
	StringInfoData buffer;

	request->protocol = REQUEST_SMTP;
	if (!set_transport(request, route, failure) ||
		!set_login(request, route, failure) ||
		!collect_mail(&parts, message, route, failure))
		return NULL;
	initStringInfo(&buffer);
	append_message(&buffer, &parts, message->timestamp);
	request->body = (char *) repalloc(buffer.data, buffer.len + 1);
	request->body_length = buffer.len;
	request->envelope_from = parts.sender_address;
	request->envelope_to = list_make1(parts.recipient_address);
	return request;
}
