/*
 * page.c
 *		The one page for customers.
 *
 * The template (web/page.html) has the structure, page_texts the words; here are
 * the values. Each is escaped by the template but the style, the script and the
 * image, which are the extension's own or base64. A name that has no value leaves
 * its part out.
 */
#include "postgres.h"

#include "common/base64.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/json.h"
#include "core/rest_request.h"
#include "core/text.h"
#include "pages/page.h"
#include "pages/page_appointment.h"
#include "pages/page_headers.h"
#include "pages/web_files.h"
#include "render/mustache_parser.h"
#include "render/mustache_renderer.h"
#include "render/page_words.h"

/* ---- words that the template names ---- */

static const struct
{
	const char *name;
	const char *key;
}			labels[] = {
	{"answer", "page.answer"},
	{"back", "page.back"},
	{"before", "page.before"},
	{"calendar", "page.calendar"},
	{"calendar_file", "page.calendar.file"},
	{"calendar_google", "page.calendar.google"},
	{"calendar_outlook", "page.calendar.outlook"},
	{"change", "page.change"},
	{"colon", "colon"},
	{"contact", "page.contact"},
	{"contact_email", "page.contact.email"},
	{"contact_phone", "page.contact.phone"},
	{"contact_url", "page.contact.url"},
	{"now", "page.now"},
	{"optional", "page.optional"},
	{"proposal", "page.proposal"},
	{"reason", "page.reason"},
	{"said_proposal", "page.said.proposal"},
	{"said_reason", "page.said.reason"}
};

static void
push_labels(Page *page)
{
	page_begin(page, "w");
	for (int i = 0; i < lengthof(labels); i++)
		page_push_word(page, labels[i].name, labels[i].key);
	page_end(page);
}

/* ---- who sends, and whom to ask ---- */

/* PNG begins with 0x89, JPEG with 0xff. */
static void
push_image(Page *page)
{
	const bytea *image = page->facts->image;
	int			length;
	int			space;
	char	   *encoded;

	if (image == NULL || VARSIZE_ANY_EXHDR(image) == 0)
		return;
	length = VARSIZE_ANY_EXHDR(image);
	space = pg_b64_enc_len(length);
	encoded = (char *) palloc(space + 1);
	space = encode_base64(VARDATA_ANY(image), length, encoded, space);
	encoded[space] = '\0';
	page_push(page, "image", psprintf("data:image/%s;base64,%s",
									  (unsigned char) VARDATA_ANY(image)[0] == 0x89 ? "png" : "jpeg", encoded));
}

/* A link runs nothing: https, mailto and tel alone. */
static bool
is_plain_link(const char *url)
{
	static const char *const schemes[] = {"https://", "mailto:", "tel:"};

	for (int i = 0; i < lengthof(schemes); i++)
		if (pg_strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

/* A member of the contact that is one line. */
static char *
contact_member(const PageFacts *facts, const char *key)
{
	char	   *text = json_root_text(facts->contact, key);

	if (text == NULL || text[0] == '\0' || !is_one_line(text) || (strcmp(key, "url") == 0 && !is_plain_link(text)))
		return NULL;
	return text;
}

static void
push_contact(Page *page)
{
	static const char *const keys[] = {"name", "phone", "email", "url"};
	const char *values[lengthof(keys)];
	bool		is_given = false;

	for (int i = 0; i < lengthof(keys); i++)
	{
		values[i] = contact_member(page->facts, keys[i]);
		is_given |= values[i] != NULL;
	}
	if (!is_given)
		return;
	page_begin(page, "contact");
	for (int i = 0; i < lengthof(keys); i++)
		page_push(page, keys[i], values[i]);
	page_end(page);
}

static void
push_notice(Page *page)
{
	const PageNotice *notice = &page->request->notice;

	if (notice->kind == NULL)
		return;
	page_begin(page, "notice");
	page_push(page, "kind", notice->kind);
	page_push(page, "role", strcmp(notice->kind, "bad") == 0 ? "alert" : "status");
	page_push_word(page, "text", notice->key);
	page_end(page);
}

/* ---- the views ---- */

/* A heading and a sentence. */
static void
push_sentence(Page *page, const char *name)
{
	page_push(page, "heading", page_text_of(&page->texts, name, "title"));
	page_push(page, "text", page_text_of(&page->texts, name, "text"));
}

/* {"sender", "address"} */
static Jsonb *
consent_values(const PageFacts *facts)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_if_given(&state, "sender", facts->sender);
	json_push_if_given(&state, "address", facts->recipient);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
push_unsubscribe(Page *page)
{
	page_push_word(page, "heading", "page.unsubscribe.title");
	page_begin(page, "ask");
	page_push(page, "question", page_text_with(&page->texts, "page.unsubscribe.ask", consent_values(page->facts)));
	page_push_word(page, "note", "page.unsubscribe.note");
	page_push(page, "action", PAGE_UNSUBSCRIBE);
	page_push_word(page, "yes", "page.unsubscribe.yes");
	page_end(page);
}

/* What was done, and a form that does the opposite. */
static void
push_consent(Page *page, const char *done, const char *opposite, const char *yes)
{
	page_push(page, "heading", page_text_of(&page->texts, done, "title"));
	page_push(page, "text", page_text_with(&page->texts, psprintf(PAGE_KEY "%s.text", done), consent_values(page->facts)));
	page_begin(page, "ask");
	page_push(page, "action", opposite);
	page_push_word(page, "yes", yes);
	page_end(page);
}

static void
push_view(Page *page)
{
	switch (page->request->view)
	{
		case VIEW_NOT_FOUND:
			push_sentence(page, "not_found");
			break;
		case VIEW_OVER:
			push_sentence(page, "over");
			break;
		case VIEW_APPOINTMENT:
			page_push_appointment(page);
			break;
		case VIEW_UNSUBSCRIBE:
			push_unsubscribe(page);
			break;
		case VIEW_UNSUBSCRIBED:
			push_consent(page, "unsubscribed", PAGE_RESUBSCRIBE, "page.resubscribe.yes");
			break;
		case VIEW_RESUBSCRIBED:
			push_consent(page, "resubscribed", PAGE_UNSUBSCRIBE, "page.unsubscribe.yes");
			break;
	}
}

/* The language of a page that no customer is known for: the first that the browser asks for and that has words. */
static const char *
browser_locale(void)
{
	char	   *header = request_header("accept-language");
	char	   *rest = NULL;

	for (char *item = header == NULL ? NULL : strtok_r(header, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest))
	{
		item += strspn(item, " ");
		item[strcspn(item, "; ")] = '\0';
		if (words_language(item) >= 0)
			return item;
	}
	return "en";
}

static Jsonb *
page_values(const PageRequest *request, const PageFacts *facts)
{
	Page		page = {.request = request, .facts = facts};

	page.texts.locale = facts == NULL ? browser_locale() : facts->locale;
	page.texts.own = facts == NULL ? NULL : facts->texts;
	(void) pushJsonbValue(&page.state, WJB_BEGIN_OBJECT, NULL);
	page_push(&page, "lang", words_language_code(words_language(page.texts.locale)));
	page_push(&page, "dir", page_word(page.texts.locale, "direction"));
	page_push(&page, "style", web_page_css);
	page_push(&page, "script", web_page_js);
	push_labels(&page);
	push_notice(&page);
	if (facts != NULL)
	{
		page_push(&page, "token", request->token);
		page_push(&page, "sender", facts->sender);
		push_image(&page);
		push_contact(&page);
	}
	push_view(&page);
	return JsonbValueToJsonb(pushJsonbValue(&page.state, WJB_END_OBJECT, NULL));
}

/* Parsed once a session. */
static const Mustache *
page_template(void)
{
	static const Mustache *template = NULL;

	if (template == NULL)
	{
		MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
		char	   *error = "";

		template = mustache_parse(web_page_html, &error);
		MemoryContextSwitchTo(previous);
		if (template == NULL)
			elog(ERROR, "the template of the page for customers is not valid: %s", error);
	}
	return template;
}

static char *
render(const PageRequest *request, const PageFacts *facts)
{
	char	   *error;

	return mustache_render(page_template(), page_values(request, facts), true, NULL, &error);
}

/* With words of the application that are too many the page has the built-in ones. */
bytea *
page_write(const PageRequest *request, PageFacts *facts)
{
	char	   *html = render(request, facts);

	if (html == NULL && facts != NULL && facts->texts != NULL)
	{
		facts->texts = NULL;
		html = render(request, facts);
	}
	if (html == NULL)
		elog(ERROR, "the page for customers cannot be written");
	page_set_headers(request->status, web_page_css, web_page_js);
	return (bytea *) cstring_to_text(pg_server_to_any(html, strlen(html), PG_UTF8));
}
