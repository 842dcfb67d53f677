/*
 * smtp_dialogue.h
 *		One mail transaction over an SMTP connection that is ready for it:
 *		MAIL, RCPT, DATA, the message. A state machine without input or output
 *		of its own: bytes received go in, bytes to send come out.
 *
 * It never allocates and never raises an error.
 */
#ifndef APPT_SMTP_DIALOGUE_H
#define APPT_SMTP_DIALOGUE_H

#include "channel/request.h"

/* Sent in pieces of this size at most; holds the longest command. */
#define SMTP_OUTPUT_SIZE 8192

/* The longest line of a reply that is kept, more than RFC 5321's 512. */
#define SMTP_LINE_SIZE 1024

/* A reply of more than this is no reply. */
#define SMTP_REPLY_LIMIT 65536

typedef enum SmtpStep
{
	SMTP_IDLE, SMTP_RSET, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY,
	SMTP_DRAIN,					/* refused, and answers to later commands are
								 * awaited */
	SMTP_DELIVERED,				/* 2xx to the end of the message */
	SMTP_REFUSED,				/* a command was answered otherwise */
	SMTP_GARBLED				/* not SMTP: close the connection */
} SmtpStep;

typedef struct SmtpDialogue
{
	SmtpStep	step;
	const Request *request;
	bool		is_pipelined;	/* commands go out together (RFC 2920) */
	int			awaited;		/* answers to commands that are queued or out */
	int			recipient;		/* index of the next RCPT */
	size_t		body_position;
	bool		at_line_start;	/* of the message: a dot is doubled there */
	bool		end_queued;		/* the final dot is on its way */
	const char *refused_command;	/* what the server refused, for people */
	bool		must_close;		/* it would take what comes next for a message */

	char		output[SMTP_OUTPUT_SIZE];
	size_t		output_start;
	size_t		output_end;

	char		line[SMTP_LINE_SIZE];
	size_t		line_length;
	size_t		reply_length;	/* bytes of the reply so far */
	int			code;			/* of the last reply */
	char		reply[SMTP_LINE_SIZE];	/* its last line, with the code */
} SmtpDialogue;

/*
 * Begin a transaction. must_reset: the one before it broke off; may_pipeline: the
 * server takes commands before it has answered those before.
 */
extern void smtp_dialogue_begin(SmtpDialogue *dialogue, const Request *request,
								bool must_reset, bool may_pipeline);

/* What is to be sent now; 0 bytes: a reply is awaited. */
extern size_t smtp_dialogue_output(SmtpDialogue *dialogue, const char **bytes);

/* That many of them went out. */
extern void smtp_dialogue_sent(SmtpDialogue *dialogue, size_t count);

/* The server said this. */
extern void smtp_dialogue_receive(SmtpDialogue *dialogue, const char *bytes,
								  size_t count);

/* The connection has closed. True if what was said before is an answer all the same. */
extern bool smtp_dialogue_close(SmtpDialogue *dialogue);

/* Has the transaction come to its end? */
extern bool smtp_dialogue_is_over(const SmtpDialogue *dialogue);

#endif							/* APPT_SMTP_DIALOGUE_H */
