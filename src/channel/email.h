/*
 * email.h
 *		What goes into a mail, checked, for any provider to send.
 */
#ifndef APPT_EMAIL_H
#define APPT_EMAIL_H

#include "channel/message.h"
#include "channel/request.h"

/* Texts are UTF-8, addresses ASCII. */
typedef struct MailParts
{
	char	   *uid;
	const char *thread;			/* NULL: none, like the next */
	const char *feedback_id;
	char	   *sender_name;	/* names: NULL or "" for none */
	char	   *sender_address;
	char	   *recipient_name;
	char	   *recipient_address;
	char	   *reply_to_name;
	char	   *reply_to_address;	/* NULL: none */
	const char *list_unsubscribe;	/* a URL; NULL: none */
	bool		has_one_click;	/* a POST to it unsubscribes */
	char	   *subject;
	char	   *text_body;
	char	   *html_body;		/* NULL: none */
	const char *calendar;		/* NULL: none */
	const char *calendar_method;
} MailParts;

/*
 * Fill in *parts, all zero before. False with *failure filled in if the mail
 * can't be sent.
 */
extern bool collect_mail(MailParts *parts, const Message *message, const Route *route,
						 ComposeFailure *failure);

#endif							/* APPT_EMAIL_H */
