/*
 * rest_request.c
 *		The HTTP request that PostgREST executes, as it describes it in
 *		settings of its transaction.
 *
 * request.headers is a JSON object with names in lower case. Any session can
 * set it, so it is believed, like a token's claims, only in sessions of
 * members of appt_authenticator. X-Forwarded-For in it comes from the client,
 * except for its last entry, which the last proxy added: the operator says
 * whether there is such a proxy.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "core/call.h"
#include "core/compat.h"
#include "core/rest_request.h"
#include "core/settings.h"

/* The search for one member of a JSON object. */
typedef struct Wanted
{
	JsonLexContext *lex;
	const char *name;
	bool		is_next;		/* the present field is that member */
	char	   *value;
} Wanted;

static JsonCallbackResult
header_start(void *state, char *name, bool is_null)
{
	Wanted	   *wanted = (Wanted *) state;

	wanted->is_next = wanted->lex->lex_level == 1 && strcmp(name, wanted->name) == 0;
	return JSON_CONTINUE;
}

static JsonCallbackResult
header_scalar(void *state, char *token, JsonTokenType kind)
{
	Wanted	   *wanted = (Wanted *) state;

	if (wanted->is_next && wanted->lex->lex_level == 1 && kind == JSON_TOKEN_STRING)
		wanted->value = token;
	wanted->is_next = false;
	return JSON_CONTINUE;
}

char *
request_header(const char *name)
{
	const char *text = GetConfigOption("request.headers", true, false);
	Wanted		wanted = {.name = name};
	JsonSemAction actions = {0};

	if (text == NULL || text[0] == '\0' || !session_is_believed())
		return NULL;
	wanted.lex = create_json_lexer(pstrdup(text), strlen(text), GetDatabaseEncoding());
	actions.semstate = &wanted;
	actions.object_field_start = header_start;
	actions.scalar = header_scalar;
	return pg_parse_json(wanted.lex, &actions) == JSON_SUCCESS ? wanted.value : NULL;
}

/* The last entry of a comma-separated list, without blanks, port and brackets. */
static char *
last_entry(char *list)
{
	char	   *comma = strrchr(list, ',');
	char	   *entry = comma ? comma + 1 : list;
	char	   *colon;

	entry += strspn(entry, " \t");
	entry[strcspn(entry, " \t")] = '\0';
	if (entry[0] == '[')
	{
		entry++;
		entry[strcspn(entry, "]")] = '\0';
	}
	else if ((colon = strchr(entry, ':')) != NULL && strchr(colon + 1, ':') == NULL)
		*colon = '\0';
	return entry;
}

/* The network of an IPv6 address, 64 bits; for one that contains an IPv4 address, that address. */
static char *
normalized_ipv6(struct in6_addr *address)
{
	char		text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(address))
	{
		(void) inet_ntop(AF_INET, &address->s6_addr[12], text, sizeof(text));
		return pstrdup(text);
	}
	memset(&address->s6_addr[8], 0, 8);
	(void) inet_ntop(AF_INET6, address, text, sizeof(text));
	return psprintf("%s/64", text);
}

char *
request_client_address(void)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;
	char	   *list;
	char	   *entry;

	if (!appt_trust_forwarded_for)
		return NULL;
	list = request_header("x-forwarded-for");
	if (list == NULL)
		return NULL;
	entry = last_entry(list);
	if (inet_pton(AF_INET, entry, &ipv4) == 1)
		return pstrdup(entry);
	if (inet_pton(AF_INET6, entry, &ipv6) == 1)
		return normalized_ipv6(&ipv6);
	return NULL;
}
