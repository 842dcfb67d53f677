/*
 * delivery.c
 *		Making a delivery out of the facts.
 *
 * The facts go with the claim's transaction, a delivery lives until its
 * outcome is settled: all that it needs until then is composed, or copied,
 * into a memory context of its own. Whatever is added to Message or Route must
 * be copied here too: what is left pointing into the facts is sent to somebody
 * after it was freed.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/text.h"
#include "notify/compose.h"
#include "worker/delivery.h"

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

/* The facts go with their transaction; what the outcome is read with stays. */
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

/* What compose_message took from the facts as it stands. */
static void
detach_message(Message *message, const NotificationFacts *facts)
{
	message->recipient = copy_text(message->recipient);
	message->recipient_name = copy_text(message->recipient_name);
	message->headers = copy_headers(message->headers);
	if (facts->stored == NULL)
		return;
	message->subject = copy_text(message->subject);
	message->text_body = copy_text(message->text_body);
	message->html_body = copy_text(message->html_body);
}

static RetryInput
retry_input(const NotificationFacts *facts)
{
	RetryInput	retry = {
		.type = facts->type,
		.due_at = facts->due_at,
		.start_at = facts->appointment != NULL ? facts->appointment->start_at : DT_NOEND,
		.is_manual = facts->is_manual,
		.attempt_count = facts->attempt_count + 1,
		.retry_after = -1,
		.overtaken_by = REASON_NONE
	};

	if (facts->application != NULL)
	{
		retry.max_attempts = facts->application->max_attempts;
		retry.retry_base = facts->application->retry_base;
		retry.retry_cap = facts->application->retry_cap;
	}
	return retry;
}

Delivery *
delivery_compose(MemoryContext parent, const NotificationFacts *facts, int64 lane_id,
				 TimestampTz place, TimestampTz now, Reason *reason, char **error)
{
	MemoryContext context = AllocSetContextCreate(parent, "appt delivery", ALLOCSET_SMALL_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(context);
	Delivery   *delivery = (Delivery *) palloc0(sizeof(Delivery));

	delivery->context = context;
	delivery->notification_id = facts->id;
	delivery->application_id = facts->application_id;
	delivery->state = facts->state;
	delivery->reason = facts->reason;
	delivery->attempt_number = facts->attempt_count + 1;
	delivery->lane_id = lane_id;
	delivery->place = place;
	delivery->retry = retry_input(facts);
	delivery->message = compose_message(facts, now, reason, error);
	if (delivery->message != NULL)
	{
		detach_message(delivery->message, facts);
		delivery->route = copy_route(&facts->route->route);
		delivery->request = channel_compose(delivery->message, delivery->route, reason, error);
	}
	MemoryContextSwitchTo(previous);
	if (delivery->request != NULL)
		return delivery;
	*error = copy_text(*error);
	MemoryContextDelete(context);
	return NULL;
}
