/*
 * url.c
 *		Which URLs may be contacted, and URLs made from others.
 *
 * A URL is checked here and contacted by libcurl. So that both read the same in
 * it, libcurl's parser does the checking, and no characters are allowed that
 * parsers treat differently.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "channel/url.h"

/* Many servers refuse longer ones. */
#define MAX_URL_LENGTH 2000

/* Printable ASCII without characters that parsers treat differently. */
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

/* The path of a mail server's URL is the name for EHLO. libcurl decodes it, so %0d%0a would inject a command. */
static bool
is_greeting_name(const char *url)
{
	const char *name = strchr(strstr(url, "://") + 3, '/');

	return name == NULL ||
		strspn(name + 1, ".-:[]0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name + 1);
}

/* NULL or what libcurl's parser finds wrong. */
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
	/* libcurl accepts one slash too many. */
	if (strstr(url, ":///") != NULL)
		return "the URL has no host";
	if (smtp && (strpbrk(url, "?#") != NULL || !is_greeting_name(url)))
		return "what follows the mail server's host must be the name to greet it with: letters, digits, dots and hyphens";
	parsed = curl_url();
	if (parsed == NULL)
		return "the URL could not be checked for lack of memory";
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

/* IPv4 in every notation that getaddrinfo accepts: "0x7f.1", "2130706433". */
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

const char *
base_url_problem(const char *url)
{
	const char *problem = url_problem(url, false);

	if (problem == NULL && strpbrk(url, "?#") != NULL)
		return "the URL must have neither query nor fragment";
	return problem;
}

char *
url_below(const char *base, const char *path)
{
	size_t		length = strlen(base);

	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s%s", (int) length, base, path);
}
