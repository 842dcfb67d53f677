/*
 * channel.h
 *		The channels: compose the request that carries a message by a route,
 *		read the outcome from its response, and check what is configured.
 *
 * Neither SPI, nor clock, nor errors for bad data: a channel that can't compose
 * returns why. Results are in CurrentMemoryContext.
 */
#ifndef APPT_CHANNEL_H
#define APPT_CHANNEL_H

#include "channel/inbound.h"
#include "channel/message.h"
#include "channel/outcome.h"
#include "channel/request.h"
#include "channel/response.h"

/*
 * The request for a message. NULL with a sentence in *error and a code in
 * *reason if there can be none: an address that would inject a header, an
 * unknown kind of provider, a sender that is no address.
 */
extern Request *channel_compose(const Message *message, const Route *route,
								Reason *reason, char **error);

/*
 * Where messages stay in the database, by a route or by none (NULL): can this one?
 * Then *answer is what the log shows as the answer, a constant, or NULL. If not,
 * *reason and *error are as above.
 */
extern bool channel_accepts(const Message *message, const Route *route,
							const char **answer, Reason *reason, char **error);

/* The outcome of a response. */
extern Outcome channel_read_outcome(const Message *message, const Route *route,
									const Response *response);

/* What the status alone tells, for when reading the answer failed. Allocates nothing. */
extern Outcome channel_status_outcome(const Message *message, const Route *route,
									  const Response *response);

/*
 * How many segments the provider charges for the message; 0: it does not charge
 * by segments.
 */
extern int	channel_segments(const Message *message, const Route *route);

/* Can a calendar file go with messages by this route? */
extern bool channel_carries_invitations(ChannelCode channel, const Route *route);

/* May the provider report later whether the message arrived? */
extern bool channel_has_receipts(const Message *message, const Route *route);

/* Does a receipt with this code say that the recipient has told the provider to send no more? */
extern bool channel_tells_of_opt_out(ChannelCode channel, const char *provider_kind, const char *code);

/* Does this kind of provider send anything of its own accord? */
extern bool channel_takes_inbound(ChannelCode channel, const char *provider_kind);

/*
 * Was this sent by the provider that has the route, whose secret this is? The
 * channels' texts are UTF-8. Takes the same time for each kind of provider, and
 * for none (a route without a kind).
 */
extern bool channel_proves(ChannelCode channel, const Route *route, const char *secret,
						   const InboundRequest *request);

/* What it says, if it was proven. */
extern InboundReport channel_read_inbound(ChannelCode channel, const Route *route, const InboundRequest *request);

/* How it is answered: the body, and its content type in *type. */
extern const char *channel_inbound_answer(ChannelCode channel, const Route *route, const char **type);

/* Can this kind of provider (NULL: any) send over the channel? */
extern bool channel_is_available(ChannelCode channel, const char *provider_kind);

/* Do its messages by this kind of provider (NULL: none) stay in the database, without a transfer? */
extern bool channel_is_local(ChannelCode channel, const char *provider_kind);

/*
 * What is wrong with a provider, as far as that shows without sending: NULL or a
 * sentence that shows no value. Its kind must carry the channel.
 */
extern const char *channel_route_problem(ChannelCode channel, const Route *route);

/* Is the provider unusable without a password? */
extern bool channel_needs_secret(ChannelCode channel, const Route *route);

/* Can a message be sent to this address over this channel? If not, the error's message. */
extern bool channel_address_is_valid(ChannelCode channel, const char *address);
extern const char *channel_address_error(ChannelCode channel);

/*
 * The address as it is stored: a phone number as phone_normalize returns it, a mail
 * address with its domain in lower case, others as they are.
 */
extern char *channel_address_normalize(ChannelCode channel, const char *address, const char *calling_code);

/*
 * The form in which addresses are compared: the domain of a mail address is in
 * ASCII and lower case. Its local part stays as it is: only the receiving domain
 * knows which local parts are the same.
 */
extern char *channel_address_key(ChannelCode channel, const char *address);

#endif							/* APPT_CHANNEL_H */
