/*
 * facts_users.h
 *		Facts about users: what they want of their notifications, and the
 *		customers of the appointments that these are about.
 */
#ifndef APPT_FACTS_USERS_H
#define APPT_FACTS_USERS_H

#include "notify/facts_batch.h"

/* Sets `user` and `user_takes_part` of each notification to a user, and `customer_names` of its appointment. */
extern void load_users(Batch *batch);

#endif							/* APPT_FACTS_USERS_H */
