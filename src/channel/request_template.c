/*
 * request_template.c
 *		Templates of requests, with the placeholders {{to}}, {{from}}, {{text}}
 *		and {{id}} for values of the message, and {{secret}} for the provider's
 *		password.
 *
 * These are not the templates of messages. They describe a gateway's interface,
 * and no value of a message may change what is asked of it. So every value is
 * escaped for its context, and there are no sections. A secret may only be in a
 * header: URLs and bodies get into logs, also the gateway's.
 */
#include "postgres.h"

#include "channel/escape.h"
#include "channel/request_template.h"

#define OPENING "{{"
#define CLOSING "}}"

typedef enum PlaceholderName
{
	PLACEHOLDER_TO, PLACEHOLDER_FROM, PLACEHOLDER_TEXT, PLACEHOLDER_ID, PLACEHOLDER_SECRET
} PlaceholderName;

static const char *const names[] = {
	[PLACEHOLDER_TO] = "to",
	[PLACEHOLDER_FROM] = "from",
	[PLACEHOLDER_TEXT] = "text",
	[PLACEHOLDER_ID] = "id",
	[PLACEHOLDER_SECRET] = "secret"
};

/* A piece of a template: literal text, perhaps with a placeholder after it. */
typedef struct Piece
{
	const char *text;
	size_t		length;
	bool		has_placeholder;
	PlaceholderName name;
	const char *end;			/* start of the next piece */
} Piece;

const char *
request_template_placeholder(const char *template)
{
	return strstr(template, OPENING);
}

/* Read the piece that starts here. NULL or what is wrong with it. */
static const char *
next_piece(const char *at, Piece *piece)
{
	const char *opening = request_template_placeholder(at);
	const char *closing;
	size_t		length;

	piece->text = at;
	piece->has_placeholder = opening != NULL;
	piece->length = opening ? opening - at : strlen(at);
	piece->end = at + piece->length;
	if (opening == NULL)
		return NULL;
	closing = strstr(opening, CLOSING);
	if (closing == NULL)
		return "a template has a {{ without its }}";
	piece->end = closing + strlen(CLOSING);
	opening += strlen(OPENING);
	opening += strspn(opening, " ");
	while (closing > opening && closing[-1] == ' ')
		closing--;
	length = closing - opening;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strlen(names[i]) == length && memcmp(opening, names[i], length) == 0)
		{
			piece->name = i;
			return NULL;
		}
	}
	return "a template may name to, from, text and id, and a header's also secret";
}

const char *
request_template_problem(const char *template, TemplateContext context)
{
	while (*template != '\0')
	{
		Piece		piece;
		const char *problem = next_piece(template, &piece);

		if (problem != NULL)
			return problem;
		if (piece.has_placeholder && piece.name == PLACEHOLDER_SECRET && context != CONTEXT_HEADER)
			return "a template may name secret in a header alone";
		template = piece.end;
	}
	return NULL;
}

bool
request_template_uses(const char *template, const char *name)
{
	Piece		piece;

	for (; *template != '\0'; template = piece.end)
	{
		if (next_piece(template, &piece) != NULL)
			return false;
		if (piece.has_placeholder && strcmp(names[piece.name], name) == 0)
			return true;
	}
	return false;
}

static const char *
value_of(PlaceholderName name, const TemplateValues *values)
{
	switch (name)
	{
		case PLACEHOLDER_TO:
			return values->to;
		case PLACEHOLDER_FROM:
			return values->from;
		case PLACEHOLDER_TEXT:
			return values->text;
		case PLACEHOLDER_ID:
			return values->id;
		case PLACEHOLDER_SECRET:
			return values->secret;
	}
	pg_unreachable();
}

static void
append_value(StringInfo buffer, const char *value, TemplateContext context)
{
	switch (context)
	{
		case CONTEXT_URL:
		case CONTEXT_FORM:
			append_url_encoded(buffer, value);
			break;
		case CONTEXT_JSON:
			append_json_escaped(buffer, value);
			break;
		case CONTEXT_XML:
			append_xml_escaped(buffer, value);
			break;
		case CONTEXT_HEADER:
		case CONTEXT_TEXT:
			appendStringInfoString(buffer, value);
			break;
	}
}

char *
request_template_render(const char *template, TemplateContext context, const TemplateValues *values)
{
	StringInfoData buffer;
	Piece		piece;

	initStringInfo(&buffer);
	for (; *template != '\0'; template = piece.end)
	{
		if (next_piece(template, &piece) != NULL)
			return NULL;
		appendBinaryStringInfo(&buffer, piece.text, piece.length);
		if (piece.has_placeholder)
			append_value(&buffer, value_of(piece.name, values), context);
	}
	return buffer.data;
}
