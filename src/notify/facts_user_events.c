/*
 * facts_user_events.c
 *		Facts about what users are told of that is no appointment.
 *
 * An event is loaded once, however many notifications of the batch tell of it.
 */
#include "postgres.h"

#include "notify/facts_user_events.h"

static void
add_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->user_event_id == 0)
		return;
	column_add_uuid(keys[0], &facts->application_id);
	column_add(keys[1], Int64GetDatum(facts->user_event_id));
}

static void
take_event(Batch *batch, Row *row)
{
	UserEventFacts *event = (UserEventFacts *) palloc(sizeof(UserEventFacts));

	(void) batch_spend(batch, COST_OF_ROW);
	event->id = next_int64(row);
	event->type = next_text(row);
	event->line_id = next_uuid_or_null(row);
	event->line_name = batch_text(batch, row);
	event->title = batch_text(batch, row);
	event->contact = batch_stored(batch, row);
	event->payload = batch_stored(batch, row);
	event->created_at = next_timestamp(row);
	batch->user_events = lappend(batch->user_events, event);
}

static FactLoader user_events = {
	.find = {
		"SELECT e.id, e.type, e.line_id, l.name, e.title, e.contact, e.payload, e.created_at"
		" FROM (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS id) k"
		" JOIN appt.user_event e ON e.application_id = k.application_id AND e.id = k.id"
		" LEFT JOIN appt.line l ON l.application_id = e.application_id AND l.id = e.line_id"
		" ORDER BY e.id",
		2, {UUIDARRAYOID, INT8ARRAYOID}
	},
	.add_keys = add_key,
	.take = take_event
};

void
load_user_events(Batch *batch)
{
	ListCell   *cell;

	batch_load(batch, &user_events);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->user_event_id != 0)
			facts->user_event = (const UserEventFacts *) fact_by_number(batch->user_events, facts->user_event_id);
	}
}
