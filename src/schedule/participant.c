/*
 * participant.c
 *		Reading a customer from a JSON object, and storing participants.
 *
 * Unknown members of the object are refused: ignoring a misspelled address
 * would lose every message. An invalid email address is refused at once,
 * because the caller can still ask the customer. A phone number that cannot be
 * called is kept as written, because people read it, too; its messages are
 * then SKIPPED.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/random.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/participant.h"
#include "schedule/validate.h"

static void
check_preferred_channel(const char *channel)
{
	static const char *const channels[] = {"EMAIL", "SMS", NULL};

	check_code(channel, channels, "customer.preferredChannel");
}

static void
check_customer_members(Jsonb *object, Jsonb *name, Jsonb *contact)
{
	static const char *const members[] = {
		"name", "contact", "username", "metadata", "locale", "preferredChannel", NULL
	};
	static const char *const name_members[] = {"firstName", "lastName", NULL};
	static const char *const contact_members[] = {"primaryEmail", "primaryPhone", NULL};

	check_members(&object->root, members, "customer");
	if (name != NULL)
		check_members(&name->root, name_members, "customer.name");
	if (contact != NULL)
		check_members(&contact->root, contact_members, "customer.contact");
}

Customer *
customer_parse(Jsonb *object, const char *calling_code)
{
	Customer   *customer = (Customer *) palloc0(sizeof(Customer));
	Jsonb	   *name = member_object(object, "name", "customer.name");
	Jsonb	   *contact = member_object(object, "contact", "customer.contact");
	pg_uuid_t	id = random_uuid();

	check_customer_members(object, name, contact);
	customer->id = uuid_text(&id);
	customer->username = member_text(object, "username", "customer.username");
	customer->first_name = member_text(name, "firstName", "customer.name.firstName");
	customer->last_name = member_text(name, "lastName", "customer.name.lastName");
	customer->email = member_text(contact, "primaryEmail", "customer.contact.primaryEmail");
	customer->phone = member_text(contact, "primaryPhone", "customer.contact.primaryPhone");
	customer->locale = member_text(object, "locale", "customer.locale");
	customer->preferred_channel = member_text(object, "preferredChannel", "customer.preferredChannel");
	customer->metadata = member_object(object, "metadata", "customer.metadata");

	if (customer->email != NULL && !channel_address_is_valid(CHANNEL_EMAIL, customer->email))
		report_invalid("invalid email address", "\"%s\" is not an email address.", customer->email);
	if (customer->email != NULL)
		customer->email = channel_address_normalize(CHANNEL_EMAIL, customer->email, calling_code);
	if (customer->phone != NULL)
		customer->phone = channel_address_normalize(CHANNEL_SMS, customer->phone, calling_code);
	if (customer->locale != NULL)
		check_locale_name(customer->locale);
	if (customer->preferred_channel != NULL)
		check_preferred_channel(customer->preferred_channel);
	if (customer->metadata == NULL)
		customer->metadata = json_empty_object();
	return customer;
}

char **
customer_address(Customer *customer, ChannelCode channel)
{
	switch (channel_infos[channel].contact)
	{
		case CONTACT_EMAIL:
			return &customer->email;
		case CONTACT_PHONE:
			return &customer->phone;
		case CONTACT_NONE:
		case CONTACT_USER_ID:
			break;
	}
	return NULL;
}

char *
find_calling_code(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT calling_code FROM appt.application WHERE id = $1", 1, {UUIDOID}
	};

	if (statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	return next_text(ROW(0));
}

char *
participant_type(const AppointmentKey *key, const char *participant_id)
{
	static Statement find = {
		"SELECT type FROM appt.participant WHERE application_id = $1 AND appointment_id = $2 AND id = $3",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	if (statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
					  text_datum(participant_id)) == 0)
		return NULL;
	return next_text(ROW(0));
}

void
require_not_full(const AppointmentKey *key)
{
	static Statement find_last = {
		"SELECT FROM appt.participant WHERE application_id = $1 AND appointment_id = $2 OFFSET $3 LIMIT 1",
		3, {UUIDOID, UUIDOID, INT8OID}
	};

	if (statement_run(&find_last, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
					  Int64GetDatum(MAX_PARTICIPANTS - 1)) > 0)
		report_conflict("the appointment is full",
						"Appointment \"%s\" has %d participants, and no more may take part.",
						uuid_text(&key->id), MAX_PARTICIPANTS);
}

void
agent_insert(const AppointmentKey *key, const char *user_id, TimestampTz created_at)
{
	static Statement insert = {
		"INSERT INTO appt.participant (application_id, appointment_id, id, type, created_at) "
		"VALUES ($1, $2, $3, 'AGENT', $4)",
		4, {UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&insert, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 text_datum(user_id), TimestampTzGetDatum(created_at));
}

#define INSERT_PARTICIPANTS(rows) \
	"INSERT INTO appt.participant (application_id, appointment_id, id, type, username," \
	" first_name, last_name, email, phone, locale, preferred_channel, metadata, verified_channel, created_at, is_lead) " \
	"VALUES " rows
#define CUSTOMER_ROW "($1, $2, $3, 'CUSTOMER', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
#define AGENT_ROW "($1, $2, $15, 'AGENT', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, $13, false)"
#define CUSTOMER_TYPES UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, \
	JSONBOID, TEXTOID, TIMESTAMPTZOID, BOOLOID

static void
insert_customer(Statement *statement, const AppointmentKey *key, const Customer *customer, const char *agent_id,
				TimestampTz created_at)
{
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
		sql_text(customer->verified_channel),
		SQL_VALUE(TimestampTzGetDatum(created_at)),
		SQL_VALUE(BoolGetDatum(customer->is_lead)),
		sql_text(agent_id)
	};

	(void) statement_run_nullable(statement, arguments);
}

void
customer_insert(const AppointmentKey *key, const Customer *customer, TimestampTz created_at)
{
	static Statement insert = {INSERT_PARTICIPANTS(CUSTOMER_ROW), 14, {CUSTOMER_TYPES}};

	insert_customer(&insert, key, customer, NULL, created_at);
}

void
participants_insert(const AppointmentKey *key, const char *agent_id, const Customer *customer, TimestampTz created_at)
{
	static Statement insert_both = {
		INSERT_PARTICIPANTS(CUSTOMER_ROW ", " AGENT_ROW), 15, {CUSTOMER_TYPES, TEXTOID}
	};

	if (agent_id != NULL && customer != NULL)
		insert_customer(&insert_both, key, customer, agent_id, created_at);
	else if (agent_id != NULL)
		agent_insert(key, agent_id, created_at);
	else if (customer != NULL)
		customer_insert(key, customer, created_at);
}
