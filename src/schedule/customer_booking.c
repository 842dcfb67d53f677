/*
 * customer_booking.c
 *		Customers who book by themselves: a one-time code shows that an address
 *		is theirs, and with it they schedule an appointment.
 *
 * Anybody may call these, so a code must not be found by trying. Whatever is
 * wrong with the other arguments is found before the code is looked at; after
 * it nothing but the right code leads on. A wrong guess is an error, and stays
 * counted: see core/code_counts.c.
 *
 * A used code with the very same arguments returns the appointment that it
 * opened, so the call can be repeated. That is what an idempotency_key does for
 * the callers of schedule_appointment (core/idempotency.c), and
 * core/call_digest.c compares the arguments of both. A key stands in a table; a
 * code must not, and only who has it may read what it opened. So the digest
 * stands with the code's row, and the code is derived and compared each time.
 */
#include "postgres.h"

#include "access/xact.h"

#include "channel/channel.h"
#include "channel/phone.h"
#include "config/argument_checks.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/call_digest.h"
#include "core/code_counts.h"
#include "core/errors.h"
#include "core/json.h"
#include "notify/codes.h"
#include "schedule/booking.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(request_customer_code);
PG_FUNCTION_INFO_V1(schedule_appointment_as_customer);

/* Arguments of schedule_appointment_as_customer. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_CONTACT, ARGUMENT_CODE, ARGUMENT_START_AT, ARGUMENT_DURATION,
	ARGUMENT_CUSTOMER, ARGUMENT_TITLE, ARGUMENT_NOTES, ARGUMENT_LOCATION, ARGUMENT_TIMEZONE,
	ARGUMENT_LOCALE, ARGUMENT_METADATA
};

static const BookingArguments where = {
	.application_id = ARGUMENT_APPLICATION_ID,
	.start_at = ARGUMENT_START_AT,
	.duration = ARGUMENT_DURATION,
	.customer = ARGUMENT_CUSTOMER,
	.title = ARGUMENT_TITLE,
	.notes = ARGUMENT_NOTES,
	.location = ARGUMENT_LOCATION,
	.timezone = ARGUMENT_TIMEZONE,
	.locale = ARGUMENT_LOCALE,
	.metadata = ARGUMENT_METADATA,
	.interaction = BOOKING_NO_ARGUMENT,
	.notification_headers = BOOKING_NO_ARGUMENT
};

/* An email address or a phone number. */
static Contact
read_contact(FunctionCallInfo fcinfo, int index, const char *calling_code)
{
	char	   *text = required_text(fcinfo, index, "contact");
	Contact		contact;

	if (strchr(text, '@') != NULL)
		contact = (Contact) {CHANNEL_EMAIL, text};
	else
		contact = (Contact) {CHANNEL_SMS, phone_normalize(text, calling_code)};
	if (!channel_address_is_valid(contact.channel, contact.address))
		report_invalid("neither an email address nor a phone number", "\"%s\" is neither an email address nor a phone number.", text);
	return contact;
}

/*
 * appt.request_customer_code(application_id uuid, contact text) -> void
 *
 * 22023 for what is neither an email address nor a phone number, PT404 for an
 * unknown application, PT429 beyond the limits of notify/codes.c. Source:
 * auvious-appointments-api.txt, "Schedule New Appointment as Customer"; api.md,
 * one-time codes.
 */
Datum
request_customer_code(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Contact		contact;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 2);
	application_id = required_uuid(fcinfo, 0, "application_id");
	contact = read_contact(fcinfo, 1, find_calling_code(application_id));
	code_request(application_id, CODE_FOR_CUSTOMER, &contact);
	call_end(&call);
	PG_RETURN_VOID();
}

static bool
is_contact(const Contact *contact, const char *address)
{
	return strcmp(channel_address_key(contact->channel, address),
				  channel_address_key(contact->channel, contact->address)) == 0;
}

/*
 * The address that was shown to be the customer's is the one that messages go
 * to. Another one, over the other channel, is kept, and judged by
 * notify/eligibility.c: anybody could have messages of his own words sent to it.
 */
static void
use_contact(Customer *customer, const Contact *contact)
{
	char	  **address = contact->channel == CHANNEL_EMAIL ? &customer->email : &customer->phone;

	if (*address != NULL && !is_contact(contact, *address))
		report_invalid("the customer has another address than the verified one",
					   "The customer has \"%s\", and \"%s\" was verified.", *address, contact->address);
	*address = pstrdup(contact->address);
	customer->verified_channel = channel_code(contact->channel);
}

/* The server's log must not have the guess, which may be a code that is still good. */
static void
report_refused(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_UNAUTHORIZED),
			 errmsg("no valid one-time code"),
			 errdetail("It is not the code that the contact was sent last, or it has expired, was used, or was guessed at %d times.",
					   ONE_TIME_CODE_TRIES),
			 errhint("Ask for another one with request_customer_code."),
			 errhidestmt(true)));
}

/* The customer organizes it, until an agent takes it over. */
static void
store_for_customer(Booking *booking)
{
	booking->appointment->organizer_id = booking->customer->id;
	booking->appointment->organizer_type = PARTICIPANT_CUSTOMER;
	booking_store(booking);
}

static Appointment *
book(FunctionCallInfo fcinfo, const Contact *contact, const char *guess, CodeUse *use)
{
	Booking    *booking = booking_read(fcinfo, &where, GetCurrentTransactionStartTimestamp());
	const AppointmentKey *key = &booking->appointment->key;
	int64		code_id;

	if (booking->customer == NULL)
		booking->customer = customer_parse(json_empty_object(), NULL);
	use_contact(booking->customer, contact);
	if (code_redeem(&key->application_id, CODE_FOR_CUSTOMER, contact, guess, &code_id) != CODE_ACCEPTED)
		report_refused();
	store_for_customer(booking);
	use->appointment_id = key->id;
	use->participant_id = booking->customer->id;
	code_use(&key->application_id, code_id, use);
	return booking->appointment;
}

/*
 * appt.schedule_appointment_as_customer(application_id uuid, contact text, code text,
 *		start_at timestamptz, duration interval, customer jsonb = null, title, notes, location,
 *		timezone, locale, metadata jsonb = null) -> appt.appointment_details
 *
 * PT401 for a code that is wrong, or was not asked for, has expired, was used,
 * or guessed at too often. 22023 and PT404 as schedule_appointment, whatever the
 * code. If the booking fails afterwards (PT409), the code is not used up. A used
 * code with the very same arguments returns what it opened, as it is now.
 * Source: auvious-appointments-api.txt, "Schedule New Appointment as Customer".
 */
Datum
schedule_appointment_as_customer(PG_FUNCTION_ARGS)
{
	AppointmentKey key;
	Appointment *appointment;
	Contact		contact;
	CodeUse		use;
	char	   *guess;
	Datum		details;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 5);
	key.application_id = *required_uuid(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	contact = read_contact(fcinfo, ARGUMENT_CONTACT, find_calling_code(&key.application_id));
	guess = required_text(fcinfo, ARGUMENT_CODE, "code");
	use.arguments = call_digest(fcinfo, ARGUMENT_START_AT, ARGUMENT_METADATA - ARGUMENT_START_AT + 1);
	if (code_find_use(&key.application_id, &contact, guess, &use))
	{
		key.id = use.appointment_id;
		appointment = appointment_reload(&key);
	}
	else
		appointment = book(fcinfo, &contact, guess, &use);
	details = appointment_details(&call, fcinfo, appointment);
	call_end(&call);
	return details;
}
