/*
 * vocabulary_functions.c
 *		The vocabulary as rows, for the views reason and notification_type.
 *
 * The lists are those of core/vocabulary.c, which the code itself uses.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/elapsed.h"
#include "core/statement.h"
#include "core/vocabulary.h"
#include "notify/type_sets.h"

PG_FUNCTION_INFO_V1(reasons);
PG_FUNCTION_INFO_V1(notification_types_shown);

/*
 * appt.reasons() -> setof (reason text, explanation text)
 */
Datum
reasons(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (Reason reason = REASON_NONE + 1; reason < REASONS; reason++)
	{
		Datum		values[] = {
			text_datum(reason_code(reason)),
			text_datum(reason_explanation(reason))
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static const char *
audience_code(Audience audience)
{
	switch (audience)
	{
		case AUDIENCE_CUSTOMERS:
			return "CUSTOMERS";
		case AUDIENCE_JOINED_CUSTOMERS:
			return "JOINED_CUSTOMERS";
		case AUDIENCE_SUBSCRIBERS:
			return "SUBSCRIBERS";
		case AUDIENCE_ADDRESS:
			return "ADDRESS";
		case AUDIENCE_USERS:
			return "USERS";
		case AUDIENCE_NAMED:
			return "NAMED";
	}
	return NULL;				/* not reached */
}

static const char *
window_sentence(WindowRule rule)
{
	switch (rule)
	{
		case WINDOW_UNTIL_APPOINTMENT_END:
			return "until the appointment's end";
		case WINDOW_AFTER_DUE:
			return "within the window";
		case WINDOW_AFTER_DUE_BEFORE_START:
			return "within the window, and before the appointment's start";
		case WINDOW_UNTIL_EXPIRY:
			return "until it expires; without expires_at, within the window";
	}
	return NULL;				/* not reached */
}

/* Reasons that the superseding events set. */
static Datum
superseding_codes_of(int events)
{
	Datum		codes[SUPERSEDING_EVENTS];
	int			count = 0;

	for (SupersedingEvent event = 0; event < SUPERSEDING_EVENTS; event++)
		if (events & EVENT_BIT(event))
			codes[count++] = text_datum(reason_code(superseding_reason(event)));
	return PointerGetDatum(construct_array(codes, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * appt.notification_types() -> setof (type text, description text, audience text,
 *		channels text[], due text, first_attempt text, window_length interval,
 *		superseded_by text[], obeys_switches boolean, has_rules boolean, has_offset boolean)
 */
Datum
notification_types_shown(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < NOTIFICATION_TYPES; i++)
	{
		const NotificationTypeInfo *type = &notification_types[i];
		Datum		values[] = {
			text_datum(type->code),
			text_datum(type->description),
			text_datum(audience_code(type->audience)),
			channel_codes(type->channels),
			text_datum(type->due),
			text_datum(window_sentence(type->window_rule)),
			IntervalPGetDatum(elapsed_interval(type->window_length)),
			superseding_codes_of(type->superseded_by),
			BoolGetDatum(!type->ignores_switches),
			BoolGetDatum(type->has_rules),
			BoolGetDatum(type->has_offset)
		};
		bool		nulls[lengthof(values)] = {false};

		nulls[6] = (type->window_rule == WINDOW_UNTIL_APPOINTMENT_END);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
