/*
 * settings.h
 *		appt's configuration parameters (GUCs). All but appt.workers change
 *		with a reload.
 */
#ifndef APPT_SETTINGS_H
#define APPT_SETTINGS_H

extern bool appt_enabled;		/* appt sends messages */
extern int	appt_workers;		/* workers per database; 1 unless preloaded */
extern int	appt_max_concurrency;	/* transfers in flight per worker */
extern int	appt_max_per_host;	/* transfers in flight per scheme, host and
								 * port */
extern int	appt_connect_timeout;	/* milliseconds */
extern int	appt_request_timeout;	/* milliseconds, for a whole transfer */
extern int	appt_log_retention; /* minutes; settled rows older than this are
								 * deleted */
extern bool appt_resend_interrupted_sms;
extern bool appt_trust_forwarded_for;	/* X-Forwarded-For tells the client's
										 * address */
extern char *appt_allowed_addresses;	/* comma-separated CIDR[:port] */
extern char *appt_ca_file;		/* '' means the system's certificates */

/* Define all parameters; called once from _PG_init. */
extern void settings_define(void);

#endif							/* APPT_SETTINGS_H */
