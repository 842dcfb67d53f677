/*
 * blocks.c
 *		What a rule adds to its messages: buttons, calendar block, reply codes.
 *
 * Buttons are links in tables with their styles inline, because mail programs
 * know no others. Text and background both have a colour, so that they stay
 * readable where a mail program shows dark colours.
 */
#include "postgres.h"

#include "channel/escape.h"
#include "core/json.h"
#include "core/text.h"
#include "notify/appearance.h"
#include "notify/blocks.h"
#include "notify/branding.h"
#include "render/locales.h"
#include "render/page_words.h"

/* ---- buttons ---- */

/* Where a button leads; NULL: there is no such button. */
static char *
link_of_button(const NotificationFacts *facts, const Links *links, Button button)
{
	const AppointmentFacts *appointment = facts->appointment;

	if (BUTTON_BIT(button) & BUTTONS_OF_ACTIONS)
		return link_to_action(links, (ResponseAction) button);
	if (button == BUTTON_VIEW_DETAILS)
		return link_to_page(links);
	if (appointment->is_deleted)
		return NULL;
	return psprintf("%s?id=%s", link_to_function(facts->application, "ical_event"), uuid_text(&appointment->id));
}

static void
append_direction(StringInfo html, const char *locale)
{
	if (locale_is_right_to_left(locale))
		appendStringInfoString(html, " dir=\"rtl\"");
}

static void
append_html_button(StringInfo html, const Appearance *appearance, const char *url, const char *word)
{
	appendStringInfo(html,
					 "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" "
					 "style=\"display:inline-table;margin:0 4px 8px;border-collapse:separate\"><tr>"
					 "<td bgcolor=\"%s\" style=\"border-radius:6px;background-color:%s;mso-padding-alt:12px 24px\"><a href=\"",
					 appearance->button_color, appearance->button_color);
	append_xml_escaped(html, url);
	appendStringInfo(html,
					 "\" style=\"display:inline-block;padding:12px 24px;border-radius:6px;background-color:%s;color:%s;"
					 "font-size:16px;line-height:20px;font-weight:bold;text-decoration:none;mso-padding-alt:0\">",
					 appearance->button_color, appearance->button_text_color);
	append_xml_escaped(html, word);
	appendStringInfoString(html, "</a></td></tr></table>\n");
}

/* All buttons that are on, as text and as HTML. */
static void
make_buttons(const NotificationFacts *facts, const Links *links, const Appearance *appearance, const char *locale,
			 Blocks *blocks)
{
	StringInfoData text;
	StringInfoData html;

	initStringInfo(&text);
	initStringInfo(&html);
	appendStringInfoString(&html, "<div");
	append_direction(&html, locale);
	appendStringInfoString(&html, " style=\"margin:24px -4px 16px\">\n");
	for (int button = 0; button < BUTTONS; button++)
	{
		char	   *url = facts->rule->buttons & BUTTON_BIT(button) ? link_of_button(facts, links, (Button) button) : NULL;
		const char *word;

		if (url == NULL)
			continue;
		word = page_word(locale, psprintf("button.%s", button_code((Button) button)));
		appendStringInfo(&text, "%s%s: %s", text.len > 0 ? "\n" : "", word, url);
		append_html_button(&html, appearance, url, word);
	}
	appendStringInfoString(&html, "</div>\n");
	if (text.len == 0)
		return;
	blocks->buttons_text = text.data;
	blocks->buttons_html = html.data;
}

/* Text messages have a single link, since each letter is paid. */
static void
make_short_link(const Links *links, const char *locale, Blocks *blocks)
{
	blocks->buttons_text = psprintf("%s %s", page_word(locale, "sms.details"), link_to_page(links));
	blocks->buttons_html = "";
	blocks->token = links->token;
}

/* "Reply 1 to accept, 3 to decline." NULL: no code has an action. */
static char *
reply_codes_sentence(const Jsonb *codes, const char *locale)
{
	StringInfoData text;
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &codes->root));
	JsonbIteratorToken token;
	JsonbValue	item;
	char	   *code = NULL;

	initStringInfo(&text);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		ResponseAction action;

		if (token == WJB_KEY)
			code = json_text(&item);
		else if (token == WJB_VALUE && item.type == jbvString && action_from_code(json_text(&item), &action))
			appendStringInfo(&text, "%s %s %s", text.len == 0 ? page_word(locale, "sms.reply") : page_word(locale, "list.comma"),
							 code, page_word(locale, psprintf("sms.reply.%s", response_actions[action].code)));
	}
	if (text.len == 0)
		return NULL;
	appendStringInfoChar(&text, '.');
	return text.data;
}

/* ---- the calendar block ---- */

/* What stands on the leaf. */
typedef struct Leaf
{
	char	   *weekday;
	char	   *day;
	char	   *month;
	char	   *time;
	char	   *zone;
} Leaf;

static bool
write_leaf(const DateFormat *dates, Leaf *leaf, char **error)
{
	return (leaf->weekday = dates_format(dates->start_at, "EEEE", dates->timezone, dates->locale, error)) != NULL &&
		(leaf->day = dates_format(dates->start_at, "d", dates->timezone, dates->locale, error)) != NULL &&
		(leaf->month = dates_format(dates->start_at, "LLLL", dates->timezone, dates->locale, error)) != NULL &&
		(leaf->time = dates_time(dates->start_at, dates->timezone, dates->locale, error)) != NULL &&
		(leaf->zone = dates_zone(dates->start_at, dates->timezone, dates->locale, error)) != NULL;
}

static void
append_leaf_line(StringInfo html, const char *style, const char *text)
{
	appendStringInfo(html, "<div style=\"%s\">", style);
	append_xml_escaped(html, text);
	appendStringInfoString(html, "</div>\n");
}

static char *
leaf_html(const Leaf *leaf, const Appearance *appearance, const char *locale)
{
	StringInfoData html;

	initStringInfo(&html);
	appendStringInfoString(&html, "<table role=\"presentation\"");
	append_direction(&html, locale);
	appendStringInfo(&html,
					 " cellpadding=\"0\" cellspacing=\"0\" border=\"0\" bgcolor=\"%s\" style=\"margin:16px 0;"
					 "border-collapse:separate;border-radius:8px;background-color:%s\"><tr>\n"
					 "<td align=\"center\" style=\"padding:12px 32px;color:%s;text-align:center;line-height:1.3\">\n",
					 appearance->calendar_color, appearance->calendar_color, appearance->calendar_text_color);
	append_leaf_line(&html, "font-size:16px", leaf->weekday);
	append_leaf_line(&html, "font-size:40px;font-weight:bold;line-height:1.1", leaf->day);
	append_leaf_line(&html, "font-size:16px", leaf->month);
	append_leaf_line(&html, "font-size:16px;font-weight:bold", psprintf("%s %s", leaf->time, leaf->zone));
	appendStringInfoString(&html, "</td></tr></table>\n");
	return html.data;
}

static bool
make_calendar(const DateFormat *dates, const Appearance *appearance, Blocks *blocks, char **error)
{
	Leaf		leaf;
	char	   *date;

	if (!write_leaf(dates, &leaf, error) ||
		(date = dates_date(dates->start_at, dates->timezone, dates->locale, error)) == NULL)
		return false;
	blocks->calendar_html = leaf_html(&leaf, appearance, dates->locale);
	blocks->calendar_text = psprintf("%s, %s\n%s %s", leaf.weekday, date, leaf.time, leaf.zone);
	return true;
}

/* ---- making ---- */

/* No value of a template is likely to be the same. */
static const char *
marker(const NotificationFacts *facts, const char *name)
{
	return psprintf("%s-%s", name, uuid_text(&facts->uid));
}

static bool
wants_calendar(const Appearance *appearance, bool places_calendar)
{
	return appearance->calendar_block == CALENDAR_BLOCK_ALWAYS ||
		(places_calendar && appearance->calendar_block == CALENDAR_BLOCK_WHERE_PLACED);
}

/* Of a channel that takes replies. */
static void
make_reply_codes(const NotificationFacts *facts, const char *locale, Blocks *blocks)
{
	const Jsonb *codes = facts->rule->reply_codes;

	if (channel_infos[facts->channel].takes_replies && codes != NULL)
		blocks->reply_codes = reply_codes_sentence(codes, locale);
}

bool
blocks_make(const NotificationFacts *facts, const Links *links, const DateFormat *dates, bool places_calendar,
			Blocks *blocks, char **error)
{
	Appearance	appearance;

	memset(blocks, 0, sizeof(Blocks));
	if (facts->rule == NULL || facts->appointment == NULL || strcmp(facts->recipient_kind, "CUSTOMER") != 0)
		return true;
	appearance = appearance_of(facts->rule->appearance, branding_color(facts->application));
	make_reply_codes(facts, dates->locale, blocks);
	if (links != NULL && facts->rule->buttons != 0 && links->is_short)
		make_short_link(links, dates->locale, blocks);
	else if (links != NULL)
		make_buttons(facts, links, &appearance, dates->locale, blocks);
	if (wants_calendar(&appearance, places_calendar) && !make_calendar(dates, &appearance, blocks, error))
		return false;
	blocks->appends_calendar = (appearance.calendar_block == CALENDAR_BLOCK_ALWAYS);
	if (blocks->buttons_text != NULL)
		blocks->markers.buttons = marker(facts, "buttons");
	if (blocks->calendar_text != NULL)
		blocks->markers.calendar_block = marker(facts, "calendar");
	return true;
}

/* ---- placing ---- */

/* The text with `block` for each marker; *is_placed: there was one. */
static const char *
put_at_marker(const char *text, const char *mark, const char *block, bool *is_placed)
{
	StringInfoData result;
	const char *found = mark == NULL ? NULL : strstr(text, mark);

	*is_placed = (found != NULL);
	if (found == NULL)
		return text;
	initStringInfo(&result);
	for (; found != NULL; found = strstr(text, mark))
	{
		appendBinaryStringInfo(&result, text, found - text);
		appendStringInfoString(&result, block);
		text = found + strlen(mark);
	}
	appendStringInfoString(&result, text);
	return result.data;
}

const char *
blocks_in_subject(const Blocks *blocks, const char *subject)
{
	bool		is_placed;

	if (subject == NULL)
		return NULL;
	subject = put_at_marker(subject, blocks->markers.buttons, "", &is_placed);
	return put_at_marker(subject, blocks->markers.calendar_block, "", &is_placed);
}

/* With the block at its end, after a line end. */
static const char *
append_block(const char *text, const char *block, const char *between)
{
	size_t		length = strlen(text);

	if (length > 0 && text[length - 1] == '\n')
		return psprintf("%s%s%s\n", text, between[0] == '\n' ? between + 1 : between, block);
	return psprintf("%s%s%s", text, between, block);
}

const char *
blocks_in_text(const Blocks *blocks, const char *text)
{
	bool		is_placed;
	bool		is_short = blocks->token != NULL;

	if (text == NULL)
		return NULL;
	text = put_at_marker(text, blocks->markers.calendar_block, blocks->calendar_text, &is_placed);
	text = put_at_marker(text, blocks->markers.buttons, blocks->buttons_text, &is_placed);
	if (!is_placed && blocks->buttons_text != NULL && !(is_short && strstr(text, blocks->token) != NULL))
		text = append_block(text, blocks->buttons_text, is_short ? "\n" : "\n\n");
	if (blocks->reply_codes != NULL)
		text = append_block(text, blocks->reply_codes, "\n");
	return text;
}

/* The place before these closing tags and blanks, if they are the last. */
static const char *
before_tag(const char *html, const char *end, const char *tag)
{
	size_t		length = strlen(tag);

	while (end > html && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	return end - html >= length && pg_strncasecmp(end - length, tag, length) == 0 ? end - length : NULL;
}

/* The end of what the HTML shows: before </body> and the </div> that stand there. */
static const char *
end_of_content(const char *html)
{
	const char *end = html + strlen(html);
	const char *at;

	for (const char *c = html; *c != '\0'; c++)
		if (pg_strncasecmp(c, "</body", 6) == 0)
			end = c;
	while ((at = before_tag(html, end, "</div>")) != NULL)
		end = at;
	return end;
}

/* A calendar block that the template does not place stands before the buttons. */
const char *
blocks_in_html(const Blocks *blocks, const char *html)
{
	bool		has_calendar;
	bool		has_buttons;
	const char *end;
	const char *calendar;
	const char *buttons;
	const char *added;

	if (html == NULL)
		return NULL;
	html = put_at_marker(html, blocks->markers.calendar_block, blocks->calendar_html, &has_calendar);
	calendar = !has_calendar && blocks->appends_calendar ? blocks->calendar_html : "";
	buttons = blocks->buttons_html != NULL ? blocks->buttons_html : "";
	added = psprintf("%s%s", calendar, buttons);
	html = put_at_marker(html, blocks->markers.buttons, added, &has_buttons);
	if (has_buttons || added[0] == '\0')
		return html;
	end = end_of_content(html);
	return psprintf("%.*s%s%s", (int) (end - html), html, added, end);
}
