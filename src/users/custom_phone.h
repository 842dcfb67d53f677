/*
 * custom_phone.h
 *		Confirming the phone number that a user chose.
 */
#ifndef APPT_CUSTOM_PHONE_H
#define APPT_CUSTOM_PHONE_H

#include "users/acting_user.h"

/*
 * Send a one-time code to the user's custom_phone, unless there is none or it is
 * confirmed. PT429: the limits of notify/codes.h. The profile is locked.
 */
extern void custom_phone_request(const ActingUser *user);

#endif							/* APPT_CUSTOM_PHONE_H */
