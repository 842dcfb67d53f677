/*
 * held.h
 *		Applications that the workers leave alone (hold_application).
 *
 * Workers check this in each transaction that takes something of an application, so
 * count_sending need wait only for their present transactions (config/hold.c).
 */
#ifndef APPT_HELD_H
#define APPT_HELD_H

/* Condition on an application's id. The held ones, of which there are hardly ever any, are read once a statement. */
#define IS_NOT_HELD(application_id) \
	application_id " <> ALL (ARRAY(SELECT held.id FROM appt.application held WHERE held.is_held))"

#endif							/* APPT_HELD_H */
