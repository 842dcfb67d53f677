/*
 * participant_list.c
 *		Who takes part in each of many appointments.
 *
 * Rows of the primary key are read on from one appointment to the next. Only where
 * the next one is not near, its rows are looked for. A subquery for each appointment
 * would start a plan, sort and aggregate for two rows.
 */
#include "postgres.h"

#include "core/json.h"
#include "core/lookup.h"
#include "notify/facts_appointments.h"
#include "schedule/appointment.h"
#include "schedule/participant_list.h"

/* Rows that are passed over before an appointment is looked for. */
#define NEAR_ROWS 4

struct ParticipantLists
{
	Lookup	   *lookup;
	pg_uuid_t	application_id; /* whose participants are read */
	pg_uuid_t	from;			/* the appointment that was looked for last */
	Row		   *row;			/* the next to be listed; NULL: none is left */
	pg_uuid_t	appointment_id; /* of that row */
};

/* ---- finding the rows of an appointment ---- */

static void
read_next(ParticipantLists *lists)
{
	lists->row = lookup_next(lists->lookup);
	if (lists->row != NULL)
		lists->appointment_id = next_uuid(lists->row);
}

static void
look_for(ParticipantLists *lists, const AppointmentKey *key)
{
	lists->application_id = key->application_id;
	lists->from = key->id;
	lookup_find_from(lists->lookup, (Datum[]) {UUIDPGetDatum(&lists->application_id), UUIDPGetDatum(&lists->from)}, 2);
	read_next(lists);
}

static int
compare_uuids(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN);
}

/* Read on to the rows of the appointment; false if they are not near. */
static bool
is_near(ParticipantLists *lists, const AppointmentKey *key)
{
	if (compare_uuids(&lists->application_id, &key->application_id) != 0)
		return false;
	for (int passed = 0; passed < NEAR_ROWS && lists->row != NULL; passed++)
	{
		int			order = compare_uuids(&lists->appointment_id, &key->id);

		if (order >= 0)
			return order == 0;
		read_next(lists);
	}
	return false;
}

ParticipantLists *
participant_lists_begin(void)
{
	static const LookupSource participants = {
		"participant", "participant_pkey", {"application_id", "appointment_id"}, 4,
		{"appointment_id", "id", "type", "created_at"}
	};
	ParticipantLists *lists = (ParticipantLists *) palloc0(sizeof(ParticipantLists));

	lists->lookup = lookup_open(&participants, true);
	return lists;
}

void
participant_lists_end(ParticipantLists *lists)
{
	lookup_end(lists->lookup);
	pfree(lists);
}

/* ---- the list ---- */

static ParticipantName *
read_name(Row *row)
{
	ParticipantName *name = (ParticipantName *) palloc(sizeof(ParticipantName));

	name->id = next_text(row);
	name->is_customer = strcmp(next_text(row), PARTICIPANT_CUSTOMER) == 0;
	name->created_at = next_timestamp(row);
	return name;
}

static List *
read_all(ParticipantLists *lists, const AppointmentKey *key)
{
	List	   *all = NIL;

	if (!is_near(lists, key))
		look_for(lists, key);
	while (lists->row != NULL && compare_uuids(&lists->appointment_id, &key->id) == 0)
	{
		all = lappend(all, read_name(lists->row));
		read_next(lists);
	}
	return all;
}

Jsonb *
participant_list(ParticipantLists *lists, const AppointmentKey *key)
{
	List	   *all = read_all(lists, key);
	JsonbParseState *state = NULL;
	ListCell   *cell;

	sort_participants(all);
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, all)
	{
		const ParticipantName *name = (const ParticipantName *) lfirst(cell);

		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_push_member(&state, "id", name->id);
		json_push_member(&state, "type", name->is_customer ? PARTICIPANT_CUSTOMER : PARTICIPANT_AGENT);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}
