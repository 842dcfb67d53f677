/*
 * header.h
 *		Headers of HTTP requests, as lists of "Name: value" lines.
 */
#ifndef APPT_HEADER_H
#define APPT_HEADER_H

#include "channel/message.h"
#include "channel/request.h"

/* NULL or what is wrong with a header that is configured; no value is shown. */
extern const char *header_problem(const char *name, const char *value);

/* A line for libcurl, in CurrentMemoryContext. */
extern char *header_line(const char *name, const char *value);

/* Do the lines have a header of this name? */
extern bool has_header(List *lines, const char *name);

/*
 * Append lines for those headers (of Header) whose names the lines do not have.
 * False with *failure filled in if one can't be sent.
 */
extern bool add_headers(List **lines, List *headers, ComposeFailure *failure);

#endif							/* APPT_HEADER_H */
