/*
 * retention.h
 *		Dropping settled notifications, attempts and records of changes that are
 *		older than appt.log_retention, and old one-time codes.
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
