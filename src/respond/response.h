/*
 * response.h
 *		What a customer answers to a message about an appointment: the one entry
 *		for pages, functions and text messages.
 *
 * With SPI connected, as the owner, in the transaction of the caller. The
 * appointment is locked first, so that answers to it, and answers and changes,
 * follow each other. Failure is a returned value.
 *
 * Messages of before the appointment was reopened cannot be answered. Their ids
 * tell, not their times: the appointment's lock orders ids, and a transaction that
 * began before the reopening may plan after it.
 */
#ifndef APPT_RESPONSE_H
#define APPT_RESPONSE_H

#include "notify/link_token_find.h"
#include "notify/shown.h"

/* At most so many responses to one message are kept. */
#define MAX_RESPONSES_PER_MESSAGE 20

/* Maximum characters of a reason. */
#define MAX_REASON_CHARACTERS 2000

/* A customer proposes a start in the future, at most so many years ahead. */
#define MAX_PROPOSAL_YEARS 10
extern bool proposal_is_valid(TimestampTz at, TimestampTz now);

typedef struct ResponseRequest
{
	const LinkedMessage *message;	/* proven to be the customer's: by its
									 * token, or by the sender's number */
	ResponseAction action;
	const char *reason;			/* up to MAX_REASON_CHARACTERS; NULL: none */
	TimestampTz proposed_start_at;	/* in the future; 0: none. For
									 * ACTION_RESCHEDULE alone */
	const char *source;			/* SOURCE_EMAIL, ... */
	const char *raw;			/* the text message as it came in; NULL: none */
	const char *seen;			/* digest of the time and place that a page
								 * showed (shown_digest); NULL: the customer
								 * saw what the message showed */
} ResponseRequest;

typedef enum ResponseOutcome
{
	RESPONSE_RECORDED,
	RESPONSE_REPEATED,			/* a double click: the same response; nothing
								 * is written again */
	RESPONSE_NOT_FOUND,			/* the message is not to a customer about an
								 * appointment */
	RESPONSE_OVER,				/* ended, past, cancelled, archived, deleted
								 * or reopened, or the customer was removed */
	RESPONSE_TOO_MANY,
	RESPONSE_CHANGED,			/* time or place is not as shown */
	RESPONSE_NOT_OFFERED		/* the message did not have this button */
} ResponseOutcome;

/* The row of appt.response; only with RESPONSE_RECORDED and RESPONSE_REPEATED. */
typedef struct ResponseResult
{
	ResponseOutcome outcome;
	int64		id;
	const char *source;
	TimestampTz created_at;
} ResponseResult;

/*
 * Record what a customer answers: the response, the participant's last response,
 * the booking state, the notifications to organizer, followers and subscribers.
 * `now` is the start of the transaction.
 */
extern ResponseResult response_record(const ResponseRequest *request, TimestampTz now);

#endif							/* APPT_RESPONSE_H */
