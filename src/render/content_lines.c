/*
 * content_lines.c
 *		The lines that calendar files consist of.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "render/content_lines.h"

/* Octets of a line, without its end. */
#define MAX_LINE 75

static void
append_folded(StringInfo file, const char *line, int length)
{
	int			most = MAX_LINE;

	while (length > most)
	{
		int			part = pg_encoding_mbcliplen(PG_UTF8, line, length, most);

		appendBinaryStringInfo(file, line, part);
		appendStringInfoString(file, "\r\n ");
		line += part;
		length -= part;
		most = MAX_LINE - 1;	/* the space is part of the next line */
	}
	appendBinaryStringInfo(file, line, length);
	appendStringInfoString(file, "\r\n");
}

void
content_line(StringInfo file, const char *name, const char *value)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfoString(&line, name);
	appendStringInfoChar(&line, ':');
	appendStringInfoString(&line, value);
	append_folded(file, line.data, line.len);
	pfree(line.data);
}

char *
content_text(const char *text)
{
	StringInfoData escaped;

	if (text == NULL)
		return NULL;
	initStringInfo(&escaped);
	for (; *text; text++)
	{
		if (*text == '\n')
			appendStringInfoString(&escaped, "\\n");
		else
		{
			if (strchr("\\;,", *text) != NULL)
				appendStringInfoChar(&escaped, '\\');
			appendStringInfoChar(&escaped, *text);
		}
	}
	return escaped.data;
}

char *
content_parameter(const char *text)
{
	return strpbrk(text, ";:,") == NULL ? pstrdup(text) : psprintf("\"%s\"", text);
}
