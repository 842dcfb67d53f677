/*
 * mime.c
 *		Headers and bodies of a mail in 7-bit text.
 *
 * Lines have at most 78 characters and end with CR LF. Headers that can't be
 * folded to that, or are not ASCII, become encoded words (RFC 2047). Bodies are
 * quoted-printable, or base64 where that is shorter. So any mail server accepts
 * the message, and no content can end a line or a header.
 */
#include "postgres.h"

#include "common/base64.h"
#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/datetime.h"

#include "channel/mime.h"
#include "core/compat.h"

/* Lines: RFC 5322 recommends at most 78, encodings prescribe 76. */
#define LINE_LENGTH 76

/* An encoded word has at most 75 characters, "=?UTF-8?B?" and "?=" included. */
#define ENCODED_WORD_BYTES 45
#define ENCODED_WORD_FRAME 12

/*
 * Headers.
 */

/* A piece of UTF-8 text as an encoded word. */
static void
append_encoded_word(StringInfo buffer, const char *bytes, int length)
{
	char		encoded[LINE_LENGTH];
	int			encoded_length = encode_base64(bytes, length, encoded, sizeof(encoded));

	appendStringInfo(buffer, "=?UTF-8?B?%.*s?=", encoded_length, encoded);
}

/* UTF-8 text as encoded words, one a line; no character is split between two. */
static void
append_encoded_words(StringInfo buffer, const char *text, int column)
{
	/* Bytes that fit in the first line; `column` of it is used. */
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

/* Can the text be in a header unencoded, folded at its blanks? */
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
		/* Folding would lose runs of blanks. */
		if (*text == ' ' && (text[1] == ' ' || text[1] == '\0'))
			return false;
		word = *text == ' ' ? 0 : word + 1;
		if (word > LINE_LENGTH - 2)
			return false;
	}
	return true;
}

/* Plain text, folded before words that do not fit in the line. */
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

void
append_text_header(StringInfo buffer, const char *name, const char *text)
{
	appendStringInfo(buffer, "%s: ", name);
	if (is_plain_header_text(text) && strcspn(text, " ") + strlen(name) + 2 <= LINE_LENGTH)
		append_folded(buffer, text, strlen(name) + 2);
	else
		append_encoded_words(buffer, text, strlen(name) + 2);
	appendStringInfoString(buffer, "\r\n");
}

/* Can the name precede an address without quotes or encoding? */
static bool
is_plain_phrase(const char *name)
{
	return strlen(name) <= 40 && is_plain_header_text(name) &&
		strspn(name, " !#$%&'*+-/=?^_`{|}~0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name);
}

void
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

void
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

/* A copy with CR LF for any kind of line end, and one at the end. */
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

void
append_base64(StringInfo buffer, const char *text)
{
	int			length = strlen(text);
	int			line_bytes = LINE_LENGTH / 4 * 3;

	for (int position = 0; position < length; position += line_bytes)
	{
		char		line[LINE_LENGTH + 1];
		int			encoded = encode_base64(text + position,
											Min(line_bytes, length - position),
											line, sizeof(line));

		appendBinaryStringInfo(buffer, line, encoded);
		appendStringInfoString(buffer, "\r\n");
	}
}

/* Is this byte left unencoded in quoted-printable? */
static bool
is_printable_as_is(const char *at)
{
	/* A blank at the end of a line may get lost on the way. */
	if (*at == ' ' || *at == '\t')
		return at[1] != '\r' && at[1] != '\0';
	return *at > ' ' && *at <= '~' && *at != '=';
}

/* Text with CR LF line ends as quoted-printable. */
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
		/* Leave room for the soft line break. */
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

/* Base64 takes 4 bytes for 3, quoted-printable 3 for each that is not ASCII. */
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

void
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
 * Several parts. No encoded line can contain a boundary: neither encoding
 * produces its "=_". No boundary is a prefix of another.
 */
void
begin_multipart(StringInfo buffer, const char *subtype, const char *level, const char *uid)
{
	appendStringInfo(buffer, "Content-Type: multipart/%s;\r\n boundary=\"=_%s_%s\"\r\n",
					 subtype, level, uid);
}

void
next_part(StringInfo buffer, const char *level, const char *uid)
{
	appendStringInfo(buffer, "\r\n--=_%s_%s\r\n", level, uid);
}

void
end_multipart(StringInfo buffer, const char *level, const char *uid)
{
	appendStringInfo(buffer, "\r\n--=_%s_%s--\r\n", level, uid);
}
