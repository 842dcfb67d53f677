/*
 * logged_body.h
 *		As much of a message's body as the log keeps.
 */
#ifndef APPT_LOGGED_BODY_H
#define APPT_LOGGED_BODY_H

/* The body, or a copy of its beginning in CurrentMemoryContext, cut between two characters; NULL of NULL. */
extern const char *logged_body(const char *body);

/* Does the log have the whole of a body of this many bytes? 0 bytes: there is no body. */
extern bool logged_body_is_whole(Size bytes);

#endif							/* APPT_LOGGED_BODY_H */
