/*
 * branding.h
 *		How the emails of an application look: application.branding.
 *
 * {"logo_url": an https URL, "color": #RRGGBB, "footer", "address": lines of
 * text}, each optional. Pure.
 */
#ifndef APPT_BRANDING_H
#define APPT_BRANDING_H

#include "notify/facts.h"

/* The colour of buttons and of the line on top; appt's own if the application has none. */
extern const char *branding_color(const ApplicationFacts *application);

/* Push the member "branding": what is given, the colour, and as text_color what is easy to read on it. */
extern void push_branding(JsonbParseState **state, const ApplicationFacts *application);

#endif							/* APPT_BRANDING_H */
