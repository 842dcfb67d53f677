/*
 * page_request.h
 *		What the page for customers shows, as it was decided.
 */
#ifndef APPT_PAGE_REQUEST_H
#define APPT_PAGE_REQUEST_H

#include "pages/page_facts.h"

/* Values of the form's field "action" on the page for unsubscribing, beside none. */
#define PAGE_RESUBSCRIBE "RESUBSCRIBE"
#define PAGE_UNSUBSCRIBE "UNSUBSCRIBE"

typedef enum PageView
{
	VIEW_NOT_FOUND,				/* no such token: facts are not read */
	VIEW_OVER,
	VIEW_APPOINTMENT,
	VIEW_UNSUBSCRIBE,			/* asks */
	VIEW_UNSUBSCRIBED,
	VIEW_RESUBSCRIBED
} PageView;

typedef struct PageNotice
{
	const char *kind;			/* class of its colours: "good", "bad",
								 * "care"; NULL: there is no notice */
	const char *key;			/* of its words */
} PageNotice;

typedef struct PageRequest
{
	PageView	view;
	int			status;			/* HTTP */
	const char *token;
	PageNotice	notice;
	bool		is_asking;		/* for the next: a form for one action */
	ResponseAction action;
	const char *error_key;		/* what is wrong in that form; NULL: nothing */
	const char *reason;			/* as it was filled in; NULL: not */
	const char *proposal;
	TimestampTz now;
} PageRequest;

#endif							/* APPT_PAGE_REQUEST_H */
