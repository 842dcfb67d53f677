/*
 * loop.h
 *		The worker's loop.
 */
#ifndef APPT_LOOP_H
#define APPT_LOOP_H

/* Deliver under this slot; returns when the worker shall exit. No transaction is open. */
extern void delivery_loop(int slot);

#endif							/* APPT_LOOP_H */
