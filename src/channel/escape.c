/*
 * escape.c
 *		Values inside of URLs, forms, JSON and XML.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/json.h"

#include "channel/escape.h"

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

void
append_json_escaped(StringInfo buffer, const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	escape_json(&quoted, text);
	appendBinaryStringInfo(buffer, quoted.data + 1, quoted.len - 2);
	pfree(quoted.data);
}

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
