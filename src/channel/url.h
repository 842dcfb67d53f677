/*
 * url.h
 *		Which URLs may be contacted, and URLs made from others.
 *
 * Checks return NULL or what is wrong, as a sentence that shows no value.
 */
#ifndef APPT_URL_H
#define APPT_URL_H

/* An absolute URL of http(s), or of smtp(s), of at most 2,000 bytes. */
extern const char *url_problem(const char *url, bool smtp);

/* The same without a limit of length. */
extern const char *url_form_problem(const char *url, bool smtp);

/* An http(s) URL that paths can be appended to: url_below(). */
extern const char *base_url_problem(const char *url);

/* A path ("/...") below a base URL, in CurrentMemoryContext. */
extern char *url_below(const char *base, const char *path);

/* Is the host an IP address and not a name, in any notation? */
extern bool url_names_address(const char *url);

#endif							/* APPT_URL_H */
