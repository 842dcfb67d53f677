/*
 * outcome.h
 *		What a response means for its message.
 *
 * Neither SPI, nor clock, nor errors for bad data. Results are in
 * CurrentMemoryContext.
 */
#ifndef APPT_OUTCOME_H
#define APPT_OUTCOME_H

#include "channel/message.h"
#include "channel/request.h"
#include "channel/response.h"

typedef enum OutcomeKind
{
	OUTCOME_DELIVERED,			/* done */
	OUTCOME_REJECTED,			/* final: trying again will not help */
	OUTCOME_FAILED				/* may be tried again */
} OutcomeKind;

/* Texts are in the server's encoding, without secrets. */
typedef struct Outcome
{
	OutcomeKind kind;
	Reason		final;			/* OUTCOME_REJECTED: the reason; else
								 * REASON_NONE */
	int			status_code;	/* 0: none came */
	const char *error;			/* NULL when delivered */
	const char *cause;			/* the same without the words of the answer,
								 * which may repeat the message */
	const char *response;		/* what the log keeps of the answer, or NULL */
	const char *provider_message_id;	/* or NULL */
	TimeOffset	retry_after;	/* microseconds asked for, or -1 */
	bool		has_no_mailbox; /* the mail server knows no such address */
} Outcome;

/*
 * What a provider's answer tells beyond its status: may set kind, error and
 * provider_message_id, the texts in UTF-8 and as the other side wrote them.
 * Called only with a complete answer of the receiver.
 */
typedef void (*ReadAnswerFunction) (const Route *route, const Response *response,
									Outcome *outcome);

/* What the status alone tells. Allocates nothing. */
extern Outcome outcome_of_status(RequestProtocol protocol, const Response *response);

/* What the whole response tells. read_answer NULL: no more than its status. */
extern Outcome outcome_of_response(RequestProtocol protocol, ReadAnswerFunction read_answer,
								   const Message *message, const Route *route,
								   const Response *response);

/* REJECTED or FAILED, by an HTTP status that is no success. */
extern OutcomeKind failed_kind(int status);

#endif							/* APPT_OUTCOME_H */
