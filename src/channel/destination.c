/*
 * destination.c
 *		Where a request goes: scheme, host and port of its URL.
 *
 * Limits and circuits are kept per destination. libcurl parses the URL again
 * for itself.
 */
#include "postgres.h"

#include "channel/destination.h"

static bool
is_smtp_url(const char *url)
{
	return pg_strncasecmp(url, "smtp", 4) == 0;
}

static const char *
default_port(const char *url)
{
	if (is_smtp_url(url))
		return pg_strncasecmp(url, "smtps:", 6) == 0 ? "465" : "25";
	return pg_strncasecmp(url, "https:", 6) == 0 ? "443" : "80";
}

void
destination_of_url(const char *url, char *destination)
{
	const char *scheme_end = strstr(url, "://");
	const char *start;
	const char *end;
	size_t		length = 0;
	bool		has_port;

	memset(destination, 0, DESTINATION_SIZE);
	if (scheme_end == NULL)
		return;
	start = scheme_end + 3;
	end = start + strcspn(start, "/?#");
	for (const char *c = url; c < end && length < DESTINATION_SIZE - 8; c++)
		destination[length++] = pg_ascii_tolower((unsigned char) *c);
	/* A port follows the last colon, unless that is inside of [IPv6]. */
	has_port = false;
	for (const char *c = end - 1; c >= start && *c != ']'; c--)
	{
		if (*c == ':')
			has_port = true;
	}
	if (!has_port)
		snprintf(destination + length, DESTINATION_SIZE - length, ":%s", default_port(url));
}
