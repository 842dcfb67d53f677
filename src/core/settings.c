/*
 * settings.c
 *		Definitions of appt's configuration parameters.
 *
 * appt.workers is defined only while the library is preloaded: it is the
 * number of workers that the launcher starts, and setting it in a session
 * would have no effect.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "core/reachable.h"
#include "core/settings.h"

bool		appt_enabled = true;
int			appt_workers = 1;
int			appt_max_concurrency = 256;
int			appt_max_per_host = 64;
int			appt_connect_timeout = 5000;
int			appt_request_timeout = 15000;
int			appt_log_retention = 90 * 24 * 60;
bool		appt_resend_interrupted_sms = false;
bool		appt_trust_forwarded_for = false;
char	   *appt_allowed_addresses = NULL;
char	   *appt_ca_file = NULL;

typedef struct IntegerSetting
{
	const char *name;
	const char *description;
	int		   *variable;
	int			boot;
	int			lowest;
	int			highest;
	GucContext	context;
	int			flags;
} IntegerSetting;

static const IntegerSetting integers[] = {
	{"appt.workers", "Sets the number of workers per database.",
	&appt_workers, 1, 1, 32, PGC_POSTMASTER, 0},
	{"appt.max_concurrency", "Sets the maximum number of messages in flight per worker.",
	&appt_max_concurrency, 256, 1, 4096, PGC_SIGHUP, 0},
	{"appt.max_per_host", "Sets the maximum number of messages in flight per worker to one scheme, host and port.",
	&appt_max_per_host, 64, 1, 4096, PGC_SIGHUP, 0},
	{"appt.connect_timeout", "Sets the maximum time to establish a connection.",
	&appt_connect_timeout, 5000, 10, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
	{"appt.request_timeout", "Sets the maximum time of an attempt.",
	&appt_request_timeout, 15000, 10, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
	{"appt.log_retention", "Sets how long settled notifications and their attempts are kept.",
	&appt_log_retention, 90 * 24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN},
};

/* A setting of the postmaster can only be defined while the library is preloaded. */
static void
define_integers(void)
{
	for (int i = 0; i < lengthof(integers); i++)
	{
		const IntegerSetting *setting = &integers[i];

		if (setting->context == PGC_POSTMASTER && !process_shared_preload_libraries_in_progress)
			continue;
		DefineCustomIntVariable(setting->name, setting->description, NULL, setting->variable,
								setting->boot, setting->lowest, setting->highest,
								setting->context, setting->flags, NULL, NULL, NULL);
	}
}

static bool
check_allowed_addresses(char **newval, void **extra, GucSource source)
{
	char	   *error = NULL;

	if (reachable_list_is_valid(*newval, &error))
		return true;
	GUC_check_errdetail("%s", error);
	return false;
}

void
settings_define(void)
{
	DefineCustomBoolVariable("appt.enabled",
							 "Sends notifications that are due.",
							 "If off, transfers under way finish and none is started.",
							 &appt_enabled, true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	define_integers();
	DefineCustomBoolVariable("appt.resend_interrupted_sms",
							 "Sends a text message again if its sending was interrupted.",
							 "Gateways do not recognize repeated messages, so the recipient may get two.",
							 &appt_resend_interrupted_sms, false, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("appt.trust_forwarded_for",
							 "Takes the last address in X-Forwarded-For as the client's address.",
							 "Switch it on only if a proxy in front of PostgREST appends that address: requests of codes are then limited per client address, too.",
							 &appt_trust_forwarded_for, false, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomStringVariable("appt.allowed_addresses",
							   "Lists the private addresses that may be contacted.",
							   "Comma-separated CIDR ranges, each with an optional :port.",
							   &appt_allowed_addresses, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_allowed_addresses, NULL, NULL);
	DefineCustomStringVariable("appt.ca_file",
							   "Sets the file of certificate authorities to trust.",
							   "If empty, the system's certificate authorities are trusted.",
							   &appt_ca_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	MarkGUCPrefixReserved("appt");
}
