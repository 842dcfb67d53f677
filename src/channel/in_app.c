/*
 * in_app.c
 *		The IN_APP channel: messages that applications show their users.
 *
 * Such a message leaves the database only when its user's application asks for
 * it. So it needs neither a route nor a request.
 */
#include "postgres.h"

#include "channel/in_app.h"

/* Bytes of a title and text: an inbox shows many of them at once. */
#define LARGEST_MESSAGE (64 * 1024)

static size_t
length(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

static bool
accept_message(const Message *message, const Route *route, ComposeFailure *failure)
{
	if (length(message->subject) + length(message->text_body) <= LARGEST_MESSAGE)
		return true;
	return compose_failed(failure, REASON_TOO_LARGE, "its title and text have more than 64 kB");
}

const ChannelKind in_app = {
	.channel = CHANNEL_IN_APP,
	.name = "IN_APP",
	.accept = accept_message
};
