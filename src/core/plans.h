/*
 * plans.h
 *		Planner settings for plans that stay good as tables grow.
 */
#ifndef APPT_PLANS_H
#define APPT_PLANS_H

/*
 * Use generic plans with indexes until the end of the current GUC nest level
 * or, with `for_good`, of the process. Every statement of appt finds few rows
 * by key. Its plan is made once per session, perhaps while a table is empty or
 * its statistics are stale: a sequential scan looks cheap then, and would be
 * used after it no longer is.
 */
extern void pin_plans(bool for_good);

/*
 * Also read in the order of an index instead of sorting, however few rows the
 * planner expects: for statements with LIMIT. Until the end of the current GUC
 * nest level.
 */
extern void pin_order(void);

#endif							/* APPT_PLANS_H */
