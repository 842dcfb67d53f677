/*
 * builtin_report_templates.c
 *		The English templates of daily reports.
 *
 * A report has a table for each subject, with a row for each day, the latest first
 * and bold: so it is read on a narrow screen without scrolling sideways. Names of
 * subjects and errors may be long words, and break anywhere.
 */
#include "postgres.h"

#include "render/builtin_report_templates.h"
#include "render/template_parts.h"

#define DAY "{{#report}}{{day}}{{/report}}"

#define EXPLANATION \
	"Days begin and end at midnight in the timezone {{report.timezone}}. " \
	"A message counts on the day on which it was due; a dash means that a day was not counted."

#define TEXT_SUBJECTS(nothing) \
	"{{#report}}\n" \
	"{{#subjects}}\n" \
	"\n" \
	"{{{subject}}}\n" \
	"{{#days}}\n" \
	"- {{day}}: {{#cells}}{{^isFirst}}, {{/isFirst}}{{label}} {{value}}{{/cells}}\n" \
	"{{/days}}\n" \
	"{{#lastError}}\n" \
	"Last error: {{{lastError}}}\n" \
	"{{/lastError}}\n" \
	"{{/subjects}}\n" \
	"{{^subjects}}\n" \
	"\n" \
	nothing "\n" \
	"{{/subjects}}\n" \
	"{{/report}}\n"

#define CELL "padding:4px 0 4px 6px;text-align:right;vertical-align:top"
#define ROW_STYLE "{{#isLatest}}font-weight:bold;background:#eef2ff{{/isLatest}}"

#define HTML_SUBJECTS(nothing) \
	"{{#report}}\n" \
	"{{#subjects}}\n" \
	"<div style=\"margin:0 0 24px;overflow-x:auto\">\n" \
	"<table style=\"width:100%;overflow-wrap:normal;border-collapse:collapse;font-size:13px\">\n" \
	"<caption style=\"padding:0 0 4px;text-align:left;font-size:16px;font-weight:bold;overflow-wrap:anywhere\">{{subject}}</caption>\n" \
	"<tr style=\"border-bottom:1px solid #cbd2d9;color:#52606d;font-size:12px\">" \
	"<th scope=\"col\" style=\"padding:4px 0;text-align:left;font-weight:normal;vertical-align:bottom\">Day</th>" \
	"{{#columns}}<th scope=\"col\" style=\"" CELL ";font-weight:normal;vertical-align:bottom\">{{.}}</th>{{/columns}}</tr>\n" \
	"{{#days}}\n" \
	"<tr style=\"border-bottom:1px solid #e4e7eb;" ROW_STYLE "\">" \
	"<th scope=\"row\" style=\"padding:4px 0;text-align:left;vertical-align:top;font-weight:inherit\">{{day}}</th>" \
	"{{#cells}}<td style=\"" CELL "\">{{value}}</td>{{/cells}}</tr>\n" \
	"{{/days}}\n" \
	"</table>\n" \
	"</div>\n" \
	"{{#lastError}}\n" \
	"<p style=\"margin:-16px 0 24px;font-size:14px;color:#52606d;overflow-wrap:anywhere\">Last error: {{lastError}}</p>\n" \
	"{{/lastError}}\n" \
	"{{/subjects}}\n" \
	"{{^subjects}}\n" \
	PARAGRAPH nothing "</p>\n" \
	"{{/subjects}}\n" \
	"{{/report}}\n"

/* A report over EMAIL; `news` is what it is about, `nothing` what it says without a subject. */
#define REPORT(type, heading, news, nothing) \
	{type, "EMAIL", heading ", " DAY, \
		TEXT_HELLO news "\n" TEXT_SUBJECTS(nothing) "\n" EXPLANATION "\n" TEXT_GOODBYE, \
	HTML_START_WITHIN(heading, "16px 8px", "24px 12px") HTML_HELLO PARAGRAPH news "</p>\n" HTML_SUBJECTS(nothing) \
	"<p style=\"margin:0 0 16px;font-size:14px;color:#52606d\">" EXPLANATION "</p>\n" HTML_END}

const BuiltinTemplate builtin_report_templates[] = {
	REPORT("DAILY_ACTIVITY", "Daily activity",
		   "This is what happened on " DAY ", beside the seven days before.",
		   "Nothing happened."),
	REPORT("DAILY_INBOUND_SMS", "Text messages received",
		   "These text messages came in on " DAY ", beside the seven days before.",
		   "None came in."),
	REPORT("DAILY_OUTBOUND_SMS", "Text messages sent",
		   "These text messages were due on " DAY ", beside the seven days before.",
		   "None were due."),
	REPORT("DAILY_SPENDING", "Daily spending",
		   "This is what the messages of " DAY " cost, beside the seven days before.",
		   "Nothing was spent, or no provider has prices."),
	REPORT("WEBHOOK_FAILURES", "Failed webhooks",
		   "Webhooks failed for good on " DAY ". These are the endpoints, with the seven days before.",
		   "None failed."),
	{NULL}
};
