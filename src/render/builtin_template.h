/*
 * builtin_template.h
 *		A built-in template.
 */
#ifndef APPT_BUILTIN_TEMPLATE_H
#define APPT_BUILTIN_TEMPLATE_H

/* The texts of a message; of an SMS, subject and html_body are NULL, in an inbox html_body is. */
typedef struct BuiltinTemplate
{
	const char *type;			/* CREATE, REMINDER, ... */
	const char *channel;		/* EMAIL, SMS or IN_APP */
	const char *subject;
	const char *text_body;
	const char *html_body;
} BuiltinTemplate;

#endif							/* APPT_BUILTIN_TEMPLATE_H */
