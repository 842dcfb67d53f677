/*
 * appointment_key.h
 *		What names an appointment: ids are unique within an application only.
 */
#ifndef APPT_APPOINTMENT_KEY_H
#define APPT_APPOINTMENT_KEY_H

#include "utils/uuid.h"

typedef struct AppointmentKey
{
	pg_uuid_t	application_id;
	pg_uuid_t	id;
	bool		has_meeting_template;	/* whose rules plan its notifications */
} AppointmentKey;

#endif							/* APPT_APPOINTMENT_KEY_H */
