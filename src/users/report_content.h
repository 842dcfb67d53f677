/*
 * report_content.h
 *		What a daily report tells, read from the figures of its days.
 */
#ifndef APPT_REPORT_CONTENT_H
#define APPT_REPORT_CONTENT_H

#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"

/*
 * The payload of the report's event: {"date", "timezone", "subjects": [{"code",
 * "name", "currency", "lastError", "days": [{"date", figures}]}]}. The days are the
 * one that the report is about and the seven before it; one that was never counted
 * has no figures. A report has at most 20 subjects of a kind, those with the most
 * on that day; the others are one subject. *is_empty: it has no subjects.
 */
extern Jsonb *report_content(NotificationType type, const pg_uuid_t *application_id, DateADT date,
							 const char *timezone, bool *is_empty);

#endif							/* APPT_REPORT_CONTENT_H */
