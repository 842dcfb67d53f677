/*
 * channel_kind.h
 *		What a provider's kind does for a channel: the contract of the files
 *		that channel.c lists.
 *
 * The functions use neither SPI nor clock and raise no errors for bad data.
 * Results are in CurrentMemoryContext. Each is called only if those before it
 * found nothing wrong.
 */
#ifndef APPT_CHANNEL_KIND_H
#define APPT_CHANNEL_KIND_H

#include "channel/inbound.h"
#include "channel/message.h"
#include "channel/outcome.h"
#include "channel/request.h"

typedef Request *(*ComposeFunction) (const Message *message, const Route *route,
									 ComposeFailure *failure);

typedef struct ChannelKind
{
	ChannelCode channel;
	RequestProtocol protocol;
	const char *name;			/* Route.kind */

	/*
	 * What is wrong with the route, for any message; NULL: nothing, or
	 * compose finds out.
	 */
	const char *(*problem) (const Route *route);

	/* Is it unusable without a password? NULL: never. */
	bool		(*needs_secret) (const Route *route);

	/*
	 * NULL with *failure filled in if the message can't be sent. Of a kind
	 * that leaves its messages in the database, NULL.
	 */
	ComposeFunction compose;

	/*
	 * Of such a kind: false with *failure filled in if it can't be left
	 * there. The route is NULL if the channel needs none.
	 */
	bool		(*accept) (const Message *message, const Route *route, ComposeFailure *failure);

	/* What the log shows as the answer to such a message; NULL: nothing. */
	const char *local_answer;

	/* NULL: the status says it all. */
	ReadAnswerFunction read_answer;

	/* Number of segments of a text in UTF-8; NULL: messages have none. */
	int			(*count_segments) (const char *utf8);

	/* Can a calendar file go with a message? */
	bool		carries_invitations;

	/* May the provider report later whether a message arrived? */
	bool		has_receipts;

	/*
	 * The code of a receipt by which the recipient has told the provider to
	 * send no more; NULL: there is none.
	 */
	const char *opt_out_code;

	/*
	 * Does the provider, and nobody else, send this? It knows the secret.
	 * NULL: the kind sends nothing of its own accord, and the next three are
	 * not used. Takes the same time whatever is wrong.
	 */
	bool		(*prove) (const Route *route, const char *secret, const InboundRequest *request);

	/* Fill in the report, which is INBOUND_UNREADABLE. The body is UTF-8. */
	void		(*read_inbound) (const Route *route, const InboundRequest *request, InboundReport *report);

	/* The answer that says that it was taken, and its content type. */
	const char *inbound_answer;
	const char *inbound_answer_type;
} ChannelKind;

#endif							/* APPT_CHANNEL_KIND_H */
