/*
 * transaction.h
 *		Run one step in a transaction, and return why it failed.
 */
#ifndef APPT_TRANSACTION_H
#define APPT_TRANSACTION_H

/* Would the same step fail again? */
typedef enum FailureKind
{
	FAILURE_OF_DATA,			/* yes, because of the rows that it worked on */
	FAILURE_TRANSIENT,			/* not later: a lock, a full disk, a cancel,
								 * DDL */
	FAILURE_UNKNOWN				/* perhaps: a trigger that a user has added,
								 * say */
} FailureKind;

#define FAILURE_MESSAGE_SIZE 512

typedef struct Failure
{
	FailureKind kind;
	char		message[FAILURE_MESSAGE_SIZE];
} Failure;

/*
 * Run the step in a transaction of its own, as this role (InvalidOid: as the
 * session's user), SPI connected, a snapshot active, in memory that goes with
 * the transaction. CurrentMemoryContext stays as it was.
 *
 * On error it is rolled back and reported to the server's log; the result is
 * false and *failure tells why. An error that DDL on the extension may have
 * caused is not reported: *unreported is that error, in CurrentMemoryContext,
 * for the caller to report or to free, else NULL.
 */
extern bool transaction_run(Oid role, void (*step) (void *), void *argument,
							Failure *failure, ErrorData **unreported);

/*
 * The commit of this transaction need not wait for the disk or a standby: for what
 * is done again if a crash undoes it.
 */
extern void transaction_commit_without_flush(void);

/* Report such an error to the server's log. */
extern void transaction_report_error(ErrorData *error);

/*
 * Hand the counts of rows read and written to the server's statistics, by which
 * autovacuum goes; all of them with `force`. *has_more: some are kept until
 * later. Failures as in transaction_run; what was committed stays so.
 */
extern bool transaction_report_statistics(bool force, bool *has_more,
										  Failure *failure, ErrorData **unreported);

#endif							/* APPT_TRANSACTION_H */
