/*
 * queue_id.c
 *		What a mail server calls a message that it took: the name under which
 *		its own log has it.
 *
 * SMTP has no place for it. The answer to the end of the message is text for
 * people, in which each server tells it in its own way, if at all; these are
 * the ways of the servers that most mail goes through. Where none is found
 * nothing is made up: the answer as a whole is in the log beside it, and the
 * Message-ID, which appt chooses, is in every server's.
 */
#include "postgres.h"

#include "channel/queue_id.h"

/*
 * What stands before and behind it, in any case. Without an `after` the words
 * before it leave no doubt; else that must follow ("": nothing does) and a
 * digit be in it, which words have none of.
 */
typedef struct Shape
{
	const char *before;
	const char *after;
} Shape;

static const Shape shapes[] = {
	{"queued as ", NULL},		/* Postfix, SendGrid, Mailjet, MailHog */
	{"queued with id ", NULL},	/* Stalwart */
	{"internalid=", NULL},		/* Exchange */
	{" id=", NULL},				/* Exim */
	{"queued (", ")"},			/* Haraka */
	{"received ok [", "]"},		/* Mimecast */
	{" ", " message accepted for delivery"},	/* Sendmail, OpenSMTPD,
												 * Proofpoint */
	{" ", " - gsmtp"},			/* Google */
	{" qp ", ""},				/* qmail */
	{"ok ", ""},				/* Amazon SES, SparkPost */
	{"ok. ", ""}				/* Courier */
};

/* How many bytes from here on may be a name. */
static size_t
name_length(const char *text)
{
	size_t		length = 0;

	while (text[length] > ' ' && text[length] <= '~' && strchr("<>()[]{}\"',;", text[length]) == NULL)
		length++;
	while (length > 0 && text[length - 1] == '.')
		length--;
	return length;
}

static bool
is_followed(const char *name, size_t length, const char *after)
{
	const char *end = name + length;

	if (after == NULL)
		return true;
	if (strcspn(name, "0123456789") >= length)
		return false;
	return after[0] == '\0' ? *end == '\0' : pg_strncasecmp(end, after, strlen(after)) == 0;
}

/* A copy of the name in this shape; NULL: there is none. */
static char *
find_name(const char *text, const Shape *shape)
{
	const char *at = text;

	while ((at = strcasestr(at, shape->before)) != NULL)
	{
		size_t		length;

		at += strlen(shape->before);
		at += strspn(at, " ");
		length = name_length(at);
		if (length > 0 && is_followed(at, length, shape->after))
			return pnstrdup(at, length);
	}
	return NULL;
}

/* The words of "250 2.0.0 words", from the blank before them on. */
static const char *
words_of(const char *reply)
{
	const char *words = reply + strcspn(reply, " ");
	size_t		length = words[0] == ' ' ? strspn(words + 1, "0123456789.") : 0;

	if (memchr(words, '.', length) != NULL && words[1 + length] == ' ')
		words += 1 + length;
	return words;
}

char *
find_queue_id(const char *reply)
{
	const char *words = words_of(reply);
	char	   *name = NULL;

	for (int i = 0; i < lengthof(shapes) && name == NULL; i++)
		name = find_name(words, &shapes[i]);
	return name;
}
