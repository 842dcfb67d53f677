/*
 * person.c
 *		A person outside the application, known by an address.
 *
 * Customers are found by reading the application's participants, which have no
 * index by address because bookings would pay for it; so are events that users
 * were told of. Everything else is found by an index: messages by their address,
 * and by the appointments and customers. A customer who was removed, or whose
 * appointment was deleted, is found by the messages to it.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/formatting.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "users/person.h"

void
address_forms_add(Column *forms, const char *address, const char *calling_code)
{
	column_add_text(forms, address);
	column_add_text(forms, str_tolower(address, strlen(address), DEFAULT_COLLATION_OID));
	column_add_text(forms, channel_address_key(CHANNEL_EMAIL, address));
	for (int channel = 0; channel < CHANNELS; channel++)
		if (channel_infos[channel].route == ROUTE_PROVIDER)
			column_add_text(forms, channel_address_normalize((ChannelCode) channel, address, calling_code));
}

static Datum
address_forms(const char *address, const char *calling_code)
{
	Column	   *forms = column_create(TEXTOID, CHANNELS + 3);

	address_forms_add(forms, address, calling_code);
	return column_array(forms);
}

Person
person_of_arguments(const Caller *caller, FunctionCallInfo fcinfo)
{
	static Statement find = {
		"SELECT a.calling_code FROM appt.application a WHERE a.id = $1", 1, {UUIDOID}
	};
	pg_uuid_t  *application_id;
	char	   *address;
	Person		person = {0};

	require_arguments(fcinfo, 2);
	application_id = required_uuid(fcinfo, 0, "application_id");
	address = required_text(fcinfo, 1, "address");
	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	person.application_id = SQL_VALUE(UUIDPGetDatum(application_id));
	person.addresses = SQL_VALUE(address_forms(address, next_text(ROW(0))));
	return person;
}

uint64
person_run(Statement *statement, const Person *person)
{
	const NullableDatum arguments[PERSON_PARAMETERS] = {
		person->application_id, person->addresses, person->appointment_ids, person->participant_ids,
		person->notification_ids, person->told_ids, person->event_ids, person->names
	};

	return statement_run_nullable(statement, arguments);
}

/* The customers, in the order of their appointments, and their other addresses. */
static void
find_customers(Person *person)
{
	static Statement find = {
		"WITH customer AS MATERIALIZED ("
		" SELECT p.appointment_id, p.id FROM appt.participant p WHERE p.application_id = $1 AND p.type = 'CUSTOMER'"
		"  AND (lower(p.email) = ANY ($2) OR p.email = ANY ($2) OR p.phone = ANY ($2))"
		" UNION SELECT n.appointment_id, n.recipient_id FROM appt.notification n"
		"  WHERE n.address = ANY ($2) AND n.application_id = $1 AND n.recipient_kind = 'CUSTOMER' AND n.appointment_id IS NOT NULL"
		") SELECT (SELECT array_agg(DISTINCT a) FROM ("
		"  SELECT unnest($2) UNION SELECT unnest(ARRAY[p.email, lower(p.email), p.phone]) FROM customer c"
		"   JOIN appt.participant p ON p.application_id = $1 AND p.appointment_id = c.appointment_id AND p.id = c.id"
		"  UNION SELECT n.address FROM customer c JOIN appt.notification n"
		"   ON n.appointment_id = c.appointment_id AND n.recipient_id = c.id AND n.recipient_kind = 'CUSTOMER') x (a) WHERE a <> ''),"
		" coalesce(array_agg(c.appointment_id ORDER BY c.appointment_id, c.id), '{}'),"
		" coalesce(array_agg(c.id ORDER BY c.appointment_id, c.id), '{}') FROM customer c",
		2, {UUIDOID, TEXTARRAYOID}
	};
	Row		   *row;

	(void) statement_run(&find, person->application_id.value, person->addresses.value);
	row = ROW(0);
	person->addresses = next_value(row);
	person->appointment_ids = next_value(row);
	person->participant_ids = next_value(row);
}

static void
find_names(Person *person)
{
	static Statement find = {
		"SELECT coalesce(array_agg(DISTINCT w.name), '{}') FROM unnest($2, $3) c (appointment_id, id)"
		" JOIN appt.participant p ON p.application_id = $1 AND p.appointment_id = c.appointment_id AND p.id = c.id"
		" CROSS JOIN LATERAL (SELECT " WORDS_OF("n") " FROM unnest(ARRAY[p.first_name, p.last_name, p.username]) n) w (name)"
		" WHERE length(w.name) > 3",
		3, {UUIDOID, UUIDARRAYOID, TEXTARRAYOID}
	};

	(void) statement_run(&find, person->application_id.value, person->appointment_ids.value, person->participant_ids.value);
	person->names = next_value(ROW(0));
}

/* Messages to the person: as a customer of these appointments, or to the bare address. */
static void
find_messages(Person *person)
{
	static Statement find = {
		"SELECT coalesce(array_agg(DISTINCT m.id), '{}') FROM ("
		" SELECT n.id FROM unnest($3, $4) c (appointment_id, id) JOIN appt.notification n"
		"  ON n.appointment_id = c.appointment_id AND n.recipient_id = c.id AND n.recipient_kind = 'CUSTOMER'"
		"  WHERE n.application_id = $1"
		" UNION ALL SELECT n.id FROM appt.notification n"
		"  WHERE n.address = ANY ($2) AND n.application_id = $1 AND n.recipient_kind = 'ADDRESS') m",
		4, {UUIDOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID}
	};
	static Statement find_events = {
		"SELECT coalesce(array_agg(DISTINCT e.id), '{}') FROM ("
		" SELECT u.id FROM appt.user_event u WHERE u.application_id = $1"
		"  AND (u.contact ->> 'phone' = ANY ($2) OR u.contact ->> 'email' = ANY ($2) OR lower(u.contact ->> 'email') = ANY ($2))"
		" UNION ALL SELECT unnest(i.user_event_ids) FROM appt.inbound_message i"
		"  WHERE i.application_id = $1 AND i.from_number = ANY ($2)) e",
		2, {UUIDOID, TEXTARRAYOID}
	};

	(void) statement_run(&find, person->application_id.value, person->addresses.value, person->appointment_ids.value,
						 person->participant_ids.value);
	person->notification_ids = next_value(ROW(0));
	(void) statement_run(&find_events, person->application_id.value, person->addresses.value);
	person->event_ids = next_value(ROW(0));
}

/* Messages to others about these appointments and events. */
static void
find_told(Person *person)
{
	static Statement find = {
		"SELECT coalesce(array_agg(DISTINCT m.id), '{}') FROM ("
		" SELECT n.id FROM unnest($3) c (appointment_id) JOIN appt.notification n ON n.appointment_id = c.appointment_id"
		"  WHERE n.application_id = $1 AND (n.recipient_kind IN ('USER', 'SUBSCRIBER')"
		"   OR n.recipient_kind = 'CUSTOMER' AND n.id <> ALL ($5) AND " HOLDS_NAME("n.title") ")"
		" UNION ALL SELECT n.id FROM unnest($7) e (id) JOIN appt.notification n ON n.user_event_id = e.id"
		"  WHERE n.application_id = $1) m",
		PERSON_PARAMETERS, PERSON_TYPES
	};

	person->told_ids = SQL_NULL;
	(void) person_run(&find, person);
	person->told_ids = next_value(ROW(0));
}

void
person_find(Person *person, bool is_locking)
{
	static Statement lock_appointments = {
		"SELECT FROM appt.appointment a WHERE a.application_id = $1 AND a.id = ANY ($2) ORDER BY a.id FOR UPDATE",
		2, {UUIDOID, UUIDARRAYOID}
	};
	static Statement lock_notifications = {
		"SELECT FROM appt.notification n WHERE n.id = ANY ($1 || $2) ORDER BY n.id FOR UPDATE",
		2, {INT8ARRAYOID, INT8ARRAYOID}
	};

	find_customers(person);
	if (is_locking)
	{
		(void) statement_run(&lock_appointments, person->application_id.value, person->appointment_ids.value);
		keep_application(DatumGetUUIDP(person->application_id.value));
	}
	find_names(person);
	find_messages(person);
	find_told(person);
	if (is_locking)
		(void) statement_run(&lock_notifications, person->notification_ids.value, person->told_ids.value);
}

void
person_record(const Person *person, const char *function, const Jsonb *counts)
{
	static Statement insert = {
		"INSERT INTO appt.change (organization_id, application_id, table_name, row_key, operation, changed_by, new_values)"
		" SELECT a.organization_id, a.id, 'application', jsonb_build_object('id', a.id), 'UPDATE', appt.caller_name(),"
		"  jsonb_build_object($2, $3) FROM appt.application a WHERE a.id = $1",
		3, {UUIDOID, TEXTOID, JSONBOID}
	};

	(void) statement_run(&insert, person->application_id.value, text_datum(function), JsonbPGetDatum(counts));
}
