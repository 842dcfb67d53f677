/*
 * plans.h
 *		Keeping the planner to plans that stay right as tables grow.
 */
#ifndef APPT_PLANS_H
#define APPT_PLANS_H

/*
 * Every statement of appt finds few rows by key. Its plan is made once a
 * session, perhaps while a table is empty or its statistics are stale: then
 * reading the whole table looks cheap, and goes on when it no longer is. So
 * plans are generic and go by index. Until the end of the current GUC nest
 * level, or, with `for_good`, of the process.
 */
extern void pin_plans(bool for_good);

/*
 * Besides, an index that has the order wanted is read in it, however few rows
 * the planner believes that there are to sort: for statements with a LIMIT.
 * Until the end of the current GUC nest level.
 */
extern void pin_order(void);

#endif							/* APPT_PLANS_H */
