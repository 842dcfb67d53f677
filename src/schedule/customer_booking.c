/*
 * customer_booking.c
 *		Customers who book by themselves: a one-time code shows that an address
 *		is theirs, and with it they schedule an appointment.
 *
 * Anybody may call these, so a code must not be found by trying. Whatever is
 * wrong with the other arguments is found before the code is looked at; after
 * it nothing but the right code leads on. A wrong guess is no error but null
 * and HTTP status 401, so that its transaction is committed as usual; that it
 * stays counted if somebody has it undone, core/one_time_code.c sees to.
 */
#include "postgres.h"

#include "access/xact.h"

#include "config/configuration.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/response.h"
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
		report_invalid("neither an email address nor a phone number", "\"%s\" is neither.", text);
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
					   "\"%s\" is not \"%s\".", *address, contact->address);
	*address = pstrdup(contact->address);
	customer->verified_channel = channel_code(contact->channel);
}

/* The customer organizes it, until an agent takes it over. */
static void
store_for_customer(Booking *booking)
{
	booking->appointment->organizer_id = booking->customer->id;
	booking->appointment->organizer_type = PARTICIPANT_CUSTOMER;
	booking_store(booking);
}

/*
 * appt.schedule_appointment_as_customer(application_id uuid, contact text, code text,
 *		start_at timestamptz, duration interval, customer jsonb = null, title, notes, location,
 *		timezone, locale, metadata jsonb = null) -> appt.appointment_details
 *
 * Null and response.status 401 for a code that is wrong, or was not asked for,
 * has expired, was used, or guessed at too often. 22023 and PT404 as
 * schedule_appointment, whatever the code. If the booking fails afterwards
 * (PT409), the code is not used up. Source: auvious-appointments-api.txt,
 * "Schedule New Appointment as Customer".
 */
Datum
schedule_appointment_as_customer(PG_FUNCTION_ARGS)
{
	Booking    *booking;
	Contact		contact;
	char	   *code;
	Datum		details = (Datum) 0;
	bool		is_accepted;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 5);
	booking = booking_read(fcinfo, &where, GetCurrentTransactionStartTimestamp());
	contact = read_contact(fcinfo, ARGUMENT_CONTACT, booking->settings->calling_code);
	code = required_text(fcinfo, ARGUMENT_CODE, "code");
	if (booking->customer == NULL)
		booking->customer = customer_parse(json_empty_object(), NULL);
	use_contact(booking->customer, &contact);

	is_accepted = code_redeem(&booking->appointment->key.application_id, CODE_FOR_CUSTOMER,
							  &contact, code) == CODE_ACCEPTED;
	if (is_accepted)
	{
		store_for_customer(booking);
		details = appointment_details(&call, fcinfo, booking->appointment);
	}
	call_end(&call);
	if (is_accepted)
		return details;
	response_set_status(401);
	PG_RETURN_NULL();
}
