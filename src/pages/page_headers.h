/*
 * page_headers.h
 *		The headers of an HTML page that keeps to itself.
 */
#ifndef APPT_PAGE_HEADERS_H
#define APPT_PAGE_HEADERS_H

/*
 * Set response.status and response.headers of a page that has this one style and
 * this one script inline, found by their hashes, and no other part from anywhere
 * but data: images.
 */
extern void page_set_headers(int status, const char *style, const char *script);

/* The source of Content-Security-Policy for an inline part: 'sha256-...'. In CurrentMemoryContext. */
extern char *page_hash_source(const char *content);

#endif							/* APPT_PAGE_HEADERS_H */
