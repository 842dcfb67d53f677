/*
 * databases.h
 *		For the launcher: the databases that may have workers, and which of them
 *		have the extension.
 */
#ifndef APPT_DATABASES_H
#define APPT_DATABASES_H

#include "nodes/pg_list.h"

/* Has a session asked for a look at a database since the last refresh? */
extern bool databases_must_refresh(void);

/*
 * Read the list of databases, forget those that are gone or closed, and stop the
 * workers that still run there. Returns the databases (Oids) whose workers are
 * to start without delay, because something happened to them. No transaction is
 * open; the list is in CurrentMemoryContext.
 */
extern List *databases_refresh(void);

typedef struct DatabaseLists
{
	List	   *known;			/* all that may have workers; Oids */
	List	   *present;		/* with the extension, and not held by DDL */
	List	   *unknown;		/* it is not known whether they have it; nor
								 * held */
} DatabaseLists;

/* As of the last refresh and what workers found since; in CurrentMemoryContext. */
extern DatabaseLists databases_list(void);

#endif							/* APPT_DATABASES_H */
