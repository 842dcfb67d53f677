/*
 * settings.h
 *		appt's configuration parameters (GUCs). All but appt.workers change
 *		with a reload.
 */
#ifndef APPT_SETTINGS_H
#define APPT_SETTINGS_H

extern bool appt_enabled;		/* may anything be sent? */
extern int	appt_workers;		/* workers per database; 1 unless preloaded */
extern int	appt_max_concurrency;	/* transfers in flight per worker */
extern int	appt_max_per_host;	/* and per scheme, host and port */
extern int	appt_connect_timeout;	/* milliseconds */
extern int	appt_request_timeout;	/* milliseconds, a whole transfer */
extern int	appt_log_retention; /* minutes; settled rows older than this go */
extern bool appt_resend_interrupted_sms;
extern bool appt_trust_forwarded_for;	/* does X-Forwarded-For tell who a client is? */
extern char *appt_allowed_addresses;	/* comma-separated CIDR[:port] */
extern char *appt_ca_file;		/* '' means the system's certificates */

/* Define them all; called once from _PG_init. */
extern void settings_define(void);

#endif							/* APPT_SETTINGS_H */
