/*
 * form.c
 *		Reading application/x-www-form-urlencoded.
 *
 * As the URL standard reads it: fields are separated by &, "+" is a blank, and a
 * percent sign without two digits stands for itself.
 */
#include "postgres.h"

#include "channel/form.h"
#include "channel/unescape.h"

static FormText
decode(const char *at, size_t length)
{
	const char *end = at + length;
	FormText	text = {.bytes = (char *) palloc(length + 1)};

	while (at < end)
	{
		char		byte = *at++;

		if (byte == '+')
			byte = ' ';
		else if (byte == '%' && end - at >= 2 && hex_digit(at[0]) >= 0 && hex_digit(at[1]) >= 0)
		{
			byte = (char) (hex_digit(at[0]) * 16 + hex_digit(at[1]));
			at += 2;
		}
		text.bytes[text.length++] = byte;
	}
	text.bytes[text.length] = '\0';
	return text;
}

List *
form_parse(const char *body)
{
	List	   *fields = NIL;

	while (*body != '\0')
	{
		size_t		length = strcspn(body, "&");
		const char *sign = (const char *) memchr(body, '=', length);
		size_t		name_length = sign == NULL ? length : sign - body;
		FormField  *field = (FormField *) palloc(sizeof(FormField));

		field->name = decode(body, name_length);
		field->value = name_length == length ? decode("", 0) :
			decode(body + name_length + 1, length - name_length - 1);
		if (length > 0)
			fields = lappend(fields, field);
		body += length + (body[length] == '&' ? 1 : 0);
	}
	return fields;
}

char *
form_value(const char *body, const char *name)
{
	ListCell   *cell;

	foreach(cell, form_parse(body))
	{
		const FormField *field = (const FormField *) lfirst(cell);

		if (strlen(name) == field->name.length && strcmp(field->name.bytes, name) == 0)
			return field->value.bytes;
	}
	return NULL;
}
