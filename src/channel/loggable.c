/*
 * loggable.c
 *		What the log may keep of text that another side wrote.
 *
 * A response is hostile: it may be no valid text, hold control characters,
 * repeat the secrets that were sent to it, or be long.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "channel/loggable.h"
#include "channel/mask.h"
#include "core/encoding.h"

/* Replace bytes that are not valid in the server's encoding, and control characters, by '?'. */
static void
clean_text(char *text)
{
	bool		keep_utf8 = GetDatabaseEncoding() == PG_UTF8 ||
	GetDatabaseEncoding() == PG_SQL_ASCII;
	char	   *end = text + strlen(text);
	char	   *at = text;

	while (at < end)
	{
		unsigned char byte = *at;
		int			length = pg_utf_mblen((unsigned char *) at);

		if (byte < 0x80)
		{
			if ((byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r') || byte == 0x7f)
				*at = '?';
			at++;
		}
		else if (keep_utf8 && length <= end - at &&
				 pg_utf8_islegal((unsigned char *) at, length))
			at += length;
		else
			*at++ = '?';
	}
}

static List *
add_secret(List *secrets, const char *secret)
{
	const char *utf8 = secret == NULL || secret[0] == '\0' ? NULL : encoding_to_utf8(secret);

	return utf8 == NULL ? secrets : lappend(secrets, unconstify(char *, utf8));
}

/* The value, and without its scheme: of "Bearer xyz" some repeat only "xyz". */
static List *
add_header_secret(List *secrets, const char *value)
{
	const char *blank = value == NULL ? NULL : strchr(value, ' ');

	secrets = add_secret(secrets, value);
	return blank == NULL ? secrets : add_secret(secrets, blank + 1);
}

List *
secrets_to_mask(const Message *message, const Route *route, const Response *response)
{
	List	   *secrets = add_secret(NIL, route->password);
	ListCell   *cell;

	/* The token endpoint's answer is UTF-8 already. */
	if (response->token != NULL && response->token[0] != '\0')
		secrets = lappend(secrets, unconstify(char *, response->token));

	foreach(cell, message->tokens)
		secrets = add_secret(secrets, lfirst(cell));
	foreach(cell, route->hmac_keys)
		secrets = add_secret(secrets, lfirst(cell));
	foreach(cell, route->headers)
	{
		const Header *header = lfirst(cell);

		if (header->is_secret)
			secrets = add_header_secret(secrets, header->value);
	}
	return secrets;
}

char *
loggable_text(const char *bytes, bool is_whole, List *secrets, int longest)
{
	char	   *text;
	int			length;

	if (bytes == NULL || bytes[0] == '\0')
		return NULL;
	text = mask_secrets(bytes, secrets, is_whole);
	clean_text(text);
	length = strlen(text);
	if (length > longest)
		text[pg_mbcliplen(text, length, longest)] = '\0';
	return text;
}

char *
loggable_line(const char *bytes, bool is_whole, List *secrets, int longest)
{
	char	   *text = loggable_text(bytes, is_whole, secrets, longest);

	for (char *c = text; c != NULL && *c != '\0'; c++)
	{
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	}
	return text;
}
