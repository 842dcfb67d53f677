/*
 * customer_booking.c
 *		Customers who schedule appointments themselves: a one-time code shows
 *		that an address is theirs.
 *
 * Anybody may call these functions, so trying must not reveal a code.
 * Everything that can be wrong with the other arguments is checked before the
 * code; after that only the right code succeeds. A wrong guess is an error,
 * and stays counted: see core/code_counts.c.
 *
 * A used code with exactly the same arguments returns the appointment that it
 * scheduled, so the call can be repeated. For schedule_appointment an
 * idempotency_key does that (core/idempotency.c); core/call_digest.c compares
 * the arguments for both. A key is stored in a table; a code must not be, and
 * only who has the code may read the appointment. So the digest is stored with
 * the code's row, and the code is derived and compared each time.
 */
#include "postgres.h"

#include "access/xact.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/call_digest.h"
#include "core/code_counts.h"
#include "core/errors.h"
#include "core/json.h"
#include "notify/codes.h"
#include "schedule/booking.h"
#include "schedule/customer_booking.h"

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
	.notification_headers = BOOKING_NO_ARGUMENT,
	.meeting_template_id = BOOKING_NO_ARGUMENT
};

/* An email address or a phone number, by the first channel to customers that takes it. */
static Contact
read_contact(FunctionCallInfo fcinfo, int index, const char *calling_code)
{
	char	   *text = required_text(fcinfo, index, "contact");

	for (int channel = 0; channel < CHANNELS; channel++)
	{
		Contact		contact = {(ChannelCode) channel, channel_address_normalize((ChannelCode) channel, text, calling_code)};

		if (channel_infos[channel].route == ROUTE_PROVIDER && channel_address_is_valid(contact.channel, contact.address))
			return contact;
	}
	report_invalid("neither an email address nor a phone number", "\"%s\" is neither an email address nor a phone number.", text);
}

/*
 * appt.request_customer_code(application_id uuid, contact text) -> void
 *
 * 22023: neither an email address nor a phone number. PT404: no such
 * application. PT429: the limits of notify/codes.c are reached. Source:
 * auvious-appointments-api.txt, "Schedule New Appointment as Customer";
 * api.md, one-time codes.
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
 * Messages go to the verified address. An address of the other channel is
 * kept, and judged by notify/eligibility.c: otherwise anybody could have
 * messages with his own words sent to it.
 */
static void
use_contact(Customer *customer, const Contact *contact)
{
	char	  **address = customer_address(customer, contact->channel);

	if (*address != NULL && !is_contact(contact, *address))
		report_invalid("the customer has another address than the verified one",
					   "The customer has \"%s\", and \"%s\" was verified.", *address, contact->address);
	*address = pstrdup(contact->address);
	customer->verified_channel = channel_code(contact->channel);
}

/* The server's log must not contain the guess, which may be a code that is still valid. */
static void
report_refused(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_UNAUTHORIZED),
			 errmsg("no valid one-time code"),
			 errdetail("It is not the code that the contact was sent last, or it has expired, was used, or was guessed at %d times.",
					   ONE_TIME_CODE_TRIES),
			 errhint("Request another one with request_customer_code."),
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
 * PT401: the code is wrong, was not requested, has expired, was used, or was
 * guessed at too often. 22023 and PT404 as schedule_appointment, whatever the
 * code. If the booking fails afterwards (PT409), the code stays valid. A used
 * code with exactly the same arguments returns its appointment, as it is now.
 * Source: auvious-appointments-api.txt, "Schedule New Appointment as
 * Customer".
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
