/*
 * http.c
 *		What requests over HTTP have in common: which URLs and headers may be
 *		sent, how a client authenticates, how a value stands in a URL, a form,
 *		JSON or XML, and what an answer in JSON tells.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>

#include "utils/json.h"

#include "channel/parts.h"
#include "core/encoding.h"
#include "core/json_scan.h"
#include "core/text.h"

/* Longer URLs are refused by many servers anyway. */
#define MAX_URL_LENGTH 2000
#define MAX_HEADER_LENGTH 4096

/* Headers that only appt or libcurl may set. */
static const char *const reserved_headers[] = {
	"connection", "content-length", "expect", "host", "keep-alive",
	"proxy-authorization", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade", "webhook-id", "webhook-signature",
	"webhook-timestamp", "x-signature", "x-signature-previous"
};

const char *
header_problem(const char *name, const char *value)
{
	if (name == NULL || name[0] == '\0' ||
		strspn(name, "!#$%&'*+-.^_`|~0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(name))
		return "a header's name must consist of letters, digits and !#$%&'*+-.^_`|~";
	for (int i = 0; i < lengthof(reserved_headers); i++)
	{
		if (pg_strcasecmp(name, reserved_headers[i]) == 0)
			return "this header is set by appt itself";
	}
	if (value == NULL || !is_one_line(value))
		return "a header's value must not contain line breaks or other control characters";
	if (strlen(name) + strlen(value) > MAX_HEADER_LENGTH)
		return "a header must not be longer than 4096 bytes";
	return NULL;
}

/* Only what no parser reads in two ways: printable ASCII, nothing quoted. */
static bool
url_is_plain(const char *url)
{
	for (; *url != '\0'; url++)
	{
		unsigned char byte = *url;

		if (byte <= ' ' || byte >= 0x7f || strchr("<>\"\\^`{|}", byte) != NULL)
			return false;
	}
	return true;
}

/* Behind a mail server's address may stand the name to greet it with (EHLO), where libcurl would decode %0d%0a. */
static bool
is_greeting_name(const char *url)
{
	const char *name = strchr(strstr(url, "://") + 3, '/');

	return name == NULL ||
		strspn(name + 1, ".-:[]0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name + 1);
}

/* What libcurl's parser finds wrong with it. */
static const char *
parsed_url_problem(CURLU *parsed, const char *url, bool smtp)
{
	char	   *part = NULL;
	bool		is_known;
	bool		is_short;

	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return "the URL is not well formed";
	if (curl_url_get(parsed, CURLUPART_SCHEME, &part, 0) != CURLUE_OK)
		return "the URL has no scheme";
	is_known = smtp ? strcmp(part, "smtp") == 0 || strcmp(part, "smtps") == 0
		: strcmp(part, "http") == 0 || strcmp(part, "https") == 0;
	curl_free(part);
	if (!is_known)
		return smtp ? "the URL must start with smtp:// or smtps://"
			: "the URL must start with http:// or https://";

	part = NULL;
	if (curl_url_get(parsed, CURLUPART_HOST, &part, 0) != CURLUE_OK)
		return "the URL has no host";
	is_short = part[0] != '\0' && strlen(part) <= 253;
	curl_free(part);
	if (!is_short)
		return "the URL's host is empty or too long";

	part = NULL;
	if (curl_url_get(parsed, CURLUPART_USER, &part, 0) == CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_PASSWORD, &part, 0) == CURLUE_OK)
	{
		curl_free(part);
		return "the URL must not contain a user name or password";
	}
	return NULL;
}

/* All but its length. */
const char *
url_form_problem(const char *url, bool smtp)
{
	CURLU	   *parsed;
	const char *problem;

	if (url == NULL || url[0] == '\0')
		return "the URL is empty";
	if (!url_is_plain(url))
		return "the URL must consist of printable ASCII characters without spaces, quotes, brackets < > { } and \\ ^ ` |";
	if (strstr(url, "://") == NULL)
		return "the URL has no scheme";
	/* libcurl forgives one slash too many. */
	if (strstr(url, ":///") != NULL)
		return "the URL has no host";
	if (smtp && (strpbrk(url, "?#") != NULL || !is_greeting_name(url)))
		return "what follows the mail server's host must be the name to greet it with: letters, digits, dots and hyphens";
	parsed = curl_url();
	if (parsed == NULL)
		return "the URL could not be checked for want of memory";
	problem = parsed_url_problem(parsed, url, smtp);
	curl_url_cleanup(parsed);
	return problem;
}

const char *
url_problem(const char *url, bool smtp)
{
	if (url != NULL && strlen(url) > MAX_URL_LENGTH)
		return "the URL is longer than 2000 bytes";
	return url_form_problem(url, smtp);
}

/* Of IPv4 every form that a look-up takes for an address: "0x7f.1", "2130706433". */
static bool
is_address(const char *host)
{
	struct in_addr address;

	return host[0] == '[' || inet_aton(host, &address) != 0;
}

bool
url_names_address(const char *url)
{
	CURLU	   *parsed = curl_url();
	char	   *host = NULL;
	bool		result;

	result = parsed != NULL &&
		curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK && is_address(host);
	curl_free(host);
	curl_url_cleanup(parsed);
	return result;
}

/* Is there a header of this name in a list of "Name: value" already? */
bool
has_header(List *lines, const char *name)
{
	ListCell   *cell;
	size_t		length = strlen(name);

	foreach(cell, lines)
	{
		const char *line = lfirst(cell);

		if (pg_strncasecmp(line, name, length) == 0 &&
			(line[length] == ':' || line[length] == ';'))
			return true;
	}
	return false;
}

/* libcurl takes "Name:" for the wish to send no such header. */
char *
header_line(const char *name, const char *value)
{
	if (value[strspn(value, " \t")] == '\0')
		return psprintf("%s;", name);
	return psprintf("%s: %s", name, value);
}

/* Add headers of a list, but none that is there already. */
bool
add_headers(List **lines, List *headers, ComposeFailure *failure)
{
	ListCell   *cell;

	foreach(cell, headers)
	{
		const Header *header = lfirst(cell);
		const char *problem = header->value == NULL ? "the value of a secret header is not stored"
			: header_problem(header->name, header->value);
		char	   *value = problem ? NULL : encoding_to_utf8(header->value);

		if (value == NULL)
		{
			failure->reason = REASON_BAD_CONFIGURATION;
			failure->error = problem ? problem : "a header's value is not valid text";
			return false;
		}
		if (!has_header(*lines, header->name))
			*lines = lappend(*lines, header_line(header->name, value));
	}
	return true;
}

/* The client's name and secret, as far as both can be sent. */
static bool
set_credentials(Request *request, const Route *route, ComposeFailure *failure)
{
	request->username = route->username ? route->username : "";
	request->password = route->password ? route->password : "";
	if (is_one_line(request->username) && is_one_line(request->password))
		return true;
	failure->reason = REASON_BAD_CONFIGURATION;
	failure->error = "user name and password must not contain control characters";
	return false;
}

bool
set_basic_authentication(Request *request, const Route *route, ComposeFailure *failure)
{
	if (!set_credentials(request, route, failure))
		return false;
	if (strchr(request->username, ':') == NULL)
		return true;
	failure->reason = REASON_BAD_CONFIGURATION;
	failure->error = "the user name must not contain a colon";
	return false;
}

bool
set_client_credentials(Request *request, const Route *route, const char *token_url,
					   ComposeFailure *failure)
{
	const char *problem = url_problem(token_url, false);

	request->token_url = token_url;
	if (problem == NULL)
		return set_credentials(request, route, failure);
	failure->reason = REASON_BAD_CONFIGURATION;
	failure->error = problem;
	return false;
}

const char *
base_url_problem(const char *url)
{
	const char *problem = url_problem(url, false);

	if (problem == NULL && strpbrk(url, "?#") != NULL)
		return "the URL must have neither query nor fragment";
	return problem;
}

/* A path below the address that a provider's API is found at. */
char *
url_below(const char *base, const char *path)
{
	size_t		length = strlen(base);

	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s%s", (int) length, base, path);
}

/* What is sent to a provider, and the headers that it has unless it has them already. */
void
set_body(Request *request, const char *content_type, const char *body)
{
	request->protocol = REQUEST_HTTP;
	request->body = body;
	request->body_length = body ? strlen(body) : 0;
	if (body != NULL)
		request->headers = lappend(request->headers, header_line("content-type", content_type));
	if (!has_header(request->headers, "accept"))
		request->headers = lappend(request->headers, "accept: application/json");
	if (!has_header(request->headers, "user-agent"))
		request->headers = lappend(request->headers, USER_AGENT_HEADER);
}

/*
 * Values inside of something else. All are UTF-8.
 */

void
append_url_encoded(StringInfo buffer, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text != '\0'; text++)
	{
		unsigned char byte = *text;

		if (byte < 0x80 && (isalnum(byte) || strchr("-._~", byte) != NULL))
			appendStringInfoChar(buffer, byte);
		else
		{
			appendStringInfoChar(buffer, '%');
			appendStringInfoChar(buffer, digits[byte >> 4]);
			appendStringInfoChar(buffer, digits[byte & 15]);
		}
	}
}

/* As it stands between the quotes of a string. */
void
append_json_escaped(StringInfo buffer, const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	escape_json(&quoted, text);
	appendBinaryStringInfo(buffer, quoted.data + 1, quoted.len - 2);
	pfree(quoted.data);
}

/* In text or in an attribute; control characters, which XML has none of, become blanks. */
void
append_xml_escaped(StringInfo buffer, const char *text)
{
	for (; *text != '\0'; text++)
	{
		switch (*text)
		{
			case '&':
				appendStringInfoString(buffer, "&amp;");
				break;
			case '<':
				appendStringInfoString(buffer, "&lt;");
				break;
			case '>':
				appendStringInfoString(buffer, "&gt;");
				break;
			case '"':
				appendStringInfoString(buffer, "&quot;");
				break;
			case '\'':
				appendStringInfoString(buffer, "&#39;");
				break;
			default:
				appendStringInfoChar(buffer, (unsigned char) *text < ' ' && *text != '\n' &&
									 *text != '\r' && *text != '\t' ? ' ' : *text);
		}
	}
}

/*
 * Answers.
 */

char *
answer_text(const Response *response, const char *path)
{
	return response->body == NULL ? NULL : json_scalar_at(response->body, path);
}

char *
answer_error(const Response *response, const char *message_path, const char *code_path)
{
	char	   *message = answer_text(response, message_path);
	char	   *code = answer_text(response, code_path);

	if (message == NULL)
		return NULL;
	return psprintf("the provider answered with HTTP status %d: %s%s%s%s", response->status,
					message, code ? " (" : "", code ? code : "", code ? ")" : "");
}
