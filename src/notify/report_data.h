/*
 * report_data.h
 *		Values of a template's names for a daily report.
 */
#ifndef APPT_REPORT_DATA_H
#define APPT_REPORT_DATA_H

#include "utils/jsonb.h"

/*
 * Push the member "report", made of the payload of a report's event
 * (users/report_content.h): {"day", "timezone", "subjects": [{"subject", "code",
 * "currency", "lastError", "columns": [labels], "days": [{"day", "isLatest",
 * "cells": [{"label", "value", "isFirst"}], and each figure by its name}]}]}. Words
 * and dates are in `locale`, numbers in number_locale. A payload without subjects
 * pushes nothing. False, and *error is a palloc'd sentence, if ICU can't write a value.
 */
extern bool push_report(JsonbParseState **state, const Jsonb *payload, const char *locale,
						const char *number_locale, char **error);

#endif							/* APPT_REPORT_DATA_H */
