/*
 * links.h
 *		The links in a message to a customer, and the tokens in them.
 *
 * Pure: no SPI, no clock. In an email a link leads to the page itself, in a text
 * message to a short address that the web server in front redirects
 * (doc/nginx.conf). Source: people.md section 3, "Links and pages".
 *
 * A token proves that its bearer got the message. So what others may read has a
 * mask in its place: the log, previews, the send dialog.
 */
#ifndef APPT_LINKS_H
#define APPT_LINKS_H

#include "core/meeting_codes.h"
#include "notify/facts.h"

typedef struct Links
{
	const char *base;			/* of the page's links, without a slash at the
								 * end */
	const char *public_base;	/* of the REST API, likewise */
	bool		is_short;
	bool		is_masked;		/* the tokens are masks */
	const char *token;			/* of the page of the appointment */
	const char *unsubscribe_token;
	bool		has_one_click;
} Links;

/* Has the message links: does it go to a customer, and has its application a public_url? */
extern bool message_has_links(const NotificationFacts *facts);

/*
 * Its links, in CurrentMemoryContext; NULL: it has none. Without a key, which
 * previews do not have, they are masked.
 */
extern const Links *links_of(const NotificationFacts *facts);

/* The page of the appointment; the page that asks for an action; the page that asks whether to unsubscribe. */
extern char *link_to_page(const Links *links);
extern char *link_to_action(const Links *links, ResponseAction action);
extern char *link_to_unsubscribe(const Links *links);

/* Where mail programs unsubscribe with one click (RFC 8058); NULL: the application does not want that. */
extern char *link_of_one_click(const Links *links);

/* A function of the REST API: "{public_url}/rpc/{function}". NULL if the application has no public_url. */
extern char *link_to_function(const ApplicationFacts *application, const char *function);

/* The tokens, which the log must not show: a List of char * (message.h). NIL without links, or if they are masked. */
extern List *links_tokens(const Links *links);

/*
 * The text with masks for these tokens, and back. Masking is reversible: a text
 * that looks like a mask is marked. NULL of NULL; without tokens the text itself.
 */
extern const char *tokens_mask(const List *tokens, const char *text);
extern const char *tokens_unmask(const List *tokens, const char *text);

/* Has the text a mask, for which there must be tokens? NULL has none. */
extern bool has_masked_token(const char *text);

#endif							/* APPT_LINKS_H */
