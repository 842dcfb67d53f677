/*
 * change_values.c
 *		Which values of a changed row are recorded.
 *
 * Secrets are not recorded: a secret's value is ********, as in every other
 * table, and so is the query of a URL, as in the log. Of a value that is too
 * large only the size is recorded. Of a deleted appointment, participant or
 * user only the values that the log has, too (addresses, title and times), and
 * what a user might do.
 *
 * Texts do not depend on the caller's settings: times are in UTC, intervals in
 * the style "postgres".
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "config/change_values.h"
#include "config/secret.h"
#include "core/json.h"
#include "core/statement.h"
#include "core/text.h"

/* Maximum bytes of a recorded value, as of any text of the configuration. */
#define MAX_VALUE_BYTES 8192

typedef enum Treatment
{
	SHOWN,
	ELSEWHERE,					/* in row_key or a column of appt.change */
	UNRECORDED,					/* bookkeeping, still visible in the row, or
								 * to be forgotten with it */
	MASKED,
	URL,						/* without its query */
	SETTINGS					/* a provider's settings, some of which are
								 * URLs */
} Treatment;

/* Columns that are not SHOWN; table NULL: in any table. */
static const struct
{
	const char *table;
	const char *column;
	Treatment	treatment;
}			treatments[] = {
	{NULL, "id", ELSEWHERE},
	{NULL, "application_id", ELSEWHERE},
	{"participant", "appointment_id", ELSEWHERE},
	{"line_number", "number", ELSEWHERE},
	{"ring_group_member", "ring_group_id", ELSEWHERE},
	{"ring_group_member", "user_id", ELSEWHERE},
	{"line_ring_group", "line_id", ELSEWHERE},
	{"line_ring_group", "ring_group_id", ELSEWHERE},
	{"line_subscription", "line_id", ELSEWHERE},
	{"line_subscription", "user_id", ELSEWHERE},
	{"page_text", "locale", ELSEWHERE},
	{"page_text", "key", ELSEWHERE},
	{"appointment", "sequence", UNRECORDED},
	{"appointment", "duration_class", UNRECORDED},
	{"appointment", "updated_at", UNRECORDED},
	{"appointment", "reopened_after", UNRECORDED},
	{"appointment", "updated_by", UNRECORDED},
	{"suppression", "address", UNRECORDED},
	{"participant", "joined_at", UNRECORDED},
	{"participant", "left_at", UNRECORDED},
	{"user_profile", "notify_key", UNRECORDED},
	{"secret", "value", MASKED},
	{"application", "room_url", URL},
	{"application", "public_url", URL},
	{"appointment", "location", URL},
	{"subscription", "url", URL},
	{"subscription", "token_url", URL},
	{"provider", "url", URL},
	{"provider", "settings", SETTINGS}
};

/* Columns of row_key. */
static const char *const key_columns[] = {"appointment_id", "line_id", "ring_group_id", "user_id", "number", "locale", "key", "id"};

/* Columns that are kept of a deleted row about a person. */
static const char *const kept_of_appointment[] = {
	"organizer_id", "organizer_type", "state", "title", "start_at", "end_at", "ended_at", "timezone", "locale",
	"notifications_active", "activated_at", "created_at", "created_by", NULL
};
static const char *const kept_of_participant[] = {"type", "email", "phone", "created_at", "is_lead", NULL};
static const char *const kept_of_user[] = {
	"email", "backup_phone", "custom_phone", "custom_phone_verified_at", "channels", "is_admin", "is_billing_admin",
	"enabled", "created_at", NULL
};

#define MOST_KEPT Max(lengthof(kept_of_appointment), Max(lengthof(kept_of_participant), lengthof(kept_of_user)))

static Treatment
treatment_of(const char *table, const char *column)
{
	for (int i = 0; i < lengthof(treatments); i++)
		if (strcmp(treatments[i].column, column) == 0 &&
			(treatments[i].table == NULL || strcmp(treatments[i].table, table) == 0))
			return treatments[i].treatment;
	return SHOWN;
}

/* NULL: all. */
static const char *const *
kept_columns(const char *table)
{
	if (strcmp(table, "appointment") == 0)
		return kept_of_appointment;
	if (strcmp(table, "participant") == 0)
		return kept_of_participant;
	if (strcmp(table, "user_profile") == 0)
		return kept_of_user;
	return NULL;
}

static bool
is_kept(const char *table, const char *column)
{
	const char *const *kept = kept_columns(table);

	for (; kept != NULL && *kept != NULL; kept++)
		if (strcmp(*kept, column) == 0)
			return true;
	return kept == NULL;
}

Datum
row_change_kept(const char *table)
{
	const char *const *kept = kept_columns(table);
	Datum		names[MOST_KEPT];
	int			count = 0;

	if (kept == NULL)
		return (Datum) 0;
	for (; kept[count] != NULL; count++)
		names[count] = text_datum(kept[count]);
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static RowVersion *
read_version(TupleDesc descriptor, HeapTuple tuple)
{
	RowVersion *version;

	if (tuple == NULL)
		return NULL;
	version = (RowVersion *) palloc(sizeof(RowVersion));
	version->values = (Datum *) palloc(descriptor->natts * sizeof(Datum));
	version->nulls = (bool *) palloc(descriptor->natts * sizeof(bool));
	heap_deform_tuple(tuple, descriptor, version->values, version->nulls);
	return version;
}

RowChange *
row_change_read(const char *table, TupleDesc descriptor, HeapTuple old, HeapTuple new)
{
	RowChange  *change = (RowChange *) palloc(sizeof(RowChange));

	change->table = table;
	change->descriptor = descriptor;
	change->old = read_version(descriptor, old);
	change->new = read_version(descriptor, new);
	return change;
}

static bool
differs(const RowChange *change, int i)
{
	Form_pg_attribute attribute = TupleDescAttr(change->descriptor, i);

	if (change->old->nulls[i] || change->new->nulls[i])
		return change->old->nulls[i] != change->new->nulls[i];
	return !datum_image_eq(change->old->values[i], change->new->values[i],
						   attribute->attbyval, attribute->attlen);
}

/* Is this column part of old_values or new_values? */
static bool
is_recorded(const RowChange *change, int i)
{
	Form_pg_attribute attribute = TupleDescAttr(change->descriptor, i);
	const char *name = NameStr(attribute->attname);
	Treatment	treatment = treatment_of(change->table, name);

	if (attribute->attisdropped || treatment == UNRECORDED)
		return false;
	if (change->old != NULL && change->new != NULL)
		return differs(change, i);
	if (treatment == ELSEWHERE)
		return false;
	if (change->new != NULL)
		return !change->new->nulls[i];
	return !change->old->nulls[i] && is_kept(change->table, name);
}

bool
row_change_is_recorded(const RowChange *change)
{
	if (change->old == NULL || change->new == NULL)
		return true;
	for (int i = 0; i < change->descriptor->natts; i++)
		if (is_recorded(change, i))
			return true;
	return false;
}

/* ---- values as JSON ---- */

static void
push_omitted(JsonbParseState **state, const char *name, Size bytes)
{
	JsonbValue	size = {.type = jbvNumeric, .val.numeric = int64_to_numeric(bytes)};

	json_push_text(state, WJB_KEY, name);
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(state, WJB_KEY, "omitted");
	(void) pushJsonbValue(state, WJB_VALUE, &size);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static Jsonb *
settings_without_queries(Jsonb *settings)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&settings->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue *result = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_VALUE && value.type == jbvString)
			json_push_text(&state, token, url_without_query(json_text(&value)));
		else
			result = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	}
	return JsonbValueToJsonb(result);
}

static char *
interval_text(const Interval *interval)
{
	struct pg_itm itm;
	char		text[MAXDATELEN + 1];

	interval2itm(*interval, &itm);
	EncodeInterval(&itm, INTSTYLE_POSTGRES, text);
	return pstrdup(text);
}

static void
push_text(JsonbParseState **state, const char *name, Datum value, Oid type)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(type, &output, &is_varlena);
	json_push_member(state, name, OidOutputFunctionCall(output, value));
}

static void
push_texts(JsonbParseState **state, const char *name, ArrayType *texts)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	json_push_text(state, WJB_KEY, name);
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			json_push_text(state, WJB_ELEM, TextDatumGetCString(elements[i]));
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_scalar(JsonbParseState **state, const char *name, JsonbValue scalar)
{
	json_push_text(state, WJB_KEY, name);
	(void) pushJsonbValue(state, WJB_VALUE, &scalar);
}

static void
push_number(JsonbParseState **state, const char *name, Numeric number)
{
	push_scalar(state, name, (JsonbValue) {.type = jbvNumeric, .val.numeric = number});
}

/* A value as the JSON type that fits, else as text. */
static void
push_typed(JsonbParseState **state, const char *name, Datum value, Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
			push_scalar(state, name, (JsonbValue) {.type = jbvBool, .val.boolean = DatumGetBool(value)});
			break;
		case INT4OID:
			push_number(state, name, int64_to_numeric(DatumGetInt32(value)));
			break;
		case INT8OID:
			push_number(state, name, int64_to_numeric(DatumGetInt64(value)));
			break;
		case NUMERICOID:
			push_number(state, name, DatumGetNumeric(value));
			break;
		case TEXTARRAYOID:
			push_texts(state, name, DatumGetArrayTypeP(value));
			break;
		case JSONBOID:
			json_push_jsonb(state, name, DatumGetJsonbP(value));
			break;
		case TIMESTAMPTZOID:
			json_push_member(state, name, timestamp_text(DatumGetTimestampTz(value)));
			break;
		case INTERVALOID:
			json_push_member(state, name, interval_text(DatumGetIntervalP(value)));
			break;
		default:
			push_text(state, name, value, type);
	}
}

static void
push_treated(JsonbParseState **state, const char *name, Datum value, Oid type, Treatment treatment)
{
	switch (treatment)
	{
		case MASKED:
			json_push_member(state, name, SECRET_MASK);
			break;
		case URL:
			json_push_member(state, name, url_without_query(TextDatumGetCString(value)));
			break;
		case SETTINGS:
			json_push_jsonb(state, name, settings_without_queries(DatumGetJsonbP(value)));
			break;
		default:
			push_typed(state, name, value, type);
	}
}

static void
push_column(JsonbParseState **state, const RowChange *change, const RowVersion *version, int i)
{
	Form_pg_attribute attribute = TupleDescAttr(change->descriptor, i);
	const char *name = NameStr(attribute->attname);
	Treatment	treatment = treatment_of(change->table, name);
	Datum		value = version->values[i];

	if (version->nulls[i])
		json_push_member(state, name, NULL);
	else if (treatment != MASKED && attribute->attlen == -1 && toast_raw_datum_size(value) - VARHDRSZ > MAX_VALUE_BYTES)
		push_omitted(state, name, toast_raw_datum_size(value) - VARHDRSZ);
	else
		push_treated(state, name, value, attribute->atttypid, treatment);
}

static Jsonb *
recorded_values(const RowChange *change, const RowVersion *version)
{
	JsonbParseState *state = NULL;

	if (version == NULL)
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < change->descriptor->natts; i++)
		if (is_recorded(change, i))
			push_column(&state, change, version, i);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
row_change_old(const RowChange *change)
{
	return recorded_values(change, change->old);
}

Jsonb *
row_change_new(const RowChange *change)
{
	return recorded_values(change, change->new);
}

/* The new version of the row, or the last. */
static const RowVersion *
latest(const RowChange *change)
{
	return change->new != NULL ? change->new : change->old;
}

Jsonb *
row_change_key(const RowChange *change)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int k = 0; k < lengthof(key_columns); k++)
	{
		int			column = SPI_fnumber(change->descriptor, key_columns[k]);

		if (column > 0 && treatment_of(change->table, key_columns[k]) == ELSEWHERE)
			push_column(&state, change, latest(change), column - 1);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Datum
row_change_column(const RowChange *change, const char *column, bool *is_null)
{
	int			number = SPI_fnumber(change->descriptor, column);

	*is_null = number <= 0 || latest(change)->nulls[number - 1];
	return *is_null ? (Datum) 0 : latest(change)->values[number - 1];
}
