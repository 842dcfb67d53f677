/*-------------------------------------------------------------------------
 *
 * meeting.c
 *	  What other parts do to appointments with a meeting template.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/row.h"
#include "core/statement.h"
#include "fmgr.h"
#include "schedule/booking_state.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(test_set_booking_state);

static BookingState
state_of_code(const char *code)
{
	for (int state = BOOKING_NONE + 1; state <= BOOKING_RESCHEDULE_REQUESTED; state++)
		if (strcmp(booking_state_code((BookingState) state), code) == 0)
			return (BookingState) state;
	elog(ERROR, "no such state");
}

/* set_booking_state(id uuid, state text) -> text: the state afterwards. */
Datum
test_set_booking_state(PG_FUNCTION_ARGS)
{
	static Statement find = {
		"SELECT application_id, meeting_template_id IS NOT NULL FROM appt.appointment WHERE id = $1 FOR NO KEY UPDATE",
		1, {UUIDOID}
	};
	static Statement find_state = {
		"SELECT booking_state FROM appt.appointment WHERE id = $1", 1, {UUIDOID}
	};
	AppointmentKey key = {.id = *PG_GETARG_UUID_P(0)};
	MemoryContext caller = CurrentMemoryContext;
	BookingState state = state_of_code(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char	   *result;
	Row		   *row;

	SPI_connect();
	(void) statement_run(&find, UUIDPGetDatum(&key.id));
	row = ROW(0);
	key.application_id = next_uuid(row);
	key.has_meeting_template = next_bool(row);
	booking_state_set(&key, state);
	(void) statement_run(&find_state, UUIDPGetDatum(&key.id));
	result = next_text(ROW(0));
	if (result != NULL)
		result = MemoryContextStrdup(caller, result);
	SPI_finish();
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
