/*
 * queue_id.c
 *		The id that a mail server gave to a message: its log has the message
 *		under it.
 *
 * SMTP has no field for it. The reply to the end of the message is text for
 * people, and each server words the id differently, if it shows it. The shapes
 * below are those of the most used servers. Without a match there is no id: the
 * log keeps the whole reply, and every server's log has the Message-ID.
 */
#include "postgres.h"

#include "channel/queue_id.h"

/*
 * The text before and after the id, in upper or lower case. `after` NULL: the
 * text before is unmistakable. Otherwise `after` must follow ("": the end), and
 * the id must have a digit, which words have not.
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

/* Bytes from here on that can be an id. */
static size_t
id_length(const char *text)
{
	size_t		length = 0;

	while (text[length] > ' ' && text[length] <= '~' && strchr("<>()[]{}\"',;", text[length]) == NULL)
		length++;
	while (length > 0 && text[length - 1] == '.')
		length--;
	return length;
}

static bool
is_followed(const char *id, size_t length, const char *after)
{
	const char *end = id + length;

	if (after == NULL)
		return true;
	if (strcspn(id, "0123456789") >= length)
		return false;
	return after[0] == '\0' ? *end == '\0' : pg_strncasecmp(end, after, strlen(after)) == 0;
}

/* A copy of the id in this shape, or NULL. */
static char *
find_id(const char *text, const Shape *shape)
{
	const char *at = text;

	while ((at = strcasestr(at, shape->before)) != NULL)
	{
		size_t		length;

		at += strlen(shape->before);
		at += strspn(at, " ");
		length = id_length(at);
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
	char	   *id = NULL;

	for (int i = 0; i < lengthof(shapes) && id == NULL; i++)
		id = find_id(words, &shapes[i]);
	return id;
}
