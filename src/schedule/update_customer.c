/*
 * update_customer.c
 *		Changing what is known of a customer of an appointment.
 *
 * The appointment's row is locked, as for every change of its participants; then
 * the notifications to the customer that have not been sent, by their ids.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/booking_state.h"
#include "schedule/participant.h"

PG_FUNCTION_INFO_V1(update_customer);

enum
{
	ARGUMENT_ID, ARGUMENT_PARTICIPANT_ID, ARGUMENT_CUSTOMER
};

static Customer *
find_customer(const AppointmentKey *key, char *participant_id)
{
	static Statement find = {
		"SELECT username, first_name, last_name, email, phone, locale, preferred_channel, verified_channel, metadata"
		" FROM appt.participant WHERE application_id = $1 AND appointment_id = $2 AND id = $3 AND type = 'CUSTOMER'",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	Customer   *customer = (Customer *) palloc0(sizeof(Customer));
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
					  text_datum(participant_id)) == 0)
		report_text_not_found("customer", participant_id);
	row = ROW(0);
	customer->id = participant_id;
	customer->username = next_text(row);
	customer->first_name = next_text(row);
	customer->last_name = next_text(row);
	customer->email = next_text(row);
	customer->phone = next_text(row);
	customer->locale = next_text(row);
	customer->preferred_channel = next_text(row);
	customer->verified_channel = next_text(row);
	customer->metadata = next_jsonb(row);
	return customer;
}

/* Is the member of the object given, be it null? `object` NULL: none is, but all are if it is `cleared` as a whole. */
typedef struct Part
{
	Jsonb	   *object;
	bool		is_cleared;
} Part;

static Part
part_of(Jsonb *object, const char *key, const char *path)
{
	Part		part = {.object = member_object(object, key, path)};

	part.is_cleared = part.object == NULL && json_has_member(object, key);
	return part;
}

static bool
is_given(const Part *part, const char *key)
{
	return part->is_cleared || (part->object != NULL && json_has_member(part->object, key));
}

static void
take_text(char **value, const Part *part, const char *key, char *given)
{
	if (is_given(part, key))
		*value = given;
}

/*
 * The members of `object` in place of those that the customer has. `given` is the
 * object as customer_parse checked it.
 */
static Customer *
merge(const Customer *present, const Customer *given, Jsonb *object)
{
	Customer   *customer = (Customer *) palloc(sizeof(Customer));
	const Part	whole = {.object = object};
	const Part	name = part_of(object, "name", "customer.name");
	const Part	contact = part_of(object, "contact", "customer.contact");

	*customer = *present;
	take_text(&customer->first_name, &name, "firstName", given->first_name);
	take_text(&customer->last_name, &name, "lastName", given->last_name);
	take_text(&customer->email, &contact, "primaryEmail", given->email);
	take_text(&customer->phone, &contact, "primaryPhone", given->phone);
	take_text(&customer->username, &whole, "username", given->username);
	take_text(&customer->locale, &whole, "locale", given->locale);
	take_text(&customer->preferred_channel, &whole, "preferredChannel", given->preferred_channel);
	if (is_given(&whole, "metadata"))
		customer->metadata = given->metadata;
	return customer;
}

/*
 * An address that an agent enters needs no code. So once the address over the
 * channel that none verified is an agent's, too, both may be written to.
 */
static void
judge_addresses(Customer *customer, Customer *present)
{
	const char *verified = present->verified_channel;

	for (int channel = 0; verified != NULL && channel < CHANNELS; channel++)
	{
		char	  **address = customer_address(customer, (ChannelCode) channel);

		if (address != NULL && strcmp(verified, channel_code((ChannelCode) channel)) != 0 &&
			!is_same_text(*address, *customer_address(present, (ChannelCode) channel)))
			customer->verified_channel = NULL;
	}
}

static bool
is_way_changed(const Customer *one, const Customer *other)
{
	return !is_same_text(one->email, other->email) || !is_same_text(one->phone, other->phone) ||
		!is_same_text(one->preferred_channel, other->preferred_channel);
}

static bool
is_changed(const Customer *one, const Customer *other)
{
	return is_way_changed(one, other) || !is_same_text(one->username, other->username) ||
		!is_same_text(one->first_name, other->first_name) || !is_same_text(one->last_name, other->last_name) ||
		!is_same_text(one->locale, other->locale) ||
		compareJsonbContainers(&one->metadata->root, &other->metadata->root) != 0;
}

static void
write_customer(const AppointmentKey *key, const Customer *customer)
{
	static Statement update = {
		"WITH changed AS ("
		" UPDATE appt.participant SET username = $4, first_name = $5, last_name = $6, email = $7, phone = $8, locale = $9,"
		"  preferred_channel = $10, metadata = $11, verified_channel = $12"
		" WHERE application_id = $1 AND appointment_id = $2 AND id = $3"
		") UPDATE appt.appointment SET " APPOINTMENT_CHANGED " WHERE application_id = $1 AND id = $2",
		12, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&key->application_id),
		sql_uuid(&key->id),
		sql_text(customer->id),
		sql_text(customer->username),
		sql_text(customer->first_name),
		sql_text(customer->last_name),
		sql_text(customer->email),
		sql_text(customer->phone),
		sql_text(customer->locale),
		sql_text(customer->preferred_channel),
		sql_jsonb(customer->metadata),
		sql_text(customer->verified_channel)
	};

	(void) statement_run_nullable(&update, arguments);
}

/* The channel of messages by rules for the preferred one. */
static const char *
chosen_channel(const Customer *customer)
{
	return customer->preferred_channel != NULL ? customer->preferred_channel : channel_code(USUAL_CHANNEL);
}

static void
store_change(const AppointmentKey *key, const Customer *customer, const Customer *present)
{
	const CustomerChange change = {
		.participant_id = customer->id,
		.is_way_changed = is_way_changed(customer, present),
		.old_channel = chosen_channel(present),
		.new_channel = chosen_channel(customer)
	};

	write_customer(key, customer);
	booking_title_refresh(key);
	plan_customer_changed(key, &change, GetCurrentTransactionStartTimestamp());
}

/*
 * appt.update_customer(id uuid, participant_id text, customer jsonb) -> appt.appointment_details
 *
 * Members that are left out stay, also within name and contact; null clears.
 * metadata is replaced as a whole. If nothing differs, nothing changes and nothing
 * is planned. 22023: an invalid customer. PT404: the appointment or customer does
 * not exist or the caller may not change it. PT409: it is over. Source: people.md
 * section 3.
 */
Datum
update_customer(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Jsonb	   *object;
	pg_uuid_t  *id;
	char	   *participant_id;
	Customer   *present;
	Customer   *customer;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 3);
	id = required_uuid(fcinfo, ARGUMENT_ID, "id");
	participant_id = required_id(fcinfo, ARGUMENT_PARTICIPANT_ID, "participant_id");
	object = required_object(fcinfo, ARGUMENT_CUSTOMER, "customer");
	appointment = appointment_lock(&call.caller, id, false);
	require_open(appointment);
	present = find_customer(&appointment->key, participant_id);
	customer = merge(present, customer_parse(object, find_calling_code(&appointment->key.application_id)), object);
	judge_addresses(customer, present);
	if (is_changed(customer, present))
		store_change(&appointment->key, customer, present);
	return return_details(&call, fcinfo, &appointment->key);
}
