/*
 * asked.h
 *		Messages to the customers of an appointment that are sent because
 *		somebody asks for them, by the rules of its meeting template, or else of
 *		its application, whether these send by themselves or not.
 *
 * As the owner, with SPI connected. Everything lives in CurrentMemoryContext.
 *
 * A customer gets one message a channel: rules of EMAIL and SMS go before BOTH,
 * BOTH before PREFERRED. Of types that have several offsets the rules with the
 * nearest one are taken, and the message is due at once.
 *
 * A message of the type that is about to be sent to the same customer over the
 * same channel is the same message, so that a button that is clicked twice sends
 * once: it is composed when it leaves, so it tells what is so then. For a type that
 * cancels, one that was sent since the appointment was last reopened is the same,
 * too.
 */
#ifndef APPT_ASKED_H
#define APPT_ASKED_H

#include "core/statement.h"
#include "core/vocabulary.h"
#include "notify/appointment_key.h"
#include "notify/facts.h"

typedef struct AskedMessages
{
	NotificationType type;		/* one that is_asked_for() accepts */
	const ChannelCode *channel; /* NULL: as the rules say */
	NullableDatum participant_ids;	/* text[] of customers; NULL: all, or the
									 * lead where the meeting template says so */
	bool		is_automatic;	/* only by rules that send by themselves */
	TimeOffset	offset;			/* the rules with the nearest one are taken */
	TimestampTz now;			/* when it is due */
} AskedMessages;

/* Can a user send messages of this type to customers? */
extern bool is_asked_for(NotificationType type);

/* One message to one customer. */
typedef struct AskedMessage
{
	const ParticipantFacts *recipient;	/* its ids, names, email, phone and
										 * verified_channel */
	bool		is_lead;
	ChannelCode channel;
	int64		rule_id;
	const Interval *interval;	/* the offset, as the rule has it */
	TimeOffset	time_offset;
	bool	   *ignores_opt_out;	/* as in RuleFacts */
	int64		same_id;		/* the message that is the same; 0: none */
} AskedMessage;

/* All messages, a List of AskedMessage *, the lead's first; as_seen: in the calling query's snapshot, for STABLE functions. */
extern List *find_asked(const AppointmentKey *key, const AskedMessages *asked, bool as_seen);

/* Has the appointment an enabled rule of the type for customers that allows this channel? NULL: any. */
extern bool has_rule_for_customers(const AppointmentKey *key, NotificationType type, const ChannelCode *channel, bool as_seen);

#endif							/* APPT_ASKED_H */
