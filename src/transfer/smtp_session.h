/*
 * smtp_session.h
 *		SMTP sessions: connected by libcurl, then spoken to by smtp_dialogue.c,
 *		and kept for the next mail by the same route.
 *
 * A session carries one mail, Transfer.session, or is idle. Nothing here raises
 * an error.
 */
#ifndef APPT_SMTP_SESSION_H
#define APPT_SMTP_SESSION_H

#include "transfer/transfer.h"

typedef struct SmtpSession SmtpSession;

/*
 * Send a mail over an idle session or a new one; the transfer is in `mails`.
 * False if it can't be started. It may have ended on return.
 */
extern bool start_mail(Transfer *transfer);

/* libcurl has connected and logged in: send the mail. It may have ended on return. */
extern void begin_dialogue(SmtpSession *session);

/*
 * libcurl could not connect or log in. Ends the session, not the transfer. True
 * if the server refused the login for good.
 */
extern bool fail_session(Transfer *transfer, CURLcode result);

/* Close a session at once. The transfer that it carries does not end. */
extern void end_session(SmtpSession *session);

/* Close the session that has been idle for longest, if there is one. */
extern void close_idle_session(Engine *engine);

/* The handle that libcurl connected it with. */
extern CURL *session_easy(const SmtpSession *session);

/* Has no byte of the mail itself left? The server may know the envelope; without a message nothing comes of that. */
extern bool mail_is_unsent(const SmtpSession *session);

/* When run_session_deadlines() must be called, monotonic ms; PG_INT64_MAX: never. */
extern int64 next_session_deadline(Engine *engine);

/* End the mails that took too long, close the sessions that were idle for too long. */
extern void run_session_deadlines(Engine *engine, int64 now);

#endif							/* APPT_SMTP_SESSION_H */
