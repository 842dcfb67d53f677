/*
 * growth.h
 *		How much a process grows when it repeats an operation.
 */
#ifndef APPT_TEST_GROWTH_H
#define APPT_TEST_GROWTH_H

/* Bytes of this process that are in memory and its own. */
extern int64 resident_bytes(void);

/*
 * Do something so many times, in a context that is emptied each time as the
 * worker's is; the bytes that the process grew after the first tenth.
 */
extern int64 growth(int times, void (*work) (int i, void *argument), void *argument);

#endif							/* APPT_TEST_GROWTH_H */
