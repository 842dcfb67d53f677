/*
 * sms.c
 *		A text message, checked, for any provider to send.
 *
 * A text is sent unchanged, in UTF-8. The carrier splits it into parts and
 * charges each: a text of more than ten parts is taken for a mistake.
 */
#include "postgres.h"

#include "channel/phone.h"
#include "channel/sms.h"
#include "core/encoding.h"

/* In characters, as Twilio has it. */
#define LONGEST_TEXT 1600

static int
count_characters(const char *utf8)
{
	int			count = 0;

	for (; *utf8 != '\0'; utf8++)
		if (((unsigned char) *utf8 & 0xc0) != 0x80)
			count++;
	return count;
}

bool
collect_text_message(TextMessage *text_message, const Message *message, ComposeFailure *failure)
{
	const char *text = message->text_body ? encoding_to_utf8(message->text_body) : "";

	if (message->recipient == NULL || !phone_number_is_valid(message->recipient))
		return compose_failed(failure, REASON_BAD_ADDRESS,
							  "the recipient's phone number is not in the form +306900000000");
	if (text == NULL)
		return compose_failed(failure, REASON_TEMPLATE_ERROR, "the message is not valid text");
	if (text[strspn(text, " \t\r\n")] == '\0')
		return compose_failed(failure, REASON_TEMPLATE_ERROR, "the message is empty");
	if (count_characters(text) > LONGEST_TEXT)
		return compose_failed(failure, REASON_TEMPLATE_ERROR,
							  "the message is longer than 1600 characters");
	text_message->to = message->recipient;
	text_message->text = text;
	return true;
}
