/*
 * profile.h
 *		The profile of a user, in functions that change what belongs to the user.
 *
 * SPI must be connected, as the owner.
 */
#ifndef APPT_PROFILE_H
#define APPT_PROFILE_H

#include "users/acting_user.h"

/*
 * Lock the profile until the transaction ends, against other functions that change
 * what belongs to the user. PT404 if there is none: admins make profiles.
 */
extern void profile_lock(const ActingUser *user);

/* The function's result: appt.profile_details of a user. */
extern Datum profile_details(Call *call, const ActingUser *user);

#endif							/* APPT_PROFILE_H */
