/*
 * suppress.c
 *		Addresses that an application's administrators suppress, and release.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/caller_name.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/suppression.h"

PG_FUNCTION_INFO_V1(suppress);
PG_FUNCTION_INFO_V1(unsuppress);

enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_CHANNEL, ARGUMENT_ADDRESS, ARGUMENT_REASON
};

#define ALL_SUPPRESSIONS \
	(SUPPRESSION_BIT(REASON_OPTED_OUT) | SUPPRESSION_BIT(REASON_UNDELIVERABLE) | \
	 SUPPRESSION_BIT(REASON_COMPLAINED) | SUPPRESSION_BIT(REASON_BLOCKED))

/* PT404: there is no such application, or it is not the caller's. */
static char *
read_calling_code(const Caller *caller, const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT a.calling_code FROM appt.application a WHERE a.id = $1", 1, {UUIDOID}
	};

	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	return next_text(ROW(0));
}

static bool
has_addresses(const ChannelInfo *channel)
{
	return channel->route == ROUTE_PROVIDER;
}

/* The first three arguments. 22023: the channel has no addresses, or the address is none of the channel's. */
static Suppression
read_address(FunctionCallInfo fcinfo, const Caller *caller)
{
	Suppression suppression = {0};
	char	   *channel;
	char	   *address;
	char	   *calling_code;

	require_arguments(fcinfo, ARGUMENT_REASON);
	suppression.application_id = *PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	channel = required_text(fcinfo, ARGUMENT_CHANNEL, "channel");
	address = required_text(fcinfo, ARGUMENT_ADDRESS, "address");
	check_code(channel, channel_code_list(has_addresses), "channel");
	(void) channel_from_code(channel, &suppression.channel);
	calling_code = read_calling_code(caller, &suppression.application_id);
	suppression.address = channel_address_normalize(suppression.channel, address, calling_code);
	if (!channel_address_is_valid(suppression.channel, suppression.address))
		report_invalid(channel_address_error(suppression.channel), "\"%s\" can't be written to over %s.",
					   quotable_text(address), channel);
	return suppression;
}

static Reason
reason_argument(FunctionCallInfo fcinfo)
{
	static const char *const codes[] = {"OPTED_OUT", "UNDELIVERABLE", "COMPLAINED", "BLOCKED", NULL};
	char	   *code = required_text(fcinfo, ARGUMENT_REASON, "reason");
	Reason		reason;

	check_code(code, codes, "reason");
	return reason_from_code(code, &reason) ? reason : REASON_BLOCKED;
}

/*
 * appt.suppress(application_id uuid, channel text, address text,
 *		reason text = 'BLOCKED') -> void
 *
 * Reasons that the address is suppressed for already stay beside the new one. The
 * same call again changes nothing. 22023: bad channel, address or reason. PT404:
 * no such application. Source: people.md section 4.
 */
Datum
suppress(PG_FUNCTION_ARGS)
{
	Suppression suppression;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	suppression = read_address(fcinfo, &call.caller);
	suppression.reason = reason_argument(fcinfo);
	suppression.source = psprintf("suppress by %s", caller_name());
	suppression_add(&suppression);
	call_end(&call);
	PG_RETURN_VOID();
}

/*
 * appt.unsuppress(application_id uuid, channel text, address text) -> void
 *
 * Removes all that suppresses the address; nothing happens if nothing does.
 * Errors as suppress. Source: people.md section 4.
 */
Datum
unsuppress(PG_FUNCTION_ARGS)
{
	Suppression suppression;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	suppression = read_address(fcinfo, &call.caller);
	(void) suppression_remove(&suppression.application_id, suppression.channel, suppression.address,
							  ALL_SUPPRESSIONS);
	call_end(&call);
	PG_RETURN_VOID();
}
