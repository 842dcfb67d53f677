/*
 * layout.c
 *		The layout around the text of an email.
 */
#include "postgres.h"

#include <ctype.h>

#include "channel/escape.h"
#include "core/json.h"
#include "notify/layout.h"

#define LINE_ENDS "\r\n"
#define BLANKS " \t\r\n"

Jsonb *
layout_data(const Jsonb *data, const char *content, const char *subject, const char *heading)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &data->root));
	JsonbIteratorToken token;
	JsonbValue	item;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_END_OBJECT)
		(void) pushJsonbValue(&state, token, token == WJB_BEGIN_OBJECT ? NULL : &item);
	json_push_if_given(&state, "content", content);
	json_push_if_given(&state, "subject", subject);
	json_push_if_given(&state, "heading", heading);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- links ---- */

/* The bytes of the scheme of a URL that starts here; 0: none does. A host follows, so that no URL is empty. */
static size_t
scheme_length(const char *text)
{
	size_t		length;

	if (pg_strncasecmp(text, "https://", 8) == 0)
		length = 8;
	else if (pg_strncasecmp(text, "http://", 7) == 0)
		length = 7;
	else
		return 0;
	return isalnum((unsigned char) text[length]) || IS_HIGHBIT_SET(text[length]) || text[length] == '[' ? length : 0;
}

/*
 * The bytes of the URL that starts here; 0: none does. What ends a sentence is not a part of it. No text is read again and again:
 * what was read is a part of the URL, or ends it.
 */
static size_t
url_length(const char *text)
{
	size_t		length = scheme_length(text);

	if (length == 0)
		return 0;
	length += strcspn(text + length, BLANKS "<>\"");
	while (strchr(".,;:!?)'", text[length - 1]) != NULL)
		length--;
	return length;
}

static void
append_escaped(StringInfo html, const char *text, size_t length)
{
	char	   *copy = pnstrdup(text, length);

	append_xml_escaped(html, copy);
	pfree(copy);
}

static void
append_link(StringInfo html, const char *url, size_t length)
{
	appendStringInfoString(html, "<a class=\"k\" style=\"color:#1a56db\" href=\"");
	append_escaped(html, url, length);
	appendStringInfoString(html, "\">");
	append_escaped(html, url, length);
	appendStringInfoString(html, "</a>");
}

/* ---- paragraphs ---- */

/* The bytes before the next URL or line end. */
static size_t
plain_length(const char *text, const char *end)
{
	const char *c = text;

	while (c < end && strchr(LINE_ENDS, *c) == NULL && url_length(c) == 0)
		c++;
	return c - text;
}

static void
append_paragraph(StringInfo html, const char *text, const char *end)
{
	appendStringInfoString(html, "<p dir=\"auto\" style=\"margin:0 0 16px\">");
	while (text < end)
	{
		size_t		length = plain_length(text, end);

		append_escaped(html, text, length);
		text += length;
		if (text == end)
			break;
		length = url_length(text);
		if (length > 0)
			append_link(html, text, length);
		else
		{
			length = strncmp(text, "\r\n", 2) == 0 ? 2 : 1;
			appendStringInfoString(html, "<br>\n");
		}
		text += length;
	}
	appendStringInfoString(html, "</p>\n");
}

/* The end of the paragraph: before an empty line, or of the text. */
static const char *
paragraph_end(const char *text)
{
	for (; *text != '\0'; text++)
	{
		const char *next = text + (strncmp(text, "\r\n", 2) == 0 ? 2 : 1);

		if (strchr(LINE_ENDS, *text) != NULL && strchr(LINE_ENDS, next[strspn(next, " \t")]) != NULL)
			break;
	}
	return text;
}

static bool
is_marker(const char *text, size_t length, const char *marker)
{
	return marker != NULL && strlen(marker) == length && strncmp(text, marker, length) == 0;
}

char *
text_as_html(const char *text, const Markers *markers)
{
	StringInfoData html;

	initStringInfo(&html);
	for (text += strspn(text, BLANKS); *text != '\0'; text += strspn(text, BLANKS))
	{
		const char *end = paragraph_end(text);

		if (is_marker(text, end - text, markers->buttons) || is_marker(text, end - text, markers->calendar_block))
			appendBinaryStringInfo(&html, text, end - text);
		else
			append_paragraph(&html, text, end);
		text = end;
	}
	return html.data;
}
