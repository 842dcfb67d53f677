/*
 * withdraw.h
 *		End transfers before their message leaves.
 *
 * Nothing here waits for anybody or raises an error.
 */
#ifndef APPT_WITHDRAW_H
#define APPT_WITHDRAW_H

struct TransferEngine;

/* Is the transfer with this tag to be withdrawn? It must not raise an error. */
typedef bool (*TransferFilter) (void *tag, void *argument);

/*
 * End the transfers that the filter names and whose message has not begun to
 * leave. Their responses are taken like any other, and say that they are
 * untried. False if some had to stay because too many look-ups without a
 * transfer go on: ask again.
 */
extern bool transfer_withdraw(struct TransferEngine *engine, TransferFilter is_unwanted, void *argument);

/* End all that is in flight, for shutdown. There are no responses; the tags are forgotten. */
extern void transfer_engine_abandon(struct TransferEngine *engine);

#endif							/* APPT_WITHDRAW_H */
