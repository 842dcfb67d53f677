/*
 * console.c
 *		The console: a page that shows notifications by the same REST API.
 *
 * It is joined from three files of web/. The page holds no data and is the same for
 * everybody. Its policy lets one script run, by its hash, and lets nothing be loaded
 * but from the API.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/call.h"
#include "core/rest_response.h"
#include "pages/page_headers.h"
#include "pages/web_files.h"

PG_FUNCTION_INFO_V1(console);

/* Where the other files are put into the HTML. */
#define STYLE_HERE "<!-- style -->"
#define SCRIPT_HERE "<!-- script -->"

/* The browser sends no form anywhere: the script of the page reads them. */
#define POLICY \
	"default-src 'none'; script-src %s; style-src 'unsafe-inline'; img-src data:; connect-src 'self';" \
	" base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct ConsolePage
{
	char	   *content;		/* NULL: not made yet */
	char	   *policy;
} ConsolePage;

/* Append what stands before `mark`, and an element with `content` instead of the mark; returns the rest. */
static const char *
append_until(StringInfo page, const char *from, const char *mark, const char *tag, const char *content)
{
	const char *at = strstr(from, mark);

	if (at == NULL)
		elog(ERROR, "web/console.html has no %s", mark);
	appendBinaryStringInfo(page, from, (int) (at - from));
	appendStringInfo(page, "<%s>%s</%s>", tag, content, tag);
	return at + strlen(mark);
}

/* Joined once a session. */
static const ConsolePage *
console_page(void)
{
	static ConsolePage page = {NULL, NULL};
	StringInfoData content;
	const char *rest;
	MemoryContext previous;

	if (page.content != NULL)
		return &page;
	previous = MemoryContextSwitchTo(TopMemoryContext);
	page.policy = psprintf(POLICY, page_hash_source(web_console_js));
	initStringInfo(&content);
	rest = append_until(&content, web_console_html, STYLE_HERE, "style", web_console_css);
	rest = append_until(&content, rest, SCRIPT_HERE, "script", web_console_js);
	appendStringInfoString(&content, rest);
	page.content = content.data;
	MemoryContextSwitchTo(previous);
	return &page;
}

/*
 * appt.console() -> bytea, as the domain that is named like any media type
 *
 * Source: people.md section 3, "Console".
 */
Datum
console(PG_FUNCTION_ARGS)
{
	const ConsolePage *page = console_page();
	const ResponseHeader headers[] = {
		{"Content-Type", "text/html; charset=utf-8"},
		{"Content-Security-Policy", page->policy},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"Cache-Control", "no-cache"}
	};

	call_authorize(fcinfo, CALLER_ALL);
	response_set_headers(headers, lengthof(headers));
	PG_RETURN_BYTEA_P(cstring_to_text(page->content));
}
