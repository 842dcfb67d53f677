/*
 * request_template.h
 *		Templates of the requests to a gateway. All texts are UTF-8.
 */
#ifndef APPT_REQUEST_TEMPLATE_H
#define APPT_REQUEST_TEMPLATE_H

/* What kind of text a template is: decides how values are escaped in it. */
typedef enum TemplateContext
{
	CONTEXT_URL, CONTEXT_HEADER, CONTEXT_JSON, CONTEXT_FORM, CONTEXT_XML, CONTEXT_TEXT
} TemplateContext;

/* The values of the placeholders. */
typedef struct TemplateValues
{
	const char *to;
	const char *from;
	const char *text;
	const char *id;
	const char *secret;
} TemplateValues;

/* NULL or what is wrong. */
extern const char *request_template_problem(const char *template, TemplateContext context);

/* The first placeholder, or NULL. */
extern const char *request_template_placeholder(const char *template);

/* Does it have a placeholder of this name? */
extern bool request_template_uses(const char *template, const char *name);

/* In CurrentMemoryContext; NULL if request_template_problem() would find something wrong. */
extern char *request_template_render(const char *template, TemplateContext context,
									 const TemplateValues *values);

#endif							/* APPT_REQUEST_TEMPLATE_H */
