/*
 * receipt.c
 *		What providers report of messages that they took: delivered or not.
 *
 * The worker stores the provider's identifier of a text message as it settles
 * it (worker/attempt_ends.c); this finds the attempt by it. The attempt is
 * closed by then, so settling never waits for a receipt. Workers that delete or
 * blank attempts skip those of locked notifications, so the notification is
 * locked first.
 *
 * Providers repeat their reports, and send them in any order. So the first of
 * each kind counts, and DELIVERED replaces UNDELIVERED: a message that arrived
 * late has arrived, and one that arrived cannot be lost any more. A repeated
 * report opts nobody out again who has opted in since.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/node.h"
#include "core/row.h"
#include "core/statement.h"
#include "inbound/receipt.h"
#include "notify/suppression.h"

PG_FUNCTION_INFO_V1(record_receipt);

enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_PROVIDER_MESSAGE_ID, ARGUMENT_RECEIPT, ARGUMENT_CODE
};

static Receipt
read_receipt(FunctionCallInfo fcinfo)
{
	static const char *const kinds[] = {RECEIPT_DELIVERED, RECEIPT_UNDELIVERED, NULL};
	Receipt		receipt;

	require_arguments(fcinfo, ARGUMENT_CODE);
	receipt.application_id = *PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	receipt.provider_message_id = required_text(fcinfo, ARGUMENT_PROVIDER_MESSAGE_ID, "provider_message_id");
	receipt.kind = required_text(fcinfo, ARGUMENT_RECEIPT, "receipt");
	receipt.code = optional_text(fcinfo, ARGUMENT_CODE, "code");
	check_code(receipt.kind, kinds, "receipt");
	check_text_length(receipt.code, "code", MAX_RECEIPT_CODE);
	return receipt;
}

/* What it was that a provider reports of. */
typedef struct Reported
{
	bool		is_news;		/* it was stored */
	int64		notification_id;
	char	   *channel;
	char	   *recipient;
	char	   *kind;			/* of the provider */
} Reported;

#define LATEST_ATTEMPT \
	"SELECT max(m.attempt_id) FROM appt.provider_message m WHERE m.application_id = $1 AND m.provider_message_id = $2"

/*
 * Of attempts with the same identifier the latest: of this node, if it has one, for those
 * that came from another node are older. False: there is none.
 */
static bool
store_receipt(const Receipt *receipt, Reported *reported)
{
	static Statement store = {
		"WITH found AS MATERIALIZED ("
		" SELECT a.id, n.id AS notification_id, n.channel, a.recipient, a.application_id, a.provider_id"
		"  FROM appt.attempt a"
		"  JOIN appt.notification n ON n.id = a.notification_id"
		" WHERE a.id = coalesce((" LATEST_ATTEMPT " AND m.attempt_id <= " LAST_OWN("attempt") "), (" LATEST_ATTEMPT "))"
		" FOR KEY SHARE OF n"
		"), stored AS ("
		" UPDATE appt.attempt a SET receipt = $3, receipt_code = nullif($4, ''), receipt_at = now()"
		" FROM found WHERE a.id = found.id"
		"  AND (a.receipt IS NULL OR a.receipt = 'UNDELIVERED' AND $3 = 'DELIVERED') RETURNING a.id"
		") SELECT EXISTS (SELECT FROM stored), f.notification_id, f.channel, f.recipient, p.kind FROM found f"
		" LEFT JOIN LATERAL (SELECT r.kind FROM appt.provider r"
		"  WHERE r.application_id = f.application_id AND r.id = f.provider_id OFFSET 0) p ON true",
		4, {UUIDOID, TEXTOID, TEXTOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(&receipt->application_id),
		sql_text(receipt->provider_message_id),
		sql_text(receipt->kind),
		sql_text(receipt->code)
	};
	Row		   *row;

	if (statement_run_nullable(&store, arguments) == 0)
		return false;
	row = ROW(0);
	reported->is_news = next_bool(row);
	reported->notification_id = next_int64(row);
	reported->channel = next_text(row);
	reported->recipient = next_text(row);
	reported->kind = next_text(row);
	return true;
}

static bool
tells_of_opt_out(const Receipt *receipt, const Reported *reported, ChannelCode channel)
{
	return strcmp(receipt->kind, RECEIPT_UNDELIVERED) == 0 && receipt->code != NULL && reported->kind != NULL &&
		channel_tells_of_opt_out(channel, reported->kind, receipt->code);
}

bool
receipt_record(const Receipt *receipt)
{
	Reported	reported;
	ChannelCode channel;

	if (!store_receipt(receipt, &reported))
		return false;
	if (reported.is_news && reported.recipient != NULL && channel_from_code(reported.channel, &channel) &&
		tells_of_opt_out(receipt, &reported, channel))
		consent_opt_out(&receipt->application_id, channel, reported.recipient, "RECEIPT", reported.notification_id);
	return true;
}

/*
 * appt.record_receipt(application_id uuid, provider_message_id text, receipt text,
 *		code text = null) -> void
 *
 * receipt is DELIVERED or UNDELIVERED; code is the provider's, at most 256 bytes.
 * A report that says nothing new changes nothing. UNDELIVERED with Twilio's 21610
 * (the recipient has texted STOP to it) opts the number out; other codes, such as
 * 30003 (the telephone is off), say nothing for good. PT404: no such application, or
 * no text message that the provider took has this identifier (yet: the worker
 * may not have committed it, so call again). 22023: another receipt, missing
 * arguments. Source: people.md section 4, delivery receipts.
 */
Datum
record_receipt(PG_FUNCTION_ARGS)
{
	Receipt		receipt;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	receipt = read_receipt(fcinfo);
	if (!caller_may_use_application(&call.caller, &receipt.application_id))
		report_not_found("application", &receipt.application_id);
	if (!receipt_record(&receipt))
		report_text_not_found("message", receipt.provider_message_id);
	call_end(&call);
	PG_RETURN_VOID();
}
