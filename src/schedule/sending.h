/*
 * sending.h
 *		What a user sends to the customers of an appointment, before it is sent:
 *		the request, what stands against it, and who can be reached.
 *
 * As the owner, with SPI connected; everything lives in CurrentMemoryContext.
 */
#ifndef APPT_SENDING_H
#define APPT_SENDING_H

#include "lib/stringinfo.h"

#include "notify/asked.h"
#include "notify/facts.h"
#include "schedule/appointment.h"

/* The arguments of send_notification; notification_dialog has the first three. */
enum
{
	SENDING_ID, SENDING_TYPE, SENDING_CHANNEL, SENDING_PARTICIPANT_IDS, SENDING_CONFIRMED
};

typedef struct SendRequest
{
	NotificationType type;
	ChannelCode channel;
	AskedMessages asked;		/* `channel` of it points to the above, or is
								 * NULL */
} SendRequest;

/* Read type and channel. 22023: no type that goes to customers, or no channel that a rule may allow. */
extern void send_request_read(FunctionCallInfo fcinfo, SendRequest *request, TimestampTz now);

/* Take from the appointment which rules are the nearest. */
extern void send_request_aim(SendRequest *request, const Appointment *appointment);

/* 22023 if the rules send the type to customers, but not over the channel that is asked for. */
extern void send_request_check_channel(const AppointmentKey *key, const SendRequest *request, bool as_seen);

/* Why nothing of the type can be sent for the appointment in its state. */
typedef struct Obstacle
{
	const char *message;		/* a constant; NULL: nothing stands against it */
	char	   *detail;			/* a sentence */
} Obstacle;
extern Obstacle sending_obstacle(const Appointment *appointment, NotificationType type);

/* May a message go now, as the worker would judge it? */
typedef struct Prospect
{
	bool		can_send;
	Reason		reason;			/* why not; REASON_NONE where no code says it */
	const char *explanation;
} Prospect;
extern Prospect sending_prospect(const NotificationFacts *facts);

/* What messages are judged and planned from. Times and state are those of the row that is locked. */
extern AppointmentFacts *appointment_facts(const Appointment *appointment);

/* Messages of find_asked, judged as they are now. */
typedef struct Judged
{
	List	   *reached;		/* of NotificationFacts *: those that go */
	StringInfoData obstacles;	/* why the others do not go, in sentences */
	int			refused;		/* how many these are */
} Judged;
extern Judged judge_asked(const Appointment *appointment, const SendRequest *request, const List *messages);

/* What the message is judged and composed from, in the calling query's snapshot; NULL: its customer is gone. */
extern NotificationFacts *asked_facts(const AppointmentKey *key, const SendRequest *request, const AskedMessage *message);

#endif							/* APPT_SENDING_H */
