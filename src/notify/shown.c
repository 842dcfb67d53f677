/*
 * shown.c
 *		What a message showed that its recipient can respond to.
 */
#include "postgres.h"

#include "port/pg_bswap.h"
#include "utils/builtins.h"

#include "core/hmac.h"
#include "core/json.h"
#include "core/text.h"
#include "notify/links.h"
#include "notify/shown.h"
#include "render/iso8601.h"

#define DIGEST_BYTES 8

static void
push_buttons(JsonbParseState **state, int buttons)
{
	json_push_text(state, WJB_KEY, "buttons");
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int button = 0; button < BUTTONS; button++)
		if (buttons & BUTTON_BIT(button))
			json_push_text(state, WJB_ELEM, button_code((Button) button));
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static Jsonb *
shown_write(const Shown *shown)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_buttons(&state, shown->buttons);
	if (shown->reply_codes == NULL)
		json_push_member(&state, "reply_codes", NULL);
	else
		json_push_jsonb(&state, "reply_codes", shown->reply_codes);
	json_push_member(&state, "start_at", timestamp_text(shown->start_at));
	json_push_member(&state, "end_at", timestamp_text(shown->end_at));
	json_push_member(&state, "timezone", shown->timezone);
	json_push_member(&state, "location", shown->location);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static bool
read_time(const Jsonb *jsonb, const char *key, TimestampTz *at)
{
	char	   *text = json_root_text(jsonb, key);
	char	   *error;

	return text != NULL && iso8601_parse(text, "UTC", at, &error);
}

bool
shown_read(const Jsonb *jsonb, Shown *shown)
{
	ListCell   *cell;

	memset(shown, 0, sizeof(Shown));
	foreach(cell, json_root_texts(jsonb, "buttons"))
	{
		Button		button;

		if (button_from_code((const char *) lfirst(cell), &button))
			shown->buttons |= BUTTON_BIT(button);
	}
	shown->reply_codes = json_root_jsonb(jsonb, "reply_codes");
	shown->timezone = json_root_text(jsonb, "timezone");
	shown->location = json_root_text(jsonb, "location");
	return shown->timezone != NULL && read_time(jsonb, "start_at", &shown->start_at) &&
		read_time(jsonb, "end_at", &shown->end_at);
}

/* The codes of the rule, where the channel takes replies; NULL: none. */
static Jsonb *
reply_codes_of(const NotificationFacts *facts)
{
	Jsonb	   *codes = facts->rule->reply_codes;

	return channel_infos[facts->channel].takes_replies && codes != NULL && JB_ROOT_COUNT(codes) > 0 ? codes : NULL;
}

/* Text messages can be answered without a link, all others need one. */
Jsonb *
shown_of(const NotificationFacts *facts)
{
	Shown		shown = {0};

	if (facts->stored != NULL && facts->stored->shown != NULL)
		return facts->stored->shown;
	if (facts->rule == NULL || facts->appointment == NULL || strcmp(facts->recipient_kind, "CUSTOMER") != 0)
		return NULL;
	if (message_has_links(facts))
		shown.buttons = facts->rule->buttons & BUTTONS_OF_ACTIONS;
	shown.reply_codes = reply_codes_of(facts);
	if (shown.buttons == 0 && shown.reply_codes == NULL)
		return NULL;
	shown.start_at = facts->appointment->start_at;
	shown.end_at = facts->appointment->end_at;
	shown.timezone = facts->appointment->timezone;
	shown.location = facts->appointment->location;
	return shown_write(&shown);
}

static void
append_time(StringInfo content, TimestampTz at)
{
	uint64		bytes = pg_hton64((uint64) at);

	appendBinaryStringInfo(content, (const char *) &bytes, sizeof(bytes));
}

char *
shown_digest(TimestampTz start_at, TimestampTz end_at, const char *timezone, const char *location)
{
	StringInfoData content;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *text = (char *) palloc0(2 * DIGEST_BYTES + 1);

	initStringInfo(&content);
	append_time(&content, start_at);
	append_time(&content, end_at);
	appendBinaryStringInfo(&content, timezone, strlen(timezone) + 1);
	appendStringInfoString(&content, location == NULL ? "" : location);
	if (!sha256_digest(content.data, content.len, digest))
		elog(ERROR, "could not compute a digest");
	(void) hex_encode((const char *) digest, DIGEST_BYTES, text);
	return text;
}

char *
digest_of_shown(const Shown *shown)
{
	return shown_digest(shown->start_at, shown->end_at, shown->timezone, shown->location);
}
