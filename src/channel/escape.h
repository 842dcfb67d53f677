/*
 * escape.h
 *		Values inside of other text. All are UTF-8.
 */
#ifndef APPT_ESCAPE_H
#define APPT_ESCAPE_H

#include "lib/stringinfo.h"

/* For a path, a query or a form: all but letters, digits and -._~ as %XX. */
extern void append_url_encoded(StringInfo buffer, const char *text);

/* For the inside of a JSON string; without quotes around it. */
extern void append_json_escaped(StringInfo buffer, const char *text);

/* For text or an attribute of XML. Control characters, which XML lacks, become blanks. */
extern void append_xml_escaped(StringInfo buffer, const char *text);

#endif							/* APPT_ESCAPE_H */
