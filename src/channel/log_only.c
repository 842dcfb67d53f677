/*
 * log_only.c
 *		EMAIL and SMS by a provider of kind LOG: messages that are written to the
 *		log and sent to nobody, for development.
 *
 * What another provider would refuse is refused here, too, so that a message
 * that is well in development is well in production.
 */
#include "postgres.h"

#include "channel/email.h"
#include "channel/log_only.h"
#include "channel/sms.h"

#define LOG_ANSWER "written to the log"

static const char *
log_problem(const Route *route)
{
	if (route->url != NULL || route->username != NULL)
		return "it connects to nothing, so it has neither URL nor user name";
	return NULL;
}

static bool
accept_email(const Message *message, const Route *route, ComposeFailure *failure)
{
	MailParts	parts = {0};

	return collect_mail(&parts, message, route, failure);
}

static bool
accept_text_message(const Message *message, const Route *route, ComposeFailure *failure)
{
	TextMessage parts;

	return collect_text_message(&parts, message, failure);
}

const ChannelKind log_email = {
	.channel = CHANNEL_EMAIL,
	.name = "LOG",
	.problem = log_problem,
	.accept = accept_email,
	.local_answer = LOG_ANSWER,
	.carries_invitations = true
};

const ChannelKind log_sms = {
	.channel = CHANNEL_SMS,
	.name = "LOG",
	.problem = log_problem,
	.accept = accept_text_message,
	.local_answer = LOG_ANSWER
};
