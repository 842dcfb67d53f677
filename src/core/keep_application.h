/*
 * keep_application.h
 *		Keeps an application while a transaction plans messages for it, and tells whether
 *		it is in this database.
 *
 * Messages have no foreign key that would keep it, because the log outlives its
 * application. This is for functions that callers call: the worker must not wait for
 * such a lock.
 */
#ifndef APPT_KEEP_APPLICATION_H
#define APPT_KEEP_APPLICATION_H

#include "utils/uuid.h"

/* For statements that read appt.application a. */
#define KEEP_APPLICATION " FOR KEY SHARE OF a"

/*
 * Until the transaction ends the application is neither deleted nor moved. PT404:
 * there is none. SPI connected, as the owner.
 */
extern void keep_application(const pg_uuid_t *id);

/*
 * Is the application in this database? Rows without it are about to arrive from another
 * database, or have been left behind (doc/shards.md). SPI connected, as the owner.
 */
extern bool application_is_here(const pg_uuid_t *id);

#endif							/* APPT_KEEP_APPLICATION_H */
