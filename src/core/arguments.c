/*
 * arguments.c
 *		Reading and checking the arguments of functions.
 *
 * The tables' constraints would refuse the same values, but with 23514 and the
 * whole row in DETAIL; a function raises 22023 with the value.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/detoast.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/json.h"

/* Maximum bytes of a name, user name, password or key. */
#define MAX_TEXT_BYTES 8192

/*
 * Maximum bytes of arguments. The worker keeps several copies of them in the
 * messages that it composes, for as many messages as it sends at once; an id
 * is part of an index.
 */
#define MAX_OBJECT_BYTES (256 * 1024)
#define MAX_WORDS_BYTES (64 * 1024)
#define MAX_ID_BYTES CALLER_MAX_USER_ID

/* `names` are quoted. */
static void
report_missing(const char *names)
{
	report_invalid("a required argument is missing", "These are null or were left out: %s.", names);
}

void
require_argument(FunctionCallInfo fcinfo, int index, const char *name)
{
	if (PG_ARGISNULL(index))
		report_missing(psprintf("\"%s\"", name));
}

/* The SQL names of a function's arguments. */
static char **
argument_names(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid		   *types;
	char	  **names;
	char	   *modes;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	(void) get_func_arg_info(tuple, &types, &names, &modes);
	ReleaseSysCache(tuple);
	return names;
}

void
require_arguments(FunctionCallInfo fcinfo, int count)
{
	char	  **names = NULL;
	StringInfoData missing;

	for (int i = 0; i < count; i++)
	{
		if (!PG_ARGISNULL(i))
			continue;
		if (names == NULL)
		{
			names = argument_names(fcinfo->flinfo->fn_oid);
			initStringInfo(&missing);
		}
		appendStringInfo(&missing, "%s\"%s\"", missing.len > 0 ? ", " : "", names[i]);
	}
	if (names != NULL)
		report_missing(missing.data);
}

char *
text_argument(FunctionCallInfo fcinfo, int index)
{
	return PG_ARGISNULL(index) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(index));
}

char *
limited_text(FunctionCallInfo fcinfo, int index, const char *name)
{
	if (!PG_ARGISNULL(index) &&
		toast_raw_datum_size(PG_GETARG_DATUM(index)) - VARHDRSZ > MAX_TEXT_BYTES)
		report_invalid("an argument is too long", "\"%s\" has more than %d bytes.", name, MAX_TEXT_BYTES);
	return text_argument(fcinfo, index);
}

/* Text of one line, because names, user names and codes are put into headers and log lines. */
char *
optional_text(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *text = limited_text(fcinfo, index, name);

	for (char *c = text; c != NULL && *c != '\0'; c++)
		if (iscntrl((unsigned char) *c))
			report_invalid("control characters are not allowed", "\"%s\" contains a control character.", name);
	return text;
}

char *
required_text(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *text;

	require_argument(fcinfo, index, name);
	text = optional_text(fcinfo, index, name);
	if (text[0] == '\0')
		report_invalid("a required argument is empty", "\"%s\" must not be empty.", name);
	return text;
}

/* Checked before the value is decompressed. */
static void
check_size(FunctionCallInfo fcinfo, int index, const char *name, Size most)
{
	Size		size = toast_raw_datum_size(PG_GETARG_DATUM(index)) - VARHDRSZ;

	if (size > most)
		report_invalid("an argument is too long", "\"%s\" has %zu bytes, more than %zu.", name, size, most);
}

pg_uuid_t *
required_uuid(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return PG_GETARG_UUID_P(index);
}

char *
required_id(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *id;

	require_argument(fcinfo, index, name);
	check_size(fcinfo, index, name, MAX_ID_BYTES);
	id = text_to_cstring(PG_GETARG_TEXT_PP(index));
	if (id[0] == '\0')
		report_invalid("a required argument is empty", "\"%s\" must not be empty.", name);
	return id;
}

char *
optional_words(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *words;

	if (PG_ARGISNULL(index))
		return NULL;
	check_size(fcinfo, index, name, MAX_WORDS_BYTES);
	words = text_to_cstring(PG_GETARG_TEXT_PP(index));
	return words[0] == '\0' ? NULL : words;
}

/* What is composed of the object has its numbers as text. */
static void
check_numbers(const Jsonb *object, const char *name)
{
	if (json_numbers_exceed(object, MAX_OBJECT_BYTES))
		report_invalid("an argument is too long", "The numbers in \"%s\" have more than %d bytes as text.", name, MAX_OBJECT_BYTES);
}

Jsonb *
optional_object(FunctionCallInfo fcinfo, int index, const char *name)
{
	Jsonb	   *object;

	if (PG_ARGISNULL(index))
		return NULL;
	check_size(fcinfo, index, name, MAX_OBJECT_BYTES);
	object = PG_GETARG_JSONB_P(index);
	if (!JB_ROOT_IS_OBJECT(object))
		report_invalid("not a JSON object", "\"%s\" is not a JSON object.", name);
	check_numbers(object, name);
	return object;
}

Jsonb *
required_object(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return optional_object(fcinfo, index, name);
}

void
check_text_length(const char *text, const char *name, int most)
{
	if (text != NULL && strlen(text) > most)
		report_invalid("an argument is too long", "\"%s\" has more than %d bytes.", name, most);
}

void
check_range(FunctionCallInfo fcinfo, int index, const char *name, int lowest, int highest)
{
	int32		value;

	if (PG_ARGISNULL(index))
		return;
	value = PG_GETARG_INT32(index);
	if (value < lowest || value > highest)
		report_invalid("value out of range", "\"%s\" is %d; it must be from %d to %d.", name, value, lowest, highest);
}

/* A number of messages per second. */
void
check_rate(FunctionCallInfo fcinfo, int index, const char *name)
{
	double		rate;

	if (PG_ARGISNULL(index))
		return;
	rate = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, PG_GETARG_DATUM(index)));
	if (!(rate >= MIN_RATE && rate <= MAX_RATE))
		report_invalid("value out of range", "\"%s\" is %g; it must be from %g to %g.", name, rate, MIN_RATE, MAX_RATE);
}

void
check_elapsed(FunctionCallInfo fcinfo, int index, const char *name, bool zero_allowed)
{
	Interval   *interval;
	char	   *text;

	require_argument(fcinfo, index, name);
	interval = PG_GETARG_INTERVAL_P(index);
	text = DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
	if (interval->month != 0)
		report_invalid("an elapsed time must not contain months", "\"%s\" is %s.", name, text);
	if (interval->day < -MAX_DAYS || interval->day > MAX_DAYS ||
		elapsed_microseconds(interval) < (zero_allowed ? 0 : 1) ||
		elapsed_microseconds(interval) > MAX_ELAPSED)
		report_invalid("value out of range", "\"%s\" is %s.", name, text);
}

void
check_code(const char *code, const char *const *codes, const char *name)
{
	for (const char *const *known = codes; *known != NULL; known++)
		if (strcmp(*known, code) == 0)
			return;
	report_unlisted(codes, "unknown code", "\"%s\" is not a value of \"%s\".", code, name);
}

static bool
is_listed(const JsonbValue *key, const char *const *list)
{
	for (const char *const *item = list; *item != NULL; item++)
		if (strlen(*item) == key->val.string.len &&
			memcmp(*item, key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

void
check_members(JsonbContainer *object, const char *const *known, const char *path)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	item;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
		if (token == WJB_KEY && !is_listed(&item, known))
			report_unlisted(known, "unknown member of a JSON object", "\"%s\" has a member \"%s\".", path,
							pnstrdup(item.val.string.val, item.val.string.len));
}

/* The member, or NULL if absent or null. */
static JsonbValue *
member(Jsonb *object, const char *key, JsonbValue *value)
{
	if (object == NULL ||
		getKeyJsonValueFromContainer(&object->root, key, strlen(key), value) == NULL ||
		value->type == jbvNull)
		return NULL;
	return value;
}

char *
member_text(Jsonb *object, const char *key, const char *path)
{
	JsonbValue	value;

	if (member(object, key, &value) == NULL)
		return NULL;
	if (value.type != jbvString)
		report_invalid("not a JSON string", "\"%s\" is not a JSON string.", path);
	if (value.val.string.len == 0)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

Jsonb *
member_object(Jsonb *object, const char *key, const char *path)
{
	JsonbValue	value;

	if (member(object, key, &value) == NULL)
		return NULL;
	if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
		report_invalid("not a JSON object", "\"%s\" is not a JSON object.", path);
	return JsonbValueToJsonb(&value);
}
