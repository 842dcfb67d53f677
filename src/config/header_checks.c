/*
 * header_checks.c
 *		Reading and checking the HTTP headers that users configure: a list
 *		that says which are secret, or an object of names and values.
 *
 * Names are compared case-insensitively, as in HTTP. A name given twice is
 * refused, because it would depend on the receiver which value counts. A
 * request has the headers of the subscription, of the appointment and of appt
 * itself; their number is limited: see HEADERS_LIMIT in src/transfer.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "channel/header.h"
#include "config/header_checks.h"
#include "config/secret.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"

/* Maximum number of headers of a subscription, or of an appointment. */
#define MAX_HEADERS 50

/* The value may be a secret, so no error shows it. */
static void
check_header(const char *name, const char *value)
{
	const char *problem = header_problem(name, value);

	if (problem != NULL)
		report_invalid("invalid header", "Header \"%s\" cannot be used: %s.", name, problem);
}

static List *
add_header(List *headers, char *name, char *value, bool is_secret)
{
	ConfiguredHeader *header;
	ListCell   *cell;

	check_header(name, value);
	if (list_length(headers) == MAX_HEADERS)
		report_invalid("too many headers", "There are more than %d headers.", MAX_HEADERS);
	foreach(cell, headers)
		if (pg_strcasecmp(((ConfiguredHeader *) lfirst(cell))->name, name) == 0)
		report_invalid("a header is given twice", "Header \"%s\" is given more than once.", name);
	header = (ConfiguredHeader *) palloc(sizeof(ConfiguredHeader));
	header->name = name;
	header->value = value;
	header->is_secret = is_secret;
	return lappend(headers, header);
}

/* Add an element of the list. */
static List *
add_element(List *headers, JsonbContainer *element)
{
	static const char *const members[] = {"name", "value", "type", NULL};
	static const char *const types[] = {"DEFAULT", "SECRET", NULL};
	char	   *name = json_member_text(element, "name");
	char	   *value = json_member_text(element, "value");
	char	   *type = json_member_text(element, "type");
	JsonbValue	found;

	check_members(element, members, "headers");
	if (name == NULL || value == NULL)
		report_invalid("invalid header", "An element of the list has no text \"name\" or \"value\".");
	if (getKeyJsonValueFromContainer(element, "type", 4, &found) == NULL)
		type = "DEFAULT";
	if (type == NULL || (strcmp(type, "DEFAULT") != 0 && strcmp(type, "SECRET") != 0))
		report_unlisted(types, "invalid header", "Header \"%s\" has an unknown type.", name);
	return add_header(headers, name, value, strcmp(type, "SECRET") == 0);
}

List *
parse_headers(Jsonb *jsonb)
{
	List	   *headers = NIL;
	bool		is_array = JB_ROOT_IS_ARRAY(jsonb) && !JB_ROOT_IS_SCALAR(jsonb);
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	if (!is_array && !JB_ROOT_IS_OBJECT(jsonb))
		report_invalid("invalid headers", "Headers must be a list of {\"name\", \"value\", \"type\"} or an object.");
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = json_text(&value);
		else if (token == WJB_VALUE)
		{
			if (value.type != jbvString)
				report_invalid("invalid header", "The value of header \"%s\" is not text.", name);
			headers = add_header(headers, name, json_text(&value), false);
		}
		else if (token == WJB_ELEM)
		{
			if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
				report_invalid("invalid header", "An element of the list is not an object.");
			headers = add_element(headers, value.val.binary.data);
		}
	}
	return headers;
}

Jsonb *
masked_headers(List *headers)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, headers)
	{
		ConfiguredHeader *header = (ConfiguredHeader *) lfirst(cell);

		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_push_member(&state, "name", header->name);
		json_push_member(&state, "type", header->is_secret ? "SECRET" : "DEFAULT");
		json_push_member(&state, "value", header->is_secret ? SECRET_MASK : header->value);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}
