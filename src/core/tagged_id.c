/*
 * tagged_id.c
 *		Ids that tell which application they belong to.
 *
 * A row that is inserted without an id has the nil UUID, the default of the column: a
 * default cannot see the other columns. A trigger replaces it. Whoever gives a row an
 * id of its own keeps it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/random.h"
#include "core/tagged_id.h"

PG_FUNCTION_INFO_V1(tagged_uuid_made);
PG_FUNCTION_INFO_V1(tag_of);
PG_FUNCTION_INFO_V1(tag_of_application);
PG_FUNCTION_INFO_V1(give_ids);

#define USECS_PER_MSEC 1000
#define USECS_FROM_UNIX_EPOCH ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

#define TIME_BYTES 6			/* of the 16 */

pg_uuid_t
tagged_uuid(const pg_uuid_t *application_id)
{
	uint64		milliseconds = (GetCurrentTimestamp() + USECS_FROM_UNIX_EPOCH) / USECS_PER_MSEC;
	pg_uuid_t	uuid;

	for (int i = 0; i < TIME_BYTES; i++)
		uuid.data[i] = (uint8) (milliseconds >> (8 * (TIME_BYTES - 1 - i)));
	random_bytes(uuid.data + TIME_BYTES, UUID_LEN - TIME_BYTES - TAG_BYTES);
	memcpy(uuid.data + UUID_LEN - TAG_BYTES, application_id->data, TAG_BYTES);
	uuid.data[6] = (uuid.data[6] & 0x0f) | 0x70;	/* version 7 */
	uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80;	/* variant of the RFC */
	return uuid;
}

/* appt.tagged_uuid(application_id uuid) -> uuid */
Datum
tagged_uuid_made(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *uuid = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));

	*uuid = tagged_uuid(PG_GETARG_UUID_P(0));
	PG_RETURN_UUID_P(uuid);
}

Datum
tag_datum(const uint8 *bytes)
{
	bytea	   *value = (bytea *) palloc(VARHDRSZ + TAG_BYTES);

	SET_VARSIZE(value, VARHDRSZ + TAG_BYTES);
	memcpy(VARDATA(value), bytes, TAG_BYTES);
	return PointerGetDatum(value);
}

/* appt.tag_of(id uuid) -> bytea: the end of an id */
Datum
tag_of(PG_FUNCTION_ARGS)
{
	return tag_datum(PG_GETARG_UUID_P(0)->data + UUID_LEN - TAG_BYTES);
}

/* appt.tag_of_application(application_id uuid) -> bytea: the beginning of it */
Datum
tag_of_application(PG_FUNCTION_ARGS)
{
	return tag_datum(PG_GETARG_UUID_P(0)->data);
}

static bool
is_nil(const pg_uuid_t *id)
{
	static const pg_uuid_t nil;

	return memcmp(id, &nil, UUID_LEN) == 0;
}

/* The uuid in a column of a row; NULL: it has none. */
static pg_uuid_t *
uuid_of(HeapTuple row, TupleDesc descriptor, int column)
{
	bool		is_null;
	Datum		value = heap_getattr(row, column, descriptor, &is_null);

	return is_null ? NULL : DatumGetUUIDP(value);
}

/* The row with an id in this column, if it has none there. */
static HeapTuple
give_id(HeapTuple row, TupleDesc descriptor, const char *column_name)
{
	int			column = SPI_fnumber(descriptor, column_name);
	pg_uuid_t  *application_id = uuid_of(row, descriptor, SPI_fnumber(descriptor, "application_id"));
	pg_uuid_t  *id = uuid_of(row, descriptor, column);
	pg_uuid_t	made;
	Datum		value = UUIDPGetDatum(&made);
	bool		is_null = false;

	if (application_id == NULL || id == NULL || !is_nil(id))
		return row;
	made = tagged_uuid(application_id);
	return heap_modify_tuple_by_cols(row, descriptor, 1, &column, &value, &is_null);
}

/*
 * appt.give_ids(column name, ...) -> trigger, BEFORE INSERT
 *
 * Gives a row the ids that the statement did not.
 */
Datum
give_ids(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor;
	HeapTuple	row;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("give_ids is a trigger before the insertion of rows")));
	descriptor = RelationGetDescr(trigger->tg_relation);
	row = trigger->tg_trigtuple;
	for (int i = 0; i < trigger->tg_trigger->tgnargs; i++)
		row = give_id(row, descriptor, trigger->tg_trigger->tgargs[i]);
	return PointerGetDatum(row);
}
