/*
 * worker_main.h
 *		The main function of a worker process.
 */
#ifndef APPT_WORKER_MAIN_H
#define APPT_WORKER_MAIN_H

/* Its name, for RegisterDynamicBackgroundWorker. */
#define WORKER_FUNCTION "appt_worker_main"

/*
 * record_index: which of workers_shared->workers the launcher made for it;
 * MyBgworkerEntry->bgw_extra holds the record's generation, a uint32. Exits.
 */
extern PGDLLEXPORT void appt_worker_main(Datum record_index);

#endif							/* APPT_WORKER_MAIN_H */
