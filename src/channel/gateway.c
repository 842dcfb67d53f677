/*
 * gateway.c
 *		SMS by any gateway that takes text messages over HTTP.
 *
 * The provider's row describes the request: url, and the settings method,
 * headers, body and content_type. URL, headers and body are templates
 * (request_template.c). Other settings describe what an answer means.
 *
 * Only the administrator sets the host: placeholders come after it, and the
 * message's text only in the query, where it can't change the path. A JSON body
 * must stay JSON with any text in it, so placeholders are inside of quotes.
 *
 * {{id}} is the same for each attempt of a message: a gateway that receives it
 * can recognize a retry.
 */
#include "postgres.h"

#include "channel/gateway.h"
#include "channel/gateway_inbound.h"
#include "channel/header.h"
#include "channel/http.h"
#include "channel/request_template.h"
#include "channel/segments.h"
#include "channel/sms.h"
#include "channel/url.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/json_scan.h"
#include "core/text.h"

/* With the text in the query it may be longer than URLs usually are. */
#define MAX_URL_LENGTH 8000

#define LOWEST_STATUS 200
#define HIGHEST_STATUS 599

#define FORM_TYPE "application/x-www-form-urlencoded"
#define JSON_TYPE "application/json"

/* The settings, with defaults for those left out. Texts are UTF-8. */
typedef struct Gateway
{
	const char *url;
	const char *method;
	const char *content_type;
	TemplateContext body_context;	/* of the body */
	const char *body;			/* NULL: none */
	List	   *statuses;		/* of char *: "200" or "200-299"; NIL: those
								 * of 2xx */
	const char *success_path;	/* NULL: the status decides */
	List	   *success_values; /* of char *; NIL: anything */
	const char *message_id_path;	/* NULL: none */
} Gateway;

/* The escaping that a content type needs. */
static const struct
{
	const char *type;
	TemplateContext context;
}			content_types[] = {
	{JSON_TYPE, CONTEXT_JSON},
	{FORM_TYPE, CONTEXT_FORM},
	{"application/xml", CONTEXT_XML},
	{"text/xml", CONTEXT_XML},
	{"application/soap+xml", CONTEXT_XML},
	{"text/plain", CONTEXT_TEXT}
};

/* False: the type is unknown, or has a parameter other than charset=utf-8. */
static bool
find_context(const char *content_type, TemplateContext *context)
{
	size_t		length = strcspn(content_type, "; ");
	const char *parameter = content_type + length + strspn(content_type + length, "; ");

	if (*parameter != '\0' && pg_strcasecmp(parameter, "charset=utf-8") != 0)
		return false;
	for (int i = 0; i < lengthof(content_types); i++)
	{
		if (strlen(content_types[i].type) == length &&
			pg_strncasecmp(content_types[i].type, content_type, length) == 0)
		{
			*context = content_types[i].context;
			return true;
		}
	}
	return false;
}

/* For providers without a setting body; NULL: there is no default. */
static const char *
default_body(TemplateContext context)
{
	if (context == CONTEXT_JSON)
		return "{\"id\":\"{{id}}\",\"from\":\"{{from}}\",\"to\":\"{{to}}\",\"text\":\"{{text}}\"}";
	if (context == CONTEXT_FORM)
		return "id={{id}}&from={{from}}&to={{to}}&text={{text}}";
	return NULL;
}

static const char *
setting(const Route *route, const char *name, const char *otherwise)
{
	char	   *text = json_root_text(route->settings, name);
	char	   *utf8 = text ? encoding_to_utf8(text) : NULL;

	if (text == NULL)
		return otherwise;
	return utf8 ? utf8 : "";
}

/* NULL, or what is wrong with the settings. */
static const char *
read_gateway(const Route *route, Gateway *gateway)
{
	gateway->url = route->url;
	gateway->method = setting(route, "method", "POST");
	gateway->content_type = setting(route, "content_type", JSON_TYPE);
	if (!find_context(gateway->content_type, &gateway->body_context))
		return "the setting content_type is none of application/json, application/x-www-form-urlencoded, application/xml, text/xml, application/soap+xml and text/plain, in utf-8";
	gateway->body = setting(route, "body", default_body(gateway->body_context));
	if (strcmp(gateway->method, "GET") == 0)
	{
		if (json_root_text(route->settings, "body") != NULL)
			return "a GET request has no body";
		gateway->body = NULL;
	}
	else if (strcmp(gateway->method, "POST") != 0 && strcmp(gateway->method, "PUT") != 0)
		return "the setting method is none of GET, POST and PUT";
	else if (gateway->body == NULL)
		return "the setting body is missing";
	gateway->statuses = json_root_texts(route->settings, "success_status");
	gateway->success_path = setting(route, "success_path", NULL);
	gateway->success_values = json_root_texts(route->settings, "success_value");
	gateway->message_id_path = setting(route, "message_id_path", NULL);
	return NULL;
}

/*
 * Checks of the configuration.
 */

static const TemplateValues sample = {
	.to = "+306900000000", .from = "sample", .text = "a \"text\"", .secret = "secret",
	.id = "00000000-0000-0000-0000-000000000000"
};

/* No placeholder before the host's end, the text only in the query. */
static const char *
gateway_url_problem(const char *url)
{
	const char *problem = request_template_problem(url, CONTEXT_URL);
	const char *host = strstr(url, "://");
	size_t		host_length = host ? 3 + strcspn(host + 3, "/?#") : 0;
	const char *first = request_template_placeholder(url);

	if (problem != NULL)
		return problem;
	if (strchr(url, '#') != NULL)
		return "the URL must not have a fragment";
	if (first != NULL && (host == NULL || first < host + host_length))
		return "a URL may have placeholders behind its host alone";
	if (request_template_uses(pnstrdup(url, strcspn(url, "?")), "text"))
		return "a URL may have {{text}} behind its question mark alone";
	return url_problem(request_template_render(url, CONTEXT_URL, &sample), false);
}

static const char *
body_problem(const Gateway *gateway)
{
	const char *problem;

	if (gateway->body == NULL)
		return NULL;
	problem = request_template_problem(gateway->body, gateway->body_context);
	if (problem == NULL && gateway->body_context == CONTEXT_JSON &&
		!json_is_valid(request_template_render(gateway->body, CONTEXT_JSON, &sample)))
		return "the setting body is not JSON; placeholders stand between quotes in it";
	return problem;
}

static const char *
headers_problem(List *headers)
{
	ListCell   *cell;

	foreach(cell, headers)
	{
		const Header *header = lfirst(cell);
		const char *problem = header->value ? request_template_problem(header->value, CONTEXT_HEADER) : NULL;

		if (problem != NULL)
			return problem;
		if (pg_strcasecmp(header->name, "content-type") == 0)
			return "the header Content-Type comes from the setting content_type";
	}
	return NULL;
}

/* "200" or "200-299" */
static bool
parse_statuses(const char *text, int *first, int *last)
{
	int			length = 0;

	if (strspn(text, "0123456789-") != strlen(text) || strlen(text) > 7)
		return false;
	if (sscanf(text, "%3d-%3d%n", first, last, &length) < 2)
	{
		if (sscanf(text, "%3d%n", first, &length) < 1)
			return false;
		*last = *first;
	}
	return text[length] == '\0' && LOWEST_STATUS <= *first && *first <= *last &&
		*last <= HIGHEST_STATUS;
}

static const char *
success_problem(const Gateway *gateway)
{
	const char *problem = NULL;
	int			first;
	int			last;
	ListCell   *cell;

	foreach(cell, gateway->statuses)
	{
		if (!parse_statuses(lfirst(cell), &first, &last))
			return "the setting success_status must be like 202 or \"200-299\", or a list of such, between 200 and 599";
	}
	if (gateway->success_path != NULL)
		problem = json_path_problem(gateway->success_path);
	else if (gateway->success_values != NIL)
		return "the setting success_value needs success_path";
	if (problem == NULL && gateway->message_id_path != NULL)
		problem = json_path_problem(gateway->message_id_path);
	return problem;
}

static const char *
gateway_problem(const Route *route)
{
	const Jsonb *inbound = json_root_jsonb(route->settings, "inbound");
	Gateway		gateway;
	const char *problem = gateway_url_problem(route->url);

	if (problem == NULL)
		problem = read_gateway(route, &gateway);
	if (problem == NULL)
		problem = body_problem(&gateway);
	if (problem == NULL)
		problem = headers_problem(route->headers);
	if (problem == NULL)
		problem = success_problem(&gateway);
	if (problem == NULL && inbound != NULL)
		problem = gateway_inbound_problem(inbound);
	if (problem == NULL && route->username != NULL && strchr(route->username, ':') != NULL)
		problem = "the user name must not contain a colon";
	return problem;
}

static bool
gateway_needs_secret(const Route *route)
{
	ListCell   *cell;

	foreach(cell, route->headers)
	{
		const Header *header = lfirst(cell);

		if (header->value != NULL && request_template_uses(header->value, "secret"))
			return true;
	}
	return false;
}

/*
 * Composing.
 */

/* The headers with their placeholders replaced. */
static bool
render_headers(Request *request, const Route *route, const TemplateValues *values,
			   ComposeFailure *failure)
{
	ListCell   *cell;

	foreach(cell, route->headers)
	{
		Header		header = *(const Header *) lfirst(cell);
		char	   *template = header.value ? encoding_to_utf8(header.value) : NULL;
		const char *problem;

		header.value = template ? request_template_render(template, CONTEXT_HEADER, values) : NULL;
		problem = header.value ? header_problem(header.name, header.value) : "a header is not valid text";
		if (problem != NULL)
			return compose_failed(failure, REASON_TEMPLATE_ERROR, problem);
		request->headers = lappend(request->headers, header_line(header.name, header.value));
	}
	return true;
}

static bool
render_url(Request *request, const Gateway *gateway, const TemplateValues *values,
		   ComposeFailure *failure)
{
	char	   *url = request_template_render(gateway->url, CONTEXT_URL, values);
	const char *problem = strlen(url) > MAX_URL_LENGTH ?
	"the URL with the text in it is longer than 8000 bytes" : url_form_problem(url, false);

	request->url = url;
	return problem == NULL || compose_failed(failure, REASON_TEMPLATE_ERROR, problem);
}

static bool
collect_values(TemplateValues *values, const Message *message, const Route *route,
			   ComposeFailure *failure)
{
	TextMessage parts;

	if (!collect_text_message(&parts, message, failure))
		return false;
	values->to = parts.to;
	values->text = parts.text;
	values->id = uuid_text(&message->uid);
	values->from = encoding_to_utf8(route->sender ? route->sender : "");
	values->secret = encoding_to_utf8(route->password ? route->password : "");
	return (values->from != NULL && values->secret != NULL) ||
		compose_failed(failure, REASON_BAD_CONFIGURATION,
					   "the provider's sender or secret is not valid text");
}

static Request *
compose_gateway(const Message *message, const Route *route, ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	TemplateValues values;
	Gateway		gateway;

	if (read_gateway(route, &gateway) != NULL ||
		!collect_values(&values, message, route, failure) ||
		!render_url(request, &gateway, &values, failure) ||
		!render_headers(request, route, &values, failure))
		return NULL;
	request->method = gateway.method;
	set_body(request, gateway.content_type,
			 gateway.body ? request_template_render(gateway.body, gateway.body_context, &values) : NULL);
	if (route->username != NULL && !has_header(request->headers, "authorization") &&
		!set_basic_authentication(request, route, failure))
		return NULL;
	return request;
}

/*
 * Answers.
 */

static bool
is_success(const Gateway *gateway, int status)
{
	int			first;
	int			last;
	ListCell   *cell;

	foreach(cell, gateway->statuses)
	{
		if (parse_statuses(lfirst(cell), &first, &last) && first <= status && status <= last)
			return true;
	}
	return false;
}

static bool
is_accepted(const Gateway *gateway, const char *value)
{
	ListCell   *cell;

	if (value == NULL || gateway->success_values == NIL)
		return value != NULL;
	foreach(cell, gateway->success_values)
	{
		const char *accepted = encoding_to_utf8(lfirst(cell));

		if (accepted != NULL && strcmp(accepted, value) == 0)
			return true;
	}
	return false;
}

static void
read_gateway_answer(const Route *route, const Response *response, Outcome *outcome)
{
	Gateway		gateway;
	char	   *value;

	if (read_gateway(route, &gateway) != NULL)
		return;
	if (gateway.statuses != NIL)
		outcome->kind = is_success(&gateway, response->status) ? OUTCOME_DELIVERED :
			failed_kind(response->status);
	if (outcome->kind == OUTCOME_DELIVERED && gateway.success_path != NULL)
	{
		value = answer_text(response, gateway.success_path);
		if (!is_accepted(&gateway, value))
		{
			outcome->kind = OUTCOME_FAILED;
			outcome->error = value == NULL ?
				psprintf("the gateway's answer has no %s", gateway.success_path) :
				psprintf("the gateway's answer has %s in %s", value, gateway.success_path);
		}
	}
	if (outcome->kind == OUTCOME_DELIVERED && gateway.message_id_path != NULL)
		outcome->provider_message_id = answer_text(response, gateway.message_id_path);
}

const ChannelKind gateway_sms = {
	.channel = CHANNEL_SMS,
	.protocol = REQUEST_HTTP,
	.name = "HTTP",
	.problem = gateway_problem,
	.needs_secret = gateway_needs_secret,
	.compose = compose_gateway,
	.read_answer = read_gateway_answer,
	.count_segments = count_segments,
	.has_receipts = true,
	.prove = prove_gateway,
	.read_inbound = read_gateway_inbound,
	.inbound_answer = "{}",
	.inbound_answer_type = "application/json"
};
