/*
 * sms.c
 *		What text messages have in common, whoever carries them: numbers,
 *		senders, and which texts are sent.
 *
 * A text goes out as it is, in UTF-8; dividing it into parts is the carrier's
 * business, and so is its price: texts longer than ten parts are a mistake.
 */
#include "postgres.h"

#include "channel/phone.h"
#include "channel/sms.h"
#include "core/encoding.h"

/* In characters. Twilio's limit, too. */
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
