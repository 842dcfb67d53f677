/*
 * page.h
 *		The one page for customers, and the form in it.
 *
 * What it shows is decided by a PageRequest. It is one HTML file without external
 * parts, and works without JavaScript.
 */
#ifndef APPT_PAGE_H
#define APPT_PAGE_H

#include "pages/page_request.h"

/*
 * The page in UTF-8, in CurrentMemoryContext; sets response.status and
 * response.headers. `facts` is NULL for VIEW_NOT_FOUND.
 */
extern bytea *page_write(const PageRequest *request, PageFacts *facts);

#endif							/* APPT_PAGE_H */
