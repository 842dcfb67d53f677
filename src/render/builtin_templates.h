/*
 * builtin_templates.h
 *		The templates that an application has before anyone has written one.
 */
#ifndef APPT_BUILTIN_TEMPLATES_H
#define APPT_BUILTIN_TEMPLATES_H

/* The texts of a message; of an SMS, subject and html_body are NULL, in an inbox html_body is. */
typedef struct BuiltinTemplate
{
	const char *type;			/* CREATE, REMINDER, ... */
	const char *channel;		/* EMAIL, SMS or IN_APP */
	const char *subject;
	const char *text_body;
	const char *html_body;
	const char *heading;		/* of the HTML; NULL: none */
	int			content_at;		/* where in the HTML, and how many bytes: what
								 * stands within its layout */
	int			content_length;
} BuiltinTemplate;

/*
 * The template in the language of the locale (NULL and other languages: in
 * English), in the database's encoding. Its texts are constant, or palloc'd
 * where that is not UTF-8. False if the type has no message for people (UPDATE)
 * or the channel no templates.
 */
extern bool builtin_template(const char *type, const char *channel, const char *locale,
							 BuiltinTemplate *found);

/* The same, but its html_body is the content alone, for a layout that the tenant has written; content_at is 0. */
extern bool builtin_content(const char *type, const char *channel, const char *locale,
							BuiltinTemplate *found);

/* The type of a template that is the layout of others. */
#define LAYOUT_TYPE "LAYOUT"

/*
 * The locale of dates in a built-in template: the given one if there are words in
 * its language, else "en", so that no sentence mixes languages.
 */
extern const char *builtin_template_locale(const char *locale);

#endif							/* APPT_BUILTIN_TEMPLATES_H */
