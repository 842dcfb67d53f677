/*
 * application.h
 *		The lock on an application that configuration functions take.
 */
#ifndef APPT_APPLICATION_H
#define APPT_APPLICATION_H

#include "utils/uuid.h"

#include "core/call.h"

/*
 * Lock the application's row until the transaction ends, against other
 * configuration calls but not against bookings. PT404 if it does not exist or
 * the caller may not configure it. SPI connected, as the owner.
 */
extern void lock_application(const Caller *caller, const pg_uuid_t *application_id);

#endif							/* APPT_APPLICATION_H */
