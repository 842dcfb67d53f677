/*
 * page_facts.h
 *		What the page for customers shows: everything about a message that its
 *		token gives access to, and nothing else.
 */
#ifndef APPT_PAGE_FACTS_H
#define APPT_PAGE_FACTS_H

#include "notify/link_token_find.h"
#include "notify/shown.h"

/* The customer's last answer. */
typedef struct PageAnswer
{
	bool		is_given;
	ResponseAction action;
	char	   *reason;			/* NULL: none */
	TimestampTz proposed_start_at;	/* 0: none */
	TimestampTz created_at;
} PageAnswer;

/* Texts are NULL where there are none. */
typedef struct PageFacts
{
	/* the application */
	char	   *sender;
	Jsonb	   *contact;
	bytea	   *image;
	char	   *locale;			/* one that has words */
	char	   *recipient;		/* address that the message went to */

	/* the appointment */
	bool		is_over;		/* or gone: nothing of it is shown */
	pg_uuid_t	appointment_id;
	char	   *title;
	TimestampTz start_at;
	TimestampTz end_at;
	char	   *timezone;
	char	   *location;
	int			sequence;
	TimestampTz updated_at;
	char	   *room_url;
	char	   *customer_name;
	char	   *organizer_name;
	char	   *meeting_type;
	char	   *video_platform;

	/* the message */
	bool		asks_reason;	/* of who declines */
	bool		has_shown;
	Shown		shown;
	char	   *digest;			/* of time and place as they are now; NULL:
								 * there is no appointment */
	bool		has_changed;	/* they are not what the message showed */
	PageAnswer	answer;

	/* words of the application: {"key": "text"}; NULL: none */
	Jsonb	   *texts;
} PageFacts;

/*
 * Read them, as they are now. False: the message's application is gone. With SPI
 * connected, as the owner; in CurrentMemoryContext.
 */
extern bool page_facts_read(const LinkedMessage *message, TimestampTz now, PageFacts *facts);

/* Has the message a button of this action? */
extern bool page_offers(const PageFacts *facts, ResponseAction action);

/* Does the page ask for words with this action? */
extern bool page_asks_reason(const PageFacts *facts, ResponseAction action);

#endif							/* APPT_PAGE_FACTS_H */
