/*
 * form.h
 *		Reading application/x-www-form-urlencoded.
 */
#ifndef APPT_FORM_H
#define APPT_FORM_H

#include "nodes/pg_list.h"

/* Decoded; the bytes are followed by a NUL, and may contain some. */
typedef struct FormText
{
	char	   *bytes;
	size_t		length;
} FormText;

typedef struct FormField
{
	FormText	name;
	FormText	value;
} FormField;

/* The fields in their order: a List of FormField *. Anything is a form. */
extern List *form_parse(const char *body);

/* The value of the first field of this name; NULL: there is none. */
extern char *form_value(const char *body, const char *name);

#endif							/* APPT_FORM_H */
