/*
 * template_names.h
 *		What a saved template may mention.
 */
#ifndef APPT_TEMPLATE_NAMES_H
#define APPT_TEMPLATE_NAMES_H

#include "render/mustache.h"

/*
 * Does the template mention only the names below, keys of metadata, of
 * participant.metadata and of payload, and date patterns?  If not, *error is set to a palloc'd
 * sentence that quotes the first other name.
 *
 * firstName lastName fullName username title notes location organizer
 * cancelReason joinUrl icalUrl googleCalendarUrl time24 time12 date zone
 * duration applicationName code customerName line contact.name contact.phone
 * contact.email contact.id status meetingType videoPlatform
 */
extern bool template_names_are_known(const Mustache *m, char **error);

#endif							/* APPT_TEMPLATE_NAMES_H */
