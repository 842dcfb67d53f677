/*
 * unsubscribe.c
 *		Opting out by the link of a message.
 *
 * Mail programs send the request by themselves when their user presses their
 * button (RFC 8058), and may repeat it. So the answer is the same whether the
 * address was opted out before or not, and shows neither address nor application.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/suppression.h"
#include "respond/unsubscribe.h"

PG_FUNCTION_INFO_V1(unsubscribe);

/* Where the message went last, or would have gone; NULL: that is forgotten. */
static char *
read_recipient(const LinkedMessage *message)
{
	static Statement find = {
		"SELECT t.recipient FROM appt.attempt t WHERE t.notification_id = $1 ORDER BY t.attempt_number DESC LIMIT 1",
		1, {INT8OID}
	};
	char	   *recipient = NULL;

	if (statement_run(&find, Int64GetDatum(message->notification_id)) > 0)
		recipient = next_text(ROW(0));
	return recipient != NULL ? recipient : message->address;
}

/* An address that was forgotten stays as suppressed as it is: nobody knows which it was. */
void
unsubscribe_recipient(const LinkedMessage *message)
{
	char	   *recipient = read_recipient(message);

	if (channel_address_is_valid(message->channel, recipient))
		consent_opt_out(&message->application_id, message->channel, recipient, "unsubscribe link",
						message->notification_id);
}

/*
 * appt.unsubscribe(token text) -> void
 *
 * PT404 for anything but a genuine token of an unsubscribe link. Neither the error
 * nor the log's statement has the token. Source: people.md section 4; RFC 8058.
 */
Datum
unsubscribe(PG_FUNCTION_ARGS)
{
	ErrorContextCallback hiding = {error_context_stack, hide_statement};
	LinkedMessage message;
	char	   *token;
	Call		call;

	error_context_stack = &hiding;
	call_begin(&call, fcinfo, CALLER_ALL);
	token = text_argument(fcinfo, 0);
	if (token == NULL || !link_token_find(token, &message) || message.purpose != LINK_UNSUBSCRIBE)
		ereport(ERROR,
				(errcode(ERRCODE_APPT_NOT_FOUND),
				 errmsg("link not found"),
				 errdetail("The token is not that of a message's link to unsubscribe, or the message is not in the log any more.")));
	unsubscribe_recipient(&message);
	call_end(&call);
	error_context_stack = hiding.previous;
	PG_RETURN_VOID();
}
