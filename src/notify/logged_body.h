/*
 * logged_body.h
 *		As much of a message's body as the log keeps.
 */
#ifndef APPT_LOGGED_BODY_H
#define APPT_LOGGED_BODY_H

/* The body, or a copy of its beginning in CurrentMemoryContext, cut between two characters; NULL of NULL. */
extern const char *logged_body(const char *body);

/* Is a body of so many bytes in the log the whole? 0 where there is none. */
extern bool logged_body_is_whole(Size bytes);

#endif							/* APPT_LOGGED_BODY_H */
