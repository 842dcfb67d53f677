/*
 * payload_json.c
 *		Writing the JSON of webhooks.
 *
 * It is on the path of every webhook, so it is written straight into a buffer.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/json.h"
#include "core/text.h"
#include "notify/payload_json.h"

void
payload_add_name(StringInfo json, const char *name)
{
	appendStringInfoChar(json, json->data[json->len - 1] == '{' ? '"' : ',');
	if (json->data[json->len - 1] == ',')
		appendStringInfoChar(json, '"');
	appendStringInfoString(json, name);
	appendStringInfoString(json, "\":");
}

void
payload_add_text(StringInfo json, const char *name, const char *text)
{
	if (text == NULL)
		return;
	payload_add_name(json, name);
	json_append_text(json, text);
}

void
payload_add_jsonb(StringInfo json, const char *name, Jsonb *jsonb)
{
	if (jsonb == NULL)
		return;
	payload_add_name(json, name);
	(void) JsonbToCString(json, &jsonb->root, VARSIZE(jsonb));
}

void
payload_add_texts(StringInfo json, const char *name, const Stored *array)
{
	Datum	   *texts;
	int			count;

	if (array == NULL)
		return;
	payload_add_name(json, name);
	appendStringInfoChar(json, '[');
	deconstruct_array(DatumGetArrayTypeP(PointerGetDatum(array)), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(json, ", ");
		json_append_text(json, TextDatumGetCString(texts[i]));
	}
	appendStringInfoChar(json, ']');
}

void
payload_add_timestamp(StringInfo json, const char *name, TimestampTz at)
{
	payload_add_name(json, name);
	appendStringInfoChar(json, '"');
	append_timestamp(json, at, ALL_DIGITS);
	appendStringInfoChar(json, '"');
}

void
payload_add_duration(StringInfo json, const char *name, TimeOffset length)
{
	payload_add_name(json, name);
	appendStringInfoChar(json, '"');
	append_duration(json, length);
	appendStringInfoChar(json, '"');
}

void
payload_add_uuid(StringInfo json, const char *name, const pg_uuid_t *id)
{
	payload_add_text(json, name, uuid_text(id));
}

void
payload_add_members(StringInfo json, Jsonb *object)
{
	JsonbIterator *iterator;
	JsonbValue	item;

	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		return;
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &item, true);
	while (JsonbIteratorNext(&iterator, &item, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(item.val.string.val, item.val.string.len);

		(void) JsonbIteratorNext(&iterator, &item, true);
		payload_add_jsonb(json, name, JsonbValueToJsonb(&item));
	}
}
