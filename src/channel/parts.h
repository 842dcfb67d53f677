/*
 * parts.h
 *		What the channels share with channel.c and with each other. Nobody
 *		outside of this folder includes it.
 */
#ifndef APPT_CHANNEL_PARTS_H
#define APPT_CHANNEL_PARTS_H

#include "lib/stringinfo.h"

#include "channel/channel.h"

/* Why a request could not be composed. */
typedef struct ComposeFailure
{
	Reason		reason;
	const char *error;
} ComposeFailure;

/*
 * For each kind of provider, which channel.c lists: what is wrong with the
 * route whatever the message, or NULL; the request, or NULL and the failure
 * filled in; and what the answer tells beyond its status, in UTF-8 and as the
 * other side wrote it. Each is called only if what comes before found nothing
 * wrong.
 */
extern Request *compose_webhook(const Message *message, const Route *route,
								ComposeFailure *failure);
extern Request *compose_smtp_mail(const Message *message, const Route *route,
								  ComposeFailure *failure);
extern void read_smtp_answer(const Route *route, const Response *response, Outcome *outcome);

extern const char *twilio_problem(const Route *route);
extern Request *compose_twilio(const Message *message, const Route *route,
							   ComposeFailure *failure);
extern void read_twilio_answer(const Route *route, const Response *response, Outcome *outcome);

extern const char *genesys_sms_problem(const Route *route);
extern const char *genesys_email_problem(const Route *route);
extern Request *compose_genesys_sms(const Message *message, const Route *route,
									ComposeFailure *failure);
extern Request *compose_genesys_email(const Message *message, const Route *route,
									  ComposeFailure *failure);
extern void read_genesys_answer(const Route *route, const Response *response, Outcome *outcome);

extern const char *gateway_problem(const Route *route);
extern bool gateway_needs_secret(const Route *route);
extern Request *compose_gateway(const Message *message, const Route *route,
								ComposeFailure *failure);
extern void read_gateway_answer(const Route *route, const Response *response, Outcome *outcome);

/* What an HTTP status that is no success makes of an attempt. */
extern OutcomeKind failed_kind(int status);

/*
 * sms.c
 */

typedef struct TextMessage
{
	const char *to;				/* E.164 */
	const char *text;			/* UTF-8 */
} TextMessage;

extern bool collect_text_message(TextMessage *text_message, const Message *message,
								 ComposeFailure *failure);
extern bool phone_number_is_valid(const char *number);
extern bool short_code_is_valid(const char *sender);
extern bool alphanumeric_sender_is_valid(const char *sender);

/*
 * email.c
 */

/* Everything that goes into a mail, checked, in UTF-8 and ASCII. */
typedef struct MailParts
{
	char	   *uid;
	char	   *sender_name;
	char	   *sender_address;
	char	   *recipient_name;
	char	   *recipient_address;
	char	   *reply_to_name;
	char	   *reply_to_address;	/* NULL: none */
	char	   *list_unsubscribe;	/* NULL: none */
	char	   *subject;
	char	   *text_body;
	char	   *html_body;		/* NULL: none */
	const char *calendar;		/* NULL: none */
	const char *calendar_method;
} MailParts;

extern bool collect_mail(MailParts *parts, const Message *message, const Route *route,
						 ComposeFailure *failure);

/* "Name <address>" taken apart; the name may be NULL. False: it does not parse. */
extern bool parse_mailbox(const char *text, char **name, char **address);

/*
 * The address as SMTP wants it, its domain in ASCII (IDNA); NULL if mail can't
 * be sent to it. The address is UTF-8.
 */
extern char *ascii_mail_address(const char *address);

/* An SMTP provider that has a token_url logs in by OAuth2 token. */
extern bool smtp_needs_secret(const Route *route);
extern const char *smtp_problem(const Route *route);

/*
 * http.c
 */

#define USER_AGENT_HEADER "user-agent: appt/" APPT_VERSION

/* url_problem() but for the length; and of an address that paths are put below. */
extern const char *url_form_problem(const char *url, bool smtp);
extern const char *base_url_problem(const char *url);
extern char *url_below(const char *base, const char *path);

/* Lists of "Name: value". Added are those that are not there already. */
extern bool has_header(List *lines, const char *name);
extern char *header_line(const char *name, const char *value);
extern bool add_headers(List **lines, List *headers, ComposeFailure *failure);

extern bool set_basic_authentication(Request *request, const Route *route,
									 ComposeFailure *failure);
extern bool set_client_credentials(Request *request, const Route *route,
								   const char *token_url, ComposeFailure *failure);
extern void set_body(Request *request, const char *content_type, const char *body);

extern void append_url_encoded(StringInfo buffer, const char *text);
extern void append_json_escaped(StringInfo buffer, const char *text);
extern void append_xml_escaped(StringInfo buffer, const char *text);

/* Out of an answer in JSON; NULL if it has none. For paths see core/json_scan.h. */
extern char *answer_text(const Response *response, const char *path);
extern char *answer_error(const Response *response, const char *message_path,
						  const char *code_path);

/*
 * mask.c
 */

/*
 * The text without these secrets (of char *, in UTF-8), however they are escaped
 * in it. `is_whole`: it was not cut off, what is at its end is no beginning.
 */
extern char *mask_secrets(const char *text, List *secrets, bool is_whole);

/*
 * request_template.c
 */

/* Where a template stands; it decides how values are escaped. */
typedef enum TemplatePlace
{
	PLACE_URL, PLACE_HEADER, PLACE_JSON, PLACE_FORM, PLACE_XML, PLACE_TEXT
} TemplatePlace;

/* What stands for the placeholders, in UTF-8. */
typedef struct TemplateValues
{
	const char *to;
	const char *from;
	const char *text;
	const char *id;
	const char *secret;
} TemplateValues;

/* NULL or what is wrong. Only what nothing is wrong with can be rendered. */
extern const char *request_template_problem(const char *template, TemplatePlace place);
extern const char *request_template_placeholder(const char *template);	/* the first, or NULL */
extern bool request_template_uses(const char *template, const char *name);
extern char *request_template_render(const char *template, TemplatePlace place,
									 const TemplateValues *values);

/* Signatures: HMAC-SHA256 with a key's bytes. NULL if the key is malformed. */
extern char *hex_signature(const char *key, const char *content);
extern char *standard_signature(const char *key, const char *signed_content);

/* What webhook_body() was given as its payload; NULL if that made no body. */
extern char *webhook_payload(const char *body);

#endif							/* APPT_CHANNEL_PARTS_H */
