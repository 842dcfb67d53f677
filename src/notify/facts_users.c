/*
 * facts_users.c
 *		Facts about users: what they want of their notifications, and the
 *		customers of the appointments that these are about.
 *
 * A batch without notifications to users runs no statement here.
 */
#include "postgres.h"

#include "core/elapsed.h"
#include "notify/facts_users.h"
#include "notify/preference.h"

static bool
is_to_user(const NotificationFacts *facts)
{
	return strcmp(facts->recipient_kind, "USER") == 0;
}

/* ---- profiles ---- */

/* Does a user without a preference want this type at this offset? */
static bool
is_on_by_default(NotificationType type, TimeOffset time_offset)
{
	const NotificationTypeInfo *info = &notification_types[type];

	for (int i = 0; i < info->offset_count; i++)
		if (info->offsets[i].time_offset == time_offset)
			return info->offsets[i].is_on;
	return false;
}

static void
add_user_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (!is_to_user(facts))
		return;
	column_add(keys[0], Int64GetDatum(facts->id));
	column_add_uuid(keys[1], &facts->application_id);
	column_add_text(keys[2], facts->recipient_id);
	column_add_uuid(keys[3], facts->appointment_id);
	column_add_text(keys[4], notification_types[facts->type].code);
	column_add_text(keys[5], channel_code(facts->channel));
	column_add(keys[6], IntervalPGetDatum(elapsed_interval(facts->time_offset)));
	column_add(keys[7], BoolGetDatum(is_on_by_default(facts->type, facts->time_offset)));
}

static UserFacts *
read_user(Batch *batch, Row *row)
{
	UserFacts  *user = (UserFacts *) palloc(sizeof(UserFacts));

	user->id = batch_text(batch, row);
	user->name = batch_text(batch, row);
	user->email = batch_text(batch, row);
	user->phone = batch_text(batch, row);
	user->locale = batch_text(batch, row);
	user->timezone = batch_text(batch, row);
	user->enabled = next_bool(row);
	user->is_admin = next_bool(row);
	user->is_billing_admin = next_bool(row);
	user->has_channel = next_bool(row);
	user->has_preference = next_bool(row);
	user->notify_key = next_uuid(row);
	return user;
}

static void
take_user(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) fact_by_number(batch->notifications, next_int64(row));

	facts->user_takes_part = next_bool(row);
	if (next_bool(row))
		facts->user = read_user(batch, row);
}

/* A row for each notification, also where the user is gone. */
static FactLoader users = {
	.find = {
		"SELECT k.id,"
		" EXISTS (SELECT FROM appt.participant p WHERE p.application_id = k.application_id"
		"  AND p.appointment_id = k.appointment_id AND p.id = k.user_id AND p.type = 'AGENT'),"
		" u.id IS NOT NULL, u.id, u.name, u.email, " USER_PHONE("u") ", u.locale, u.timezone,"
		" u.enabled, u.is_admin, u.is_billing_admin, k.channel = ANY (u.channels),"
		" " PREFERENCE("appt.user_preference", "k.application_id", "k.user_id", "k.type", "k.time_offset", "k.channel", "k.is_on") ","
		" u.notify_key"
		" FROM (SELECT unnest($1) AS id, unnest($2) AS application_id, unnest($3) AS user_id,"
		"  unnest($4) AS appointment_id, unnest($5) AS type, unnest($6) AS channel,"
		"  unnest($7) AS time_offset, unnest($8) AS is_on) k"
		" LEFT JOIN appt.user_profile u ON u.application_id = k.application_id AND u.id = k.user_id",
		8, {
			INT8ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
			INTERVALARRAYOID, BOOLARRAYOID
		}
	},
	.add_keys = add_user_key,
	.take = take_user
};

/* ---- the customers of their appointments ---- */

static void
add_appointment_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (!is_to_user(facts) || facts->appointment == NULL)
		return;
	column_add_uuid(keys[0], &facts->application_id);
	column_add_uuid(keys[1], facts->appointment_id);
}

static void
take_names(Batch *batch, Row *row)
{
	pg_uuid_t	appointment_id = next_uuid(row);
	AppointmentFacts *appointment = (AppointmentFacts *) fact_by_uuid(batch->appointments, &appointment_id);

	appointment->customer_names = batch_text(batch, row);
}

/* Enough names for a sentence; an appointment may have many more customers. */
#define MAX_NAMED_CUSTOMERS "5"

static FactLoader customers = {
	.find = {
		"SELECT k.appointment_id, n.names"
		" FROM (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" CROSS JOIN LATERAL (SELECT string_agg(c.name, ', ' ORDER BY c.created_at, c.id) AS names FROM ("
		"  SELECT nullif(concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, '')), '') AS name, p.created_at, p.id"
		"  FROM appt.participant p WHERE p.application_id = k.application_id"
		"   AND p.appointment_id = k.appointment_id AND p.type = 'CUSTOMER'"
		"  ORDER BY p.created_at, p.id LIMIT " MAX_NAMED_CUSTOMERS ") c) n",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	},
	.add_keys = add_appointment_key,
	.take = take_names
};

void
load_users(Batch *batch)
{
	batch_load(batch, &users);
	batch_load(batch, &customers);
}
