/*
 * content_lines.h
 *		The lines that calendar files consist of (RFC 5545, 3.1).
 *
 * Texts are UTF-8 without control characters but tabs and line feeds. Results
 * are palloc'd in CurrentMemoryContext; nothing is raised but out of memory.
 */
#ifndef APPT_CONTENT_LINES_H
#define APPT_CONTENT_LINES_H

#include "lib/stringinfo.h"

/* Append "name:value", folded, with its line end. The value must hold no line feed. */
extern void content_line(StringInfo file, const char *name, const char *value);

/* A value of type TEXT, escaped (3.3.11); NULL stays NULL. */
extern char *content_text(const char *text);

/* The value of a parameter, in quotes where it needs them (3.2); without line feeds and double quotes. */
extern char *content_parameter(const char *text);

#endif							/* APPT_CONTENT_LINES_H */
