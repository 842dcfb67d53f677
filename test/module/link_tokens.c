/*
 * link_tokens.c
 *		Tokens of messages, as links in them have.
 */
#include "postgres.h"

#include "common/base64.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/call.h"
#include "core/compat.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/application_keys.h"
#include "notify/link_token.h"
#include "notify/link_token_find.h"

PG_FUNCTION_INFO_V1(test_link_token);
PG_FUNCTION_INFO_V1(test_token_message);
PG_FUNCTION_INFO_V1(test_random_tokens_found);

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

/* token_message(token): id and purpose of the message that it was made for; NULL: none */
Datum
test_token_message(PG_FUNCTION_ARGS)
{
	LinkedMessage message;
	char	   *found = NULL;
	Call		call;

	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	if (link_token_find(text_to_cstring(PG_GETARG_TEXT_PP(0)), &message))
		found = MemoryContextStrdup(call.context, psprintf(INT64_FORMAT " %d", message.notification_id, message.purpose));
	call_end(&call);
	if (found == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(found));
}

/* 28 random bytes, or with the first of them those of an application, as a token is written. */
static void
make_random_token(const pg_uuid_t *application_id, char *token)
{
	char		bytes[28];

	if (!pg_strong_random(bytes, sizeof(bytes)))
		elog(ERROR, "no random bytes");
	if (application_id != NULL)
		memcpy(bytes, application_id->data, TAG_BYTES);
	if (encode_base64(bytes, sizeof(bytes), token, 40) < 0)
		elog(ERROR, "could not encode a token");
	token[TOKEN_LENGTH] = '\0';
	for (char *c = token; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

/* random_tokens_found(count, application_id): how many of so many random tokens find a message */
Datum
test_random_tokens_found(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *application_id = PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1);
	int64		found = 0;
	MemoryContext context;
	MemoryContext previous;
	Call		call;

	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	context = AllocSetContextCreate(CurrentMemoryContext, "tokens", ALLOCSET_SMALL_SIZES);
	previous = MemoryContextSwitchTo(context);
	for (int i = 0; i < PG_GETARG_INT32(0); i++)
	{
		char		token[41];
		LinkedMessage message;

		make_random_token(application_id, token);
		found += link_token_find(token, &message);
		statement_done();
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(previous);
	call_end(&call);
	PG_RETURN_INT64(found);
}
