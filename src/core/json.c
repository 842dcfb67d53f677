/*
 * json.c
 *		Reading texts from jsonb, building objects, and writing texts.
 *
 * A value of another type is not an error here: most of what is read was
 * stored by users long ago, and the readers can do without it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/json.h"

char *
json_text(const JsonbValue *value)
{
	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

char *
json_member_text(const JsonbContainer *object, const char *key)
{
	JsonbValue	found;

	return json_text(getKeyJsonValueFromContainer(unconstify(JsonbContainer *, object),
												  key, strlen(key), &found));
}

char *
json_root_text(const Jsonb *jsonb, const char *key)
{
	if (jsonb == NULL || !JB_ROOT_IS_OBJECT(jsonb))
		return NULL;
	return json_member_text(&jsonb->root, key);
}

static JsonbValue *
root_value(const Jsonb *jsonb, const char *key, JsonbValue *found)
{
	if (jsonb == NULL || !JB_ROOT_IS_OBJECT(jsonb))
		return NULL;
	return getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &jsonb->root),
										key, strlen(key), found);
}

Jsonb *
json_root_jsonb(const Jsonb *jsonb, const char *key)
{
	JsonbValue	found;
	JsonbValue *value = root_value(jsonb, key, &found);

	return value != NULL && value->type == jbvBinary ? JsonbValueToJsonb(value) : NULL;
}

bool
json_root_bool(const Jsonb *jsonb, const char *key, bool otherwise)
{
	JsonbValue	found;
	JsonbValue *value = root_value(jsonb, key, &found);

	return value != NULL && value->type == jbvBool ? value->val.boolean : otherwise;
}

bool
json_has_member(const Jsonb *jsonb, const char *key)
{
	JsonbValue	found;

	return root_value(jsonb, key, &found) != NULL;
}

Numeric
json_root_numeric(const Jsonb *jsonb, const char *key)
{
	JsonbValue	found;
	JsonbValue *value = root_value(jsonb, key, &found);

	return value != NULL && value->type == jbvNumeric ? value->val.numeric : NULL;
}

static char *
numeric_text(Numeric number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

static Size
bytes_of_number(Numeric number)
{
	char	   *text = numeric_text(number);
	Size		bytes = strlen(text);

	pfree(text);
	return bytes;
}

bool
json_numbers_exceed(const Jsonb *jsonb, Size most)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &jsonb->root));
	JsonbIteratorToken token;
	JsonbValue	item;
	Size		bytes = 0;

	while (bytes <= most && (token = JsonbIteratorNext(&iterator, &item, false)) != WJB_DONE)
		if ((token == WJB_VALUE || token == WJB_ELEM) && item.type == jbvNumeric)
			bytes += bytes_of_number(item.val.numeric);
	return bytes > most;
}

/* The text of a scalar; NULL for other values. */
static char *
scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return json_text(value);
		case jbvNumeric:
			return numeric_text(value->val.numeric);
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

static List *
add_scalar(List *texts, const JsonbValue *value)
{
	char	   *text = scalar_text(value);

	return text ? lappend(texts, text) : texts;
}

List *
json_root_texts(const Jsonb *jsonb, const char *key)
{
	JsonbValue	found;
	JsonbValue *value = root_value(jsonb, key, &found);
	JsonbContainer *array;
	List	   *texts = NIL;

	if (value == NULL)
		return NIL;
	if (value->type != jbvBinary)
		return add_scalar(NIL, value);
	array = value->val.binary.data;
	if (!JsonContainerIsArray(array))
		return NIL;
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
		texts = add_scalar(texts, getIthJsonbValueFromContainer(array, i));
	return texts;
}

void
json_push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	(void) pushJsonbValue(state, token, &value);
}

void
json_push_member(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue	null = {.type = jbvNull};

	json_push_text(state, WJB_KEY, key);
	if (text != NULL)
		json_push_text(state, WJB_VALUE, text);
	else
		(void) pushJsonbValue(state, WJB_VALUE, &null);
}

void
json_push_number(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value = {.type = jbvNumeric, .val.numeric = int64_to_numeric(number)};

	json_push_text(state, WJB_KEY, key);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

void
json_push_if_given(JsonbParseState **state, const char *key, const char *text)
{
	if (text != NULL)
		json_push_member(state, key, text);
}

void
json_push_jsonb(JsonbParseState **state, const char *key, const Jsonb *jsonb)
{
	JsonbValue	value;

	json_push_text(state, WJB_KEY, key);
	value.type = jbvBinary;
	value.val.binary.data = unconstify(JsonbContainer *, &jsonb->root);
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

Jsonb *
json_empty_object(void)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static bool
is_among(const JsonbValue *key, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (strlen(*keys) == key->val.string.len &&
			memcmp(*keys, key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

Jsonb *
json_without(const Jsonb *object, const char *const *keys)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &object->root));
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&iterator, &key, true);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (is_among(&key, keys))
			continue;
		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- writing ---- */

/* Characters for which room is made at once, and the most that one takes when it is escaped. */
#define PIECE 256
#define LONGEST_ESCAPE 6

/* Write a character as JSON has it in a string; returns the place after it. */
static char *
write_character(char *to, char c)
{
	static const char letters[] = {['\b'] = 'b',['\t'] = 't',['\n'] = 'n',['\f'] = 'f',['\r'] = 'r',['"'] = '"',['\\'] = '\\'};
	static const char digits[] = "0123456789abcdef";

	if ((unsigned char) c >= ' ' && c != '"' && c != '\\')
		*to++ = c;
	else if (letters[(unsigned char) c] != 0)
	{
		*to++ = '\\';
		*to++ = letters[(unsigned char) c];
	}
	else
	{
		*to++ = '\\';
		*to++ = 'u';
		*to++ = '0';
		*to++ = '0';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

void
json_append_text(StringInfo json, const char *text)
{
	appendStringInfoChar(json, '"');
	while (*text != '\0')
	{
		char	   *to;

		enlargeStringInfo(json, PIECE * LONGEST_ESCAPE);
		to = json->data + json->len;
		for (int i = 0; i < PIECE && *text != '\0'; i++)
			to = write_character(to, *text++);
		json->len = to - json->data;
	}
	appendStringInfoChar(json, '"');
}
