/*
 * meaning.c
 *		What a text message asks for, and doing it.
 *
 * Only a message that is a single word asks for anything: "Stop." opts out, "stop
 * calling me names" is for people, and "1 please" is no code.
 *
 * A response that cannot be recorded, because the appointment has changed since
 * the message or is over, is answered, and the message is for people, too.
 */
#include "postgres.h"

#include "access/xact.h"

#include "config/reply_words.h"
#include "core/meeting_codes.h"
#include "inbound/auto_reply.h"
#include "inbound/meaning.h"
#include "notify/suppression.h"
#include "render/single_word.h"
#include "respond/response.h"

typedef struct Sender
{
	const pg_uuid_t *application_id;
	const char *number;
	const char *own_number;		/* that it wrote to */
	const char *text;
	const CodedMessage *coded;	/* NULL: no message with codes is known */
} Sender;

static AutoReply
reply_to(const Sender *sender, const char *words)
{
	return (AutoReply)
	{
		.application_id = *sender->application_id,
			.number = sender->number,
			.own_number = sender->own_number,
			.words = words,
			.coded = sender->coded
	};
}

/* ---- words that always mean the same ---- */

static Meaning
opt_out(const Sender *sender)
{
	AutoReply	reply = reply_to(sender, "auto_reply.STOP");

	consent_opt_out(sender->application_id, CHANNEL_SMS, sender->number, "SMS",
					sender->coded == NULL ? 0 : sender->coded->message.notification_id);
	reply.is_left_to_carrier = true;
	reply.passes_opt_out = true;
	return (Meaning) {.handled_as = "OPT_OUT", .reply_id = auto_reply(&reply)};
}

static Meaning
opt_in(const Sender *sender)
{
	AutoReply	reply = reply_to(sender, "auto_reply.START");

	(void) consent_opt_in(sender->application_id, CHANNEL_SMS, sender->number);
	reply.is_left_to_carrier = true;
	return (Meaning) {.handled_as = "OPT_IN", .reply_id = auto_reply(&reply)};
}

static Meaning
help(const Sender *sender)
{
	AutoReply	reply = reply_to(sender, "auto_reply.HELP");

	reply.is_left_to_carrier = true;
	return (Meaning) {.handled_as = "HELP", .reply_id = auto_reply(&reply)};
}

/* ---- codes ---- */

/* The words that tell why a response was not recorded; NULL: there is nothing to say. */
static const char *
words_of_failure(ResponseOutcome outcome)
{
	switch (outcome)
	{
		case RESPONSE_RECORDED:
		case RESPONSE_REPEATED:
		case RESPONSE_NOT_FOUND:
			return NULL;
		case RESPONSE_OVER:
			return "auto_reply.OVER";
		case RESPONSE_TOO_MANY:
			return "auto_reply.TOO_MANY";
		case RESPONSE_CHANGED:
			return "auto_reply.CHANGED";
		case RESPONSE_NOT_OFFERED:
			return "auto_reply.NOT_OFFERED";
	}
	return NULL;
}

static Meaning
refuse(const Sender *sender, ResponseOutcome outcome)
{
	const char *words = words_of_failure(outcome);
	AutoReply	reply = reply_to(sender, words);

	return (Meaning) {.handled_as = "NONE", .reply_id = words == NULL ? 0 : auto_reply(&reply)};
}

static Meaning
respond_with(const Sender *sender, ResponseAction action)
{
	const ResponseRequest request = {
		.message = &sender->coded->message,
		.action = action,
		.source = SOURCE_SMS,
		.raw = sender->text
	};
	const char *code = response_actions[action].code;
	AutoReply	reply = reply_to(sender, psprintf("auto_reply.%s", code));
	ResponseResult result = response_record(&request, GetCurrentTransactionStartTimestamp());

	if (result.outcome != RESPONSE_RECORDED && result.outcome != RESPONSE_REPEATED)
		return refuse(sender, result.outcome);
	reply.action = code;
	return (Meaning) {.handled_as = "RESPONSE", .response_id = result.id, .reply_id = auto_reply(&reply)};
}

static Meaning
for_people(void)
{
	return (Meaning) {.handled_as = "NONE"};
}

/* The numbers take turns before anything else is locked. */
static Meaning
handle_word(const Sender *sender, const char *word)
{
	char	   *code = sender->coded == NULL ? NULL : reply_code_action(sender->coded->reply_codes, word);
	ReservedMeaning reserved = reserved_meaning(word);
	ResponseAction action;

	if (reserved == MEANS_NOTHING && (code == NULL || !action_from_code(code, &action)))
		return for_people();
	auto_reply_lock(sender->application_id, sender->number);
	switch (reserved)
	{
		case MEANS_OPT_OUT:
			return opt_out(sender);
		case MEANS_OPT_IN:
			return opt_in(sender);
		case MEANS_HELP:
			return help(sender);
		case MEANS_NOTHING:
			break;
	}
	return respond_with(sender, action);
}

Meaning
meaning_of(const pg_uuid_t *application_id, const char *from_number, const char *to_number,
		   const char *calling_code, const char *text)
{
	char	   *word = single_word(text);
	CodedMessage *coded;
	Sender		sender = {application_id, from_number, to_number, text};
	Meaning		meaning;

	if (word == NULL)
		return for_people();
	coded = (CodedMessage *) palloc(sizeof(CodedMessage));
	if (coded_message_find(application_id, from_number, to_number, calling_code, coded))
		sender.coded = coded;
	meaning = handle_word(&sender, word);
	if (sender.coded != NULL && (strcmp(meaning.handled_as, "NONE") != 0 || meaning.reply_id != 0))
	{
		meaning.appointment_id = coded->message.appointment_id;
		meaning.participant_id = coded->message.participant_id;
	}
	return meaning;
}
