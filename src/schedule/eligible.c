/*
 * eligible.c
 *		Appointments that can be activated.
 *
 * Once only appointments that were about to start could be activated, and the
 * time frame limited how soon. Now a SCHEDULED one can be activated at any
 * time; the time frame is checked and otherwise ignored.
 *
 * There may be hundreds of thousands. They are read in the order of their ids, in which
 * their participants are read, too (participant_list.h), and then sorted.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/participant_list.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(appointments_eligible_for_activation);

/* Columns of appt.appointment_details. */
#define COLUMN_ID 1
#define COLUMN_START_AT 7

typedef struct Eligible
{
	ParticipantLists *participants;
	TupleTableSlot *slot;		/* for rows of the result */
	MemoryContext row_context;
	Tuplesortstate *rows;
} Eligible;

static Oid
less_than(Oid type)
{
	return lookup_type_cache(type, TYPECACHE_LT_OPR)->lt_opr;
}

static Tuplesortstate *
sort_begin(TupleDesc descriptor)
{
	AttrNumber	columns[] = {COLUMN_START_AT, COLUMN_ID};
	Oid			operators[] = {less_than(TIMESTAMPTZOID), less_than(UUIDOID)};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};

	return tuplesort_begin_heap(descriptor, lengthof(columns), columns, operators, collations, nulls_first,
								work_mem, NULL, TUPLESORT_NONE);
}

static void
eligible_begin(Eligible *eligible, TupleDesc descriptor)
{
	eligible->participants = participant_lists_begin();
	eligible->slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
	eligible->row_context = AllocSetContextCreate(CurrentMemoryContext, "appt row", ALLOCSET_DEFAULT_SIZES);
	eligible->rows = sort_begin(descriptor);
}

/* None of these appointments has a room, because activation opens it. */
static void
add_appointment(Eligible *eligible, Row *row)
{
	Appointment *appointment = appointment_read_columns(row);

	appointment->participant_ids = participant_list(eligible->participants, &appointment->key);
	appointment_put(eligible->slot, appointment);
	tuplesort_puttupleslot(eligible->rows, eligible->slot);
}

static void
add_appointments(uint64 rows, void *whereto)
{
	Eligible   *eligible = (Eligible *) whereto;
	MemoryContext previous = MemoryContextSwitchTo(eligible->row_context);

	for (uint64 row = 0; row < rows; row++)
	{
		add_appointment(eligible, ROW(row));
		MemoryContextReset(eligible->row_context);
	}
	MemoryContextSwitchTo(previous);
}

static void
eligible_end(Eligible *eligible, Tuplestorestate *result)
{
	TupleTableSlot *row = MakeSingleTupleTableSlot(eligible->slot->tts_tupleDescriptor, &TTSOpsMinimalTuple);

	tuplesort_performsort(eligible->rows);
	while (tuplesort_gettupleslot(eligible->rows, true, false, row, NULL))
		tuplestore_puttupleslot(result, row);
	ExecDropSingleTupleTableSlot(row);
	tuplesort_end(eligible->rows);
	ExecDropSingleTupleTableSlot(eligible->slot);
	participant_lists_end(eligible->participants);
}

/* In the order of the participants' primary key, in each application. */
#define SELECT_SCHEDULED "SELECT " APPOINTMENT_COLUMNS " FROM appt.appointment a WHERE a.state = 'SCHEDULED' "
#define BY_ID "ORDER BY a.id"

/*
 * appt.appointments_eligible_for_activation(time_frame interval = null)
 *		-> setof appt.appointment_details
 *
 * All SCHEDULED appointments of the caller's application, by start_at and id.
 * 22023: an invalid time_frame. Source: auvious-appointments-api.txt,
 * "DEPRECATED: Find Appointments Eligible for Activation".
 */
Datum
appointments_eligible_for_activation(PG_FUNCTION_ARGS)
{
	static Statement find_of_application = {
		SELECT_SCHEDULED "AND a.application_id = $1 " BY_ID, 1, {UUIDOID}, true
	};
	static Statement find_all = {
		SELECT_SCHEDULED BY_ID, 0, {0}, true
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Eligible	eligible;
	NullableDatum application_id;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	if (!PG_ARGISNULL(0))
		(void) check_duration(PG_GETARG_INTERVAL_P(0));
	eligible_begin(&eligible, result->setDesc);
	if (call.caller.role == CALLER_UNRESTRICTED)
		statement_each(&find_all, NULL, add_appointments, &eligible);
	else
	{
		application_id = sql_uuid(&call.caller.application_id);
		statement_each(&find_of_application, &application_id, add_appointments, &eligible);
	}
	eligible_end(&eligible, result->setResult);
	call_end(&call);
	return (Datum) 0;
}
