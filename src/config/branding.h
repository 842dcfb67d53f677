/*
 * branding.h
 *		How the emails of an application look.
 */
#ifndef APPT_CONFIG_BRANDING_H
#define APPT_CONFIG_BRANDING_H

#include "utils/jsonb.h"

/* 22023 unless it is an object of the members that notify/branding.h knows. */
extern void check_branding(Jsonb *branding);

#endif							/* APPT_CONFIG_BRANDING_H */
