/*
 * smtp_dialogue.c
 *		One mail transaction over an SMTP connection that is ready for it.
 *
 * libcurl looks up, connects, encrypts and authenticates (CURLOPT_CONNECT_ONLY),
 * but does not send the message: its smtp_done() waits for the answer to the end
 * of DATA in a blocking poll, and so does its QUIT. One slow mail server would
 * hold up every other transfer of the worker. What remains is small: a few
 * commands, and the message with its leading dots doubled.
 *
 * Each command awaits its reply. If the server offers PIPELINING (RFC 2920), all
 * commands are sent at once: a mail then takes two round trips, not four. The
 * replies come in the order of the commands, so the steps are the same. After a
 * refusal the replies to the commands sent with the refused one still come; they
 * are read before the session is used again. If one of them asks for the message
 * (354) the session is closed, because there is none to send.
 *
 * A line of the message starts after CR LF or after a bare LF. Messages that appt
 * composes have no bare LF, but a server that takes one for the end of a line must
 * not find an undoubled dot after it (SMTP smuggling).
 */
#include "postgres.h"

#include "transfer/smtp_dialogue.h"

static void
queue_command(SmtpDialogue *dialogue, const char *command, const char *argument,
			  const char *end)
{
	size_t		room;
	int			length;

	if (dialogue->output_start == dialogue->output_end)
		dialogue->output_start = dialogue->output_end = 0;
	room = SMTP_OUTPUT_SIZE - dialogue->output_end;
	length = snprintf(dialogue->output + dialogue->output_end, room,
					  "%s%s%s\r\n", command, argument, end);
	if (length >= room)
	{
		/* No address is that long. Never send half a command. */
		dialogue->output_start = dialogue->output_end = 0;
		dialogue->step = SMTP_GARBLED;
		return;
	}
	dialogue->output_end += length;
	dialogue->awaited++;
}

/* Queue the command of a step. */
static void
queue_step(SmtpDialogue *dialogue, SmtpStep step)
{
	const Request *request = dialogue->request;

	switch (step)
	{
		case SMTP_RSET:
			queue_command(dialogue, "RSET", "", "");
			break;
		case SMTP_MAIL:
			queue_command(dialogue, "MAIL FROM:<", request->envelope_from, ">");
			break;
		case SMTP_RCPT:
			queue_command(dialogue, "RCPT TO:<",
						  (const char *) list_nth(request->envelope_to,
												  dialogue->recipient), ">");
			break;
		case SMTP_DATA:
			queue_command(dialogue, "DATA", "", "");
			break;
		default:
			break;
	}
}

/* Go on to a step. If commands are pipelined, its command was sent already. */
static void
start_step(SmtpDialogue *dialogue, SmtpStep step)
{
	dialogue->step = step;
	if (!dialogue->is_pipelined)
		queue_step(dialogue, step);
}

/* Queue all commands at once, for one recipient. */
static void
queue_all(SmtpDialogue *dialogue, SmtpStep first)
{
	for (SmtpStep step = first; step <= SMTP_DATA; step++)
		queue_step(dialogue, step);
}

void
smtp_dialogue_begin(SmtpDialogue *dialogue, const Request *request,
					bool must_reset, bool may_pipeline)
{
	SmtpStep	first = must_reset ? SMTP_RSET : SMTP_MAIL;

	dialogue->request = request;
	dialogue->is_pipelined = may_pipeline && list_length(request->envelope_to) == 1;
	dialogue->awaited = 0;
	dialogue->must_close = false;
	dialogue->output_start = dialogue->output_end = 0;
	dialogue->recipient = 0;
	dialogue->body_position = 0;
	dialogue->at_line_start = true;
	dialogue->end_queued = false;
	dialogue->refused_command = NULL;
	dialogue->line_length = 0;
	dialogue->reply_length = 0;
	dialogue->code = 0;
	dialogue->reply[0] = '\0';
	start_step(dialogue, first);
	if (dialogue->is_pipelined)
		queue_all(dialogue, first);
}

/* Queue the next piece of the message with its dots doubled, and its end. */
static void
queue_body(SmtpDialogue *dialogue)
{
	const char *body = dialogue->request->body;
	size_t		length = dialogue->request->body_length;
	size_t		position = dialogue->body_position;
	size_t		filled = 0;

	/* Line by line. The room left is for a dot and the five bytes of the end. */
	while (position < length && filled < SMTP_OUTPUT_SIZE - 8)
	{
		size_t		most = Min(length - position, SMTP_OUTPUT_SIZE - 8 - filled);
		const char *line_end = memchr(body + position, '\n', most);
		size_t		taken = line_end ? line_end + 1 - (body + position) : most;

		if (dialogue->at_line_start && body[position] == '.')
			dialogue->output[filled++] = '.';
		memcpy(dialogue->output + filled, body + position, taken);
		filled += taken;
		position += taken;
		dialogue->at_line_start = line_end != NULL;
	}
	if (position == length)
	{
		const char *end = dialogue->at_line_start ? ".\r\n" : "\r\n.\r\n";

		memcpy(dialogue->output + filled, end, strlen(end));
		filled += strlen(end);
		dialogue->end_queued = true;
	}
	dialogue->body_position = position;
	dialogue->output_start = 0;
	dialogue->output_end = filled;
}

size_t
smtp_dialogue_output(SmtpDialogue *dialogue, const char **bytes)
{
	if (dialogue->step == SMTP_BODY && !dialogue->end_queued &&
		dialogue->output_start == dialogue->output_end)
		queue_body(dialogue);
	*bytes = dialogue->output + dialogue->output_start;
	return dialogue->output_end - dialogue->output_start;
}

void
smtp_dialogue_sent(SmtpDialogue *dialogue, size_t count)
{
	dialogue->output_start += count;
}

/* The server refused a command. After a 421 it sends nothing more. */
static void
refuse(SmtpDialogue *dialogue, const char *command)
{
	dialogue->refused_command = command;
	if (dialogue->awaited > 0 && dialogue->code != 421)
	{
		dialogue->step = SMTP_DRAIN;
		return;
	}
	dialogue->output_start = dialogue->output_end = 0;
	dialogue->step = SMTP_REFUSED;
}

/* The reply to a command that was sent together with the refused one. */
static void
drain_reply(SmtpDialogue *dialogue, int code)
{
	if (code == 354 || code == 421)
		dialogue->must_close = true;
	if (--dialogue->awaited == 0 || code == 421)
		dialogue->step = SMTP_REFUSED;
}

/* Before the end is sent, the server would take commands for the rest of the message. */
static void
read_body_reply(SmtpDialogue *dialogue, bool positive)
{
	dialogue->must_close = !dialogue->end_queued;
	if (!positive)
		refuse(dialogue, "the message");
	else
		dialogue->step = dialogue->end_queued ? SMTP_DELIVERED : SMTP_GARBLED;
}

/* A whole reply has come: go on or end. */
static void
read_reply(SmtpDialogue *dialogue)
{
	bool		positive = dialogue->code >= 200 && dialogue->code < 300;

	/* Before the command is sent only a 421 or an error can come. */
	if (positive && !dialogue->is_pipelined && dialogue->output_start < dialogue->output_end)
	{
		dialogue->step = SMTP_GARBLED;
		return;
	}
	if (dialogue->step < SMTP_BODY)
		dialogue->awaited--;
	switch (dialogue->step)
	{
		case SMTP_RSET:
			if (positive)
				start_step(dialogue, SMTP_MAIL);
			else
				refuse(dialogue, "RSET");
			break;
		case SMTP_MAIL:
			if (positive)
				start_step(dialogue, SMTP_RCPT);
			else
				refuse(dialogue, "the sender");
			break;
		case SMTP_RCPT:
			if (!positive)
			{
				dialogue->refused_recipient = true;
				refuse(dialogue, "the recipient");
			}
			else if (++dialogue->recipient < list_length(dialogue->request->envelope_to))
				start_step(dialogue, SMTP_RCPT);
			else
				start_step(dialogue, SMTP_DATA);
			break;
		case SMTP_DATA:
			if (dialogue->code == 354)
				dialogue->step = SMTP_BODY;
			else
				refuse(dialogue, "DATA");
			break;
		case SMTP_BODY:
			read_body_reply(dialogue, positive);
			break;
		default:
			dialogue->step = SMTP_GARBLED;
			break;
	}
}

/* One line of a reply, without its end: "250-more" or "250 last". */
static void
read_line(SmtpDialogue *dialogue)
{
	const char *line = dialogue->line;
	int			code;

	if (dialogue->line_length < 3 ||
		line[0] < '2' || line[0] > '5' ||
		line[1] < '0' || line[1] > '9' ||
		line[2] < '0' || line[2] > '9' ||
		(line[3] != '\0' && line[3] != ' ' && line[3] != '-'))
	{
		dialogue->step = SMTP_GARBLED;
		return;
	}
	if (line[3] == '-')
		return;
	code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	dialogue->reply_length = 0;
	/* Keep the reply that refused. */
	if (dialogue->step == SMTP_DRAIN)
	{
		drain_reply(dialogue, code);
		return;
	}
	dialogue->code = code;
	strlcpy(dialogue->reply, line, sizeof(dialogue->reply));
	read_reply(dialogue);
}

void
smtp_dialogue_receive(SmtpDialogue *dialogue, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count && !smtp_dialogue_is_over(dialogue); i++)
	{
		if (++dialogue->reply_length > SMTP_REPLY_LIMIT)
			dialogue->step = SMTP_GARBLED;
		else if (bytes[i] == '\n')
		{
			if (dialogue->line_length > 0 &&
				dialogue->line[dialogue->line_length - 1] == '\r')
				dialogue->line_length--;
			dialogue->line[dialogue->line_length] = '\0';
			read_line(dialogue);
			dialogue->line_length = 0;
		}
		else if (dialogue->line_length < SMTP_LINE_SIZE - 1)
			dialogue->line[dialogue->line_length++] = bytes[i];
	}
}

bool
smtp_dialogue_close(SmtpDialogue *dialogue)
{
	if (dialogue->step != SMTP_DRAIN)
		return false;
	dialogue->must_close = true;
	dialogue->step = SMTP_REFUSED;
	return true;
}

bool
smtp_dialogue_is_over(const SmtpDialogue *dialogue)
{
	return dialogue->step >= SMTP_DELIVERED;
}
