/*
 * auto_reply.h
 *		Automatic answers to text messages.
 */
#ifndef APPT_AUTO_REPLY_H
#define APPT_AUTO_REPLY_H

#include "inbound/coded_message.h"

/* At most so many answers to a number within an hour, of any kind. */
#define MAX_AUTO_REPLIES 3

typedef struct AutoReply
{
	pg_uuid_t	application_id;
	const char *number;			/* that is answered */
	const char *own_number;		/* that it wrote to */
	const char *words;			/* key of the built-in words:
								 * "auto_reply.STOP" */
	const char *action;			/* that is answered, for templates of rule and
								 * application; NULL: the built-in words */
	const CodedMessage *coded;	/* NULL: it is about no appointment */
	bool		is_left_to_carrier; /* where the carrier answers */
	bool		passes_opt_out;
} AutoReply;

/*
 * Have the numbers of an application that are answered take turns, until the
 * transaction ends. To be called before anything else that the answer is about
 * is locked.
 */
extern void auto_reply_lock(const pg_uuid_t *application_id, const char *number);

/*
 * Answer, if the number may be answered now: a phone number that the application
 * has written to, that is none of its own, and had fewer than MAX_AUTO_REPLIES
 * within the hour. Returns the id of the notification; 0: no answer. SPI
 * connected, as the owner, and auto_reply_lock was called.
 */
extern int64 auto_reply(const AutoReply *reply);

#endif							/* APPT_AUTO_REPLY_H */
