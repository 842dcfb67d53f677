/*
 * queue_id.h
 *		The id that a mail server gave to a message.
 */
#ifndef APPT_QUEUE_ID_H
#define APPT_QUEUE_ID_H

/*
 * The id in the reply to the end of a message, "250 2.0.0 words", in
 * CurrentMemoryContext; NULL if none is found.
 */
extern char *find_queue_id(const char *reply);

#endif							/* APPT_QUEUE_ID_H */
