/*
 * retention.h
 *		Dropping settled notifications and attempts, and records of changes,
 *		past appt.log_retention; and one-time codes of yore.
 */
#ifndef APPT_RETENTION_H
#define APPT_RETENTION_H

/*
 * Drop one small batch in one transaction, and tell how many notifications that
 * was. True if there may be more to drop now; false once this pass has reached
 * rows that are too young.
 */
extern bool retention_drop_some(int *dropped);

#endif							/* APPT_RETENTION_H */
