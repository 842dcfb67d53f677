/*
 * template_parts.h
 *		Parts that built-in templates share.
 *
 * W_... are the words of a language (scripts/words.awk makes them from src/notify/words), and HTML_DIRECTION,
 * START_SIDE, END_SIDE, BEFORE_GAP, AFTER_GAP and ISOLATED follow its direction. A value that may be missing is inside a section, so that no gap is left.
 * An email's HTML has its styles inline, makes sense when read aloud and needs no image.
 */
#ifndef APPT_TEMPLATE_PARTS_H
#define APPT_TEMPLATE_PARTS_H

#define TEXT_HELLO W_hello "\n\n"

#define TEXT_LABEL(label) label W_colon " "

#define TEXT_CALENDAR \
	"{{#googleCalendarUrl}}\n" \
	"\n" \
	W_calendar_google W_colon "\n" \
	"{{{googleCalendarUrl}}}\n" \
	"{{/googleCalendarUrl}}\n" \
	"{{#icalUrl}}\n" \
	"\n" \
	W_calendar_other W_colon "\n" \
	"{{{icalUrl}}}\n" \
	"{{/icalUrl}}\n"

/* Where the rule's buttons stand (notify/blocks.h); other messages have none. */
#define TEXT_BUTTONS \
	"{{#buttons}}\n" \
	"\n" \
	"{{{buttons}}}\n" \
	"{{/buttons}}\n"

#define HTML_BUTTONS \
	"{{{buttons}}}\n"

#define TEXT_GOODBYE \
	TEXT_BUTTONS \
	"{{#applicationName}}\n" \
	"\n" \
	"{{applicationName}}\n" \
	"{{/applicationName}}\n"

#define PARAGRAPH \
	"<p style=\"margin:0 0 16px\">"

/* With the space around the message and within it. */
#define HTML_START_WITHIN(heading, around, within) \
	"<!DOCTYPE html>\n" \
	"<html lang=\"" W_language "\"" HTML_DIRECTION ">\n" \
	"<head>\n" \
	"<meta charset=\"utf-8\">\n" \
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" \
	"<title>" heading "</title>\n" \
	"</head>\n" \
	"<body style=\"margin:0;padding:" around ";background:#f4f5f7;color:#1f2933;" \
	"font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;" \
	"font-size:16px;line-height:1.5;overflow-wrap:anywhere\">\n" \
	"<div role=\"article\" aria-label=\"" heading "\" style=\"max-width:560px;" \
	"margin:0 auto;padding:" within ";background:#ffffff;border-radius:8px\">\n" \
	"<h1 style=\"margin:0 0 16px;font-size:22px;line-height:1.3\">" heading "</h1>\n"

#define HTML_START(heading) HTML_START_WITHIN(heading, "24px 16px", "32px 24px")

#define HTML_HELLO \
	PARAGRAPH W_hello "</p>\n"

#define HTML_TABLE_START \
	"<table style=\"margin:0 0 16px;border-collapse:collapse;font-size:16px\">\n"

#define HTML_TABLE_END \
	"</table>\n"

#define HTML_ROW(label, value) \
	"<tr><th scope=\"row\" style=\"padding:" BEFORE_GAP ";text-align:" START_SIDE ";" \
	"vertical-align:top;font-weight:normal;white-space:nowrap;color:#52606d\">" label "</th>" \
	"<td style=\"padding:4px 0;vertical-align:top\">" value "</td></tr>\n"

#define HTML_CALENDAR \
	"{{#googleCalendarUrl}}\n" \
	PARAGRAPH "<a href=\"{{googleCalendarUrl}}\" style=\"color:#1a56db\">" \
	W_calendar_google "</a></p>\n" \
	"{{/googleCalendarUrl}}\n" \
	"{{#icalUrl}}\n" \
	PARAGRAPH "<a href=\"{{icalUrl}}\" style=\"color:#1a56db\">" \
	W_calendar_other "</a></p>\n" \
	"{{/icalUrl}}\n"

#define HTML_END \
	HTML_BUTTONS \
	"{{#applicationName}}\n" \
	"<p style=\"margin:24px 0 0;padding:16px 0 0;border-top:1px solid #e4e7eb;" \
	"font-size:14px;color:#52606d\">{{applicationName}}</p>\n" \
	"{{/applicationName}}\n" \
	"</div>\n" \
	"</body>\n" \
	"</html>\n"

#define SMS_FROM \
	"{{#applicationName}}{{applicationName}}: {{/applicationName}}"

/* A line of text, and a row of the table, for a value that there may be. */
#define TEXT_ROW_IF(name, label) \
	"{{#" name "}}\n" TEXT_LABEL(label) "{{" name "}}\n{{/" name "}}\n"
#define HTML_ROW_IF(name, label) \
	"{{#" name "}}\n" HTML_ROW(label, "{{" name "}}") "{{/" name "}}\n"

#define SMS(type, text) {#type, "SMS", NULL, SMS_FROM text, NULL}

#define IN_APP(type, title, text) {#type, "IN_APP", title, text, NULL}

#endif							/* APPT_TEMPLATE_PARTS_H */
