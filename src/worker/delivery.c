/*
 * delivery.c
 *		Makes a delivery from the facts of a notification.
 *
 * The facts are freed with the claim's transaction; a delivery lives until its
 * outcome is settled. So it has a memory context with copies of all that it needs
 * until then, and of nothing else. What composing allocates besides is freed
 * before the next message is composed. The record of the message for the log is
 * freed once its attempt is open.
 *
 * A pointer that is added to Request or Route must be copied here too; otherwise
 * it points to freed memory when the message is sent.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "channel/channel.h"
#include "core/text.h"
#include "notify/compose.h"
#include "notify/shown.h"
#include "worker/delivery.h"
#include "worker/flight_memory.h"

static List *
copy_headers(List *headers)
{
	List	   *copy = NIL;
	ListCell   *cell;

	foreach(cell, headers)
	{
		Header	   *header = (Header *) palloc(sizeof(Header));

		*header = *(const Header *) lfirst(cell);
		header->name = copy_text(header->name);
		header->value = copy_text(header->value);
		copy = lappend(copy, header);
	}
	return copy;
}

/* The outcome is read with the route after the facts are freed. */
static Route *
copy_route(const Route *route)
{
	Route	   *copy = (Route *) palloc(sizeof(Route));
	ListCell   *cell;

	*copy = *route;
	copy->kind = copy_text(route->kind);
	copy->url = copy_text(route->url);
	copy->username = copy_text(route->username);
	copy->password = copy_text(route->password);
	copy->token_url = copy_text(route->token_url);
	copy->token_scope = copy_text(route->token_scope);
	copy->token_audience = copy_text(route->token_audience);
	copy->sender = copy_text(route->sender);
	copy->settings = NULL;
	if (route->settings != NULL)
	{
		copy->settings = (Jsonb *) palloc(VARSIZE(route->settings));
		memcpy(copy->settings, route->settings, VARSIZE(route->settings));
	}
	copy->hmac_keys = NIL;
	foreach(cell, route->hmac_keys)
		copy->hmac_keys = lappend(copy->hmac_keys, copy_text((char *) lfirst(cell)));
	copy->headers = copy_headers(route->headers);
	return copy;
}

static List *
copy_texts(List *texts)
{
	List	   *copy = NIL;
	ListCell   *cell;

	foreach(cell, texts)
		copy = lappend(copy, copy_text((const char *) lfirst(cell)));
	return copy;
}

static Request *
copy_request(const Request *request)
{
	Request    *copy = (Request *) palloc(sizeof(Request));
	char	   *body = NULL;

	*copy = *request;
	copy->method = copy_text(request->method);
	copy->url = copy_text(request->url);
	copy->headers = copy_texts(request->headers);
	if (request->body != NULL)
	{
		body = (char *) palloc(request->body_length + 1);
		memcpy(body, request->body, request->body_length);
		body[request->body_length] = '\0';
	}
	copy->body = body;
	copy->envelope_from = copy_text(request->envelope_from);
	copy->envelope_to = copy_texts(request->envelope_to);
	copy->username = copy_text(request->username);
	copy->password = copy_text(request->password);
	copy->token_url = copy_text(request->token_url);
	copy->token_client = copy_text(request->token_client);
	copy->token_scope = copy_text(request->token_scope);
	copy->token_audience = copy_text(request->token_audience);
	return copy;
}

/* Only what reading the outcome needs. */
static Message *
copy_identity(const Message *message)
{
	Message    *copy = (Message *) palloc0(sizeof(Message));

	copy->uid = message->uid;
	copy->type = message->type;
	copy->channel = message->channel;
	copy->timestamp = message->timestamp;
	copy->tokens = copy_texts(message->tokens);
	return copy;
}

static RetryInput
retry_input(const NotificationFacts *facts)
{
	RetryInput	retry = {
		.type = facts->type,
		.times = notification_times(facts),
		.is_manual = facts->is_manual,
		.attempt_count = facts->attempt_count + 1,
		.retry_after = -1,
		.superseded_by = REASON_NONE
	};

	if (facts->application != NULL)
	{
		retry.max_attempts = facts->application->max_attempts;
		retry.retry_base = facts->application->retry_base;
		retry.retry_cap = facts->application->retry_cap;
	}
	return retry;
}

/* Does it ask the customer to accept or decline an appointment, and is that what its type is for? */
static bool
invites(const NotificationFacts *facts)
{
	Jsonb	   *jsonb;
	Shown		shown;

	if (!notification_types[facts->type].invites || facts->appointment == NULL || facts->appointment->meeting_template_id == NULL)
		return false;
	jsonb = shown_of(facts);
	return jsonb != NULL && shown_read(jsonb, &shown) &&
		(shown.buttons & (BUTTON_BIT(BUTTON_ACCEPT) | BUTTON_BIT(BUTTON_DECLINE))) != 0;
}

/* Copies into `context` what the delivery needs. */
static Delivery *
make_delivery(MemoryContext context, const NotificationFacts *facts, const Message *message,
			  const Request *request)
{
	MemoryContext previous = MemoryContextSwitchTo(context);
	Delivery   *delivery = (Delivery *) palloc0(sizeof(Delivery));

	delivery->context = context;
	delivery->application_id = facts->application_id;
	delivery->invites = invites(facts);
	if (delivery->invites)
		delivery->appointment_id = *facts->appointment_id;
	delivery->state = facts->state;
	delivery->reason = facts->reason;
	delivery->attempt_number = facts->attempt_count + 1;
	delivery->retry = retry_input(facts);
	delivery->message = copy_identity(message);
	delivery->route = copy_route(&facts->route->route);
	delivery->request = copy_request(request);
	delivery->bytes = MemoryContextMemAllocated(context, true);
	delivery->record_context = AllocSetContextCreate(context, "appt attempt", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(delivery->record_context);
	delivery->record = attempt_record_make(facts, message);
	MemoryContextSwitchTo(previous);
	return delivery;
}

void
delivery_forget_record(Delivery *delivery)
{
	MemoryContextDelete(delivery->record_context);
	delivery->record_context = NULL;
	delivery->record = NULL;
}

/* NULL if it takes too much memory. */
static Delivery *
admit(Delivery *delivery, Reason *reason, char **error)
{
	if (delivery->bytes <= LARGEST_DELIVERY)
		return delivery;
	*reason = REASON_TOO_LARGE;
	*error = psprintf("It takes %zu bytes of memory, more than %d.", delivery->bytes, LARGEST_DELIVERY);
	MemoryContextDelete(delivery->context);
	return NULL;
}

Delivery *
delivery_compose(MemoryContext parent, const NotificationFacts *facts, const QueueKey *key,
				 TimestampTz now, Reason *reason, char **error)
{
	MemoryContext composing = AllocSetContextCreate(CurrentMemoryContext, "appt composing",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(composing);
	Message    *message = compose_message(facts, now, reason, error);
	Request    *request = message == NULL ? NULL :
	channel_compose(message, &facts->route->route, reason, error);
	Delivery   *delivery = NULL;

	MemoryContextSwitchTo(previous);
	if (request != NULL)
	{
		delivery = make_delivery(AllocSetContextCreate(parent, "appt delivery", ALLOCSET_SMALL_SIZES),
								 facts, message, request);
		delivery->key = *key;
		delivery->segments = channel_segments(message, &facts->route->route);
		delivery = admit(delivery, reason, error);
	}
	else
		*error = copy_text(*error);
	MemoryContextDelete(composing);
	return delivery;
}
