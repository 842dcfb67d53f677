/*
 * mail_address.h
 *		Mail addresses, bare or with a name: "Name <address>".
 *
 * Results are in CurrentMemoryContext.
 */
#ifndef APPT_MAIL_ADDRESS_H
#define APPT_MAIL_ADDRESS_H

/*
 * A bare address as SMTP wants it, its domain in ASCII (IDNA); NULL if mail can't
 * be sent to it. The argument is UTF-8.
 */
extern char *ascii_mail_address(const char *address);

/*
 * The name, or NULL, and the address as it is written. False if that is no
 * mailbox that mail can be sent to. All are UTF-8.
 */
extern bool parse_mailbox(const char *text, char **name, char **address);

/*
 * The same for text of the server's encoding, as the name is then; the address
 * is as ascii_mail_address() returns it.
 */
extern bool mailbox_parts(const char *mailbox, char **name, char **address);

/* The bare address of a provider's sender, in UTF-8; NULL if it is no mailbox. */
extern char *sender_address(const char *sender);

/* NULL or what is wrong with a provider's sender. */
extern const char *sender_problem(const char *sender);

#endif							/* APPT_MAIL_ADDRESS_H */
