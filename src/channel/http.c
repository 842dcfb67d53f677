/*
 * http.c
 *		What requests over HTTP and their answers in JSON have in common.
 */
#include "postgres.h"

#include "channel/header.h"
#include "channel/http.h"
#include "channel/url.h"
#include "core/json_scan.h"
#include "core/text.h"

/* False: they contain what can't be sent. */
static bool
set_credentials(Request *request, const Route *route, ComposeFailure *failure)
{
	request->username = route->username ? route->username : "";
	request->password = route->password ? route->password : "";
	if (is_one_line(request->username) && is_one_line(request->password))
		return true;
	return compose_failed(failure, REASON_BAD_CONFIGURATION,
						  "user name and password must not contain control characters");
}

bool
set_basic_authentication(Request *request, const Route *route, ComposeFailure *failure)
{
	if (!set_credentials(request, route, failure))
		return false;
	if (strchr(request->username, ':') == NULL)
		return true;
	return compose_failed(failure, REASON_BAD_CONFIGURATION,
						  "the user name must not contain a colon");
}

bool
set_client_credentials(Request *request, const Route *route, const char *token_url,
					   ComposeFailure *failure)
{
	const char *problem = url_problem(token_url, false);

	request->token_url = token_url;
	if (problem != NULL)
		return compose_failed(failure, REASON_BAD_CONFIGURATION, problem);
	return set_credentials(request, route, failure);
}

void
set_body(Request *request, const char *content_type, const char *body)
{
	request->protocol = REQUEST_HTTP;
	request->body = body;
	request->body_length = body ? strlen(body) : 0;
	if (body != NULL)
		request->headers = lappend(request->headers, header_line("content-type", content_type));
	if (!has_header(request->headers, "accept"))
		request->headers = lappend(request->headers, "accept: application/json");
	if (!has_header(request->headers, "user-agent"))
		request->headers = lappend(request->headers, USER_AGENT_HEADER);
}

/*
 * Answers.
 */

char *
answer_text(const Response *response, const char *path)
{
	return response->body == NULL ? NULL : json_scalar_at(response->body, path);
}

char *
answer_error(const Response *response, const char *message_path, const char *code_path)
{
	char	   *message = answer_text(response, message_path);
	char	   *code = answer_text(response, code_path);

	if (message == NULL)
		return NULL;
	return psprintf("the provider answered with HTTP status %d: %s%s%s%s", response->status,
					message, code ? " (" : "", code ? code : "", code ? ")" : "");
}
