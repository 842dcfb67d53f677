/*
 * links.c
 *		The links in a message to a customer.
 *
 * A token is 38 characters that no escaping of HTML or URLs changes, so it is
 * found in a rendered message as it is.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "notify/links.h"

/* What a mask starts with. A text that has this itself gets a second colon. */
#define MASK_START "[token:"

static const char *const masks[LINK_PURPOSES] = {
	[LINK_RESPOND] = MASK_START "respond]",
	[LINK_UNSUBSCRIBE] = MASK_START "unsubscribe]"
};

/* Actions in URLs. */
static const char *const action_words[RESPONSE_ACTIONS] = {
	[ACTION_ACCEPT] = "accept",
	[ACTION_DECLINE] = "decline",
	[ACTION_RESCHEDULE] = "reschedule"
};

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

bool
message_has_links(const NotificationFacts *facts)
{
	return channel_infos[facts->channel].has_links && strcmp(facts->recipient_kind, "CUSTOMER") == 0 &&
		facts->application != NULL && is_given(facts->application->public_url);
}

static const char *
without_slash(const char *url)
{
	size_t		length = strlen(url);

	return length > 0 && url[length - 1] == '/' ? pnstrdup(url, length - 1) : url;
}

/* NULL if the crypto library fails. */
static const char *
token_for(const NotificationFacts *facts, LinkPurpose purpose)
{
	LinkSubject subject = {purpose, facts->application_id, facts->id, facts->recipient_id};

	if (facts->application->link_key == NULL)
		return masks[purpose];
	return link_token_make(facts->application->link_key, &subject);
}

const Links *
links_of(const NotificationFacts *facts)
{
	Links	   *links;
	bool		is_short = channel_infos[facts->channel].has_short_links;

	if (!message_has_links(facts))
		return NULL;
	links = (Links *) palloc0(sizeof(Links));
	links->public_base = without_slash(facts->application->public_url);
	links->base = is_short && is_given(facts->application->short_url) ?
		without_slash(facts->application->short_url) : links->public_base;
	links->is_short = is_short;
	links->is_masked = (facts->application->link_key == NULL);
	links->has_one_click = facts->application->one_click;
	links->token = token_for(facts, LINK_RESPOND);
	links->unsubscribe_token = token_for(facts, LINK_UNSUBSCRIBE);
	return links->token == NULL || links->unsubscribe_token == NULL ? NULL : links;
}

static char *
page_of(const Links *links, const char *token)
{
	return psprintf(links->is_short ? "%s/r/%s" : "%s/rpc/landing_page?token=%s", links->base, token);
}

char *
link_to_page(const Links *links)
{
	return page_of(links, links->token);
}

char *
link_to_action(const Links *links, ResponseAction action)
{
	return psprintf(links->is_short ? "%s/%s" : "%s&action=%s", link_to_page(links), action_words[action]);
}

char *
link_to_unsubscribe(const Links *links)
{
	return page_of(links, links->unsubscribe_token);
}

char *
link_of_one_click(const Links *links)
{
	return links->has_one_click ? psprintf("%s/u/%s", links->public_base, links->unsubscribe_token) : NULL;
}

char *
link_to_function(const ApplicationFacts *application, const char *function)
{
	if (application == NULL || !is_given(application->public_url))
		return NULL;
	return psprintf("%s/rpc/%s", without_slash(application->public_url), function);
}

/* ---- masks ---- */

/* What stands for something else, both ways. */
typedef struct Replacement
{
	const char *from;
	const char *to;
} Replacement;

/* The first replacement whose `from` the text starts with; NULL: none. */
static const Replacement *
match(const char *text, const Replacement *replacements, int count)
{
	for (int i = 0; i < count; i++)
		if (strncmp(text, replacements[i].from, strlen(replacements[i].from)) == 0)
			return &replacements[i];
	return NULL;
}

static const char *
replace(const char *text, const char *starts, const Replacement *replacements, int count)
{
	StringInfoData result;

	initStringInfo(&result);
	for (;;)
	{
		size_t		length = strcspn(text, starts);
		const Replacement *found;

		appendBinaryStringInfo(&result, text, length);
		text += length;
		if (*text == '\0')
			return result.data;
		found = match(text, replacements, count);
		if (found != NULL)
			appendStringInfoString(&result, found->to);
		else
			appendStringInfoChar(&result, *text);
		text += found == NULL ? 1 : strlen(found->from);
	}
}

/* Both tokens begin with the application's id. */
const char *
tokens_mask(const List *tokens, const char *text)
{
	Replacement replacements[LINK_PURPOSES + 1] = {{MASK_START, MASK_START ":"}};
	char		starts[] = {MASK_START[0], '\0', '\0'};

	if (text == NULL || tokens == NIL)
		return text;
	for (int purpose = 0; purpose < LINK_PURPOSES; purpose++)
		replacements[purpose + 1] = (Replacement) {(const char *) list_nth(tokens, purpose), masks[purpose]};
	starts[1] = replacements[1].from[0];
	return replace(text, starts, replacements, lengthof(replacements));
}

const char *
tokens_unmask(const List *tokens, const char *text)
{
	Replacement replacements[LINK_PURPOSES + 1] = {{MASK_START ":", MASK_START}};
	const char	starts[] = {MASK_START[0], '\0'};

	if (text == NULL || tokens == NIL)
		return text;
	for (int purpose = 0; purpose < LINK_PURPOSES; purpose++)
		replacements[purpose + 1] = (Replacement) {masks[purpose], (const char *) list_nth(tokens, purpose)};
	return replace(text, starts, replacements, lengthof(replacements));
}

bool
has_masked_token(const char *text)
{
	for (int purpose = 0; text != NULL && purpose < LINK_PURPOSES; purpose++)
		if (strstr(text, masks[purpose]) != NULL)
			return true;
	return false;
}

/* In the order of their purposes. */
List *
links_tokens(const Links *links)
{
	return links == NULL || links->is_masked ? NIL :
		list_make2(unconstify(char *, links->token), unconstify(char *, links->unsubscribe_token));
}
