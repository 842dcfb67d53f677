/*
 * smtp_dialogue.h
 *		One mail transaction over an SMTP connection that is ready for it:
 *		MAIL, RCPT, DATA, the message. A state machine that does no input or
 *		output: bytes received go in, bytes to send come out.
 *
 * After smtp_dialogue_begin(): send what smtp_dialogue_output() gives, pass what
 * is received to smtp_dialogue_receive(), until smtp_dialogue_is_over(). Nothing
 * here allocates or raises an error.
 */
#ifndef APPT_SMTP_DIALOGUE_H
#define APPT_SMTP_DIALOGUE_H

#include "channel/request.h"

/* The message is sent in pieces of at most this size. The longest command fits in. */
#define SMTP_OUTPUT_SIZE 8192

/* A longer line of a reply is cut. RFC 5321 allows 512 bytes. */
#define SMTP_LINE_SIZE 1024

/* A longer reply is not SMTP. */
#define SMTP_REPLY_LIMIT 65536

typedef enum SmtpStep
{
	SMTP_IDLE, SMTP_RSET, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY,
	SMTP_DRAIN,					/* refused; replies to later commands are
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
	int			awaited;		/* replies to commands that are queued or sent */
	int			recipient;		/* index of the next RCPT */
	size_t		body_position;
	bool		at_line_start;	/* of the message: a dot is doubled there */
	bool		end_queued;		/* the final dot is queued or sent */
	const char *refused_command;	/* what the server refused, for people */
	bool		refused_recipient;	/* it is RCPT */
	bool		must_close;		/* the server would take what comes next for a
								 * message */

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
 * Begin a transaction. The request must outlive it. must_reset: the transaction
 * before broke off; may_pipeline: the server offers PIPELINING.
 */
extern void smtp_dialogue_begin(SmtpDialogue *dialogue, const Request *request,
								bool must_reset, bool may_pipeline);

/* How many bytes must be sent now, and which; 0: a reply is awaited. */
extern size_t smtp_dialogue_output(SmtpDialogue *dialogue, const char **bytes);

/* The first `count` of these bytes were sent. */
extern void smtp_dialogue_sent(SmtpDialogue *dialogue, size_t count);

/* The server sent this. */
extern void smtp_dialogue_receive(SmtpDialogue *dialogue, const char *bytes,
								  size_t count);

/* The connection has closed. True if the replies before it decide the transaction. */
extern bool smtp_dialogue_close(SmtpDialogue *dialogue);

/* Has the transaction ended? */
extern bool smtp_dialogue_is_over(const SmtpDialogue *dialogue);

#endif							/* APPT_SMTP_DIALOGUE_H */
