/*
 * link_tokens.c
 *		Tokens of messages, as links in them have.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/call.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/application_keys.h"
#include "notify/link_token.h"

PG_FUNCTION_INFO_V1(test_link_token);

static LinkSubject
find_subject(int64 notification_id, LinkPurpose purpose)
{
	static Statement find = {
		"SELECT n.application_id, n.recipient_id FROM appt.notification n WHERE n.id = $1", 1, {INT8OID}
	};
	LinkSubject subject = {.purpose = purpose, .notification_id = notification_id};
	Row		   *row;

	if (statement_run(&find, Int64GetDatum(notification_id)) == 0)
		elog(ERROR, "no such notification");
	row = ROW(0);
	subject.application_id = next_uuid(row);
	subject.participant_id = next_text(row);
	return subject;
}

/* link_token(notification_id, purpose): the token of this message; purpose is a LinkPurpose. */
Datum
test_link_token(PG_FUNCTION_ARGS)
{
	LinkSubject subject;
	ApplicationKey key;
	char	   *token;
	Call		call;

	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	subject = find_subject(PG_GETARG_INT64(0), (LinkPurpose) PG_GETARG_INT32(1));
	key = application_key(&subject.application_id, TOKEN_KEY_NAME);
	token = MemoryContextStrdup(call.context, link_token_make(&key, &subject));
	call_end(&call);
	PG_RETURN_TEXT_P(cstring_to_text(token));
}
