/*
 * template_parts.h
 *		Parts that built-in templates share.
 *
 * W_... are the words of a language (scripts/words.awk makes them from src/notify/words), and HTML_DIRECTION,
 * START_SIDE, END_SIDE, BEFORE_GAP, AFTER_GAP and ISOLATED follow its direction. A value that may be missing is inside a
 * section, so that no gap is left. An email's HTML makes sense when read aloud and needs no image.
 */
#ifndef APPT_TEMPLATE_PARTS_H
#define APPT_TEMPLATE_PARTS_H

#define TEXT_HELLO W_hello "\n\n"

#define TEXT_LABEL(label) label W_colon " "

/* The links to calendars stand together: the application has a public_url, or none of them. */
#define TEXT_CALENDAR \
	"{{#icalUrl}}\n" \
	"\n" \
	W_page_calendar W_colon "\n" \
	"{{#googleCalendarUrl}}\n" \
	TEXT_LABEL(W_page_calendar_google) "{{{googleCalendarUrl}}}\n" \
	"{{/googleCalendarUrl}}\n" \
	"{{#outlookCalendarUrl}}\n" \
	TEXT_LABEL(W_page_calendar_outlook) "{{{outlookCalendarUrl}}}\n" \
	"{{/outlookCalendarUrl}}\n" \
	TEXT_LABEL(W_page_calendar_file) "{{{icalUrl}}}\n" \
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
	"{{/applicationName}}\n" \
	"{{#branding.footer}}\n" \
	ISOLATED("{{branding.footer}}") "\n" \
	"{{/branding.footer}}\n" \
	"{{#branding.address}}\n" \
	ISOLATED("{{branding.address}}") "\n" \
	"{{/branding.address}}\n"

#define PARAGRAPH \
	"<p style=\"margin:0 0 16px\">"

/*
 * The layout: tables, because Outlook knows no other boxes, with their styles inline, because some programs drop style
 * sheets. The style sheet has the dark colours by class: b the background, c the card on it, s soft text, k links, l lines,
 * q what is quoted or stands out, g the logo.
 */
#define HTML_STYLE \
	"<meta name=\"color-scheme\" content=\"light dark\">\n" \
	"<meta name=\"supported-color-schemes\" content=\"light dark\">\n" \
	"<style>\n" \
	":root{color-scheme:light dark}\n" \
	"@media (prefers-color-scheme:dark){" \
	".b{background:#14171a!important}.c{background:#21262c!important;color:#e4e7eb!important}" \
	".s{color:#a9b4c0!important}.k{color:#8ab4f8!important}.l{border-color:#3e4c59!important}" \
	".q{background:#2c333b!important}.g{background:#ffffff!important;padding:4px 8px!important;border-radius:4px}\n}\n" \
	"@media (max-width:480px){.c{padding:24px 16px!important}\n}\n" \
	"</style>\n" \
	"<!--[if mso]><style>td,th,p,h1,a{font-family:'Segoe UI',Arial,sans-serif}</style><![endif]-->\n"

#define HTML_LOGO \
	"{{#branding.logo_url}}\n" \
	"<p style=\"margin:0 0 24px\"><img class=\"g\" src=\"{{branding.logo_url}}\" alt=\"{{applicationName}}\" height=\"40\" " \
	"style=\"height:40px;max-width:100%;border:0;font-size:18px;font-weight:bold\"></p>\n" \
	"{{/branding.logo_url}}\n"

/* `within` is the space around the message's content. */
#define HTML_START_OF(language, direction, title, within) \
	"<!DOCTYPE html>\n" \
	"<html lang=\"" language "\"" direction ">\n" \
	"<head>\n" \
	"<meta charset=\"utf-8\">\n" \
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" \
	HTML_STYLE \
	"<title>" title "</title>\n" \
	"</head>\n" \
	"<body class=\"b\" style=\"margin:0;padding:0;background:#f4f5f7\">\n" \
	"<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr>" \
	"<td class=\"b\" bgcolor=\"#f4f5f7\" style=\"padding:24px 8px;background:#f4f5f7\">\n" \
	"<!--[if mso]><table role=\"presentation\" align=\"center\" width=\"560\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">" \
	"<tr><td><![endif]-->\n" \
	"<table role=\"presentation\" align=\"center\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" " \
	"style=\"max-width:560px;margin:0 auto;table-layout:fixed\"><tr>" \
	"<td class=\"c\" bgcolor=\"#ffffff\" style=\"padding:" within ";background:#ffffff;color:#1f2933;" \
	"border-top:4px solid {{branding.color}};border-radius:8px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;" \
	"font-size:16px;line-height:1.5;overflow-wrap:anywhere;word-break:break-word\">\n" \
	"<div role=\"article\" aria-label=\"" title "\">\n" \
	HTML_LOGO

#define HTML_START_WITHIN(heading, within) \
	HTML_START_OF(W_language, HTML_DIRECTION, heading, within) \
	"<h1 style=\"margin:0 0 16px;font-size:22px;line-height:1.3\">" heading "</h1>\n"

#define HTML_START(heading) HTML_START_WITHIN(heading, "32px 24px")

#define HTML_END \
	"{{#applicationName}}\n" \
	"<p class=\"s l\" style=\"margin:24px 0 0;padding:16px 0 0;border-top:1px solid #e4e7eb;" \
	"font-size:14px;color:#52606d\"><bdi>{{applicationName}}</bdi>" \
	"{{#branding.footer}}<br><bdi>{{branding.footer}}</bdi>{{/branding.footer}}" \
	"{{#branding.address}}<br><bdi>{{branding.address}}</bdi>{{/branding.address}}</p>\n" \
	"{{/applicationName}}\n" \
	"</div>\n" \
	"</td></tr></table>\n" \
	"<!--[if mso]></td></tr></table><![endif]-->\n" \
	"</td></tr></table>\n" \
	"</body>\n" \
	"</html>\n"

/* The last members of a BuiltinTemplate: the HTML, its heading, and where its content is in it. */
#define HTML_BETWEEN(start, heading, content) \
	start content HTML_END, heading, sizeof(start) - 1, sizeof(content) - 1
#define HTML_BODY(heading, content) \
	HTML_BETWEEN(HTML_START(heading), heading, content HTML_BUTTONS)

/* ---- within the layout ---- */

#define HTML_HELLO \
	PARAGRAPH W_hello "</p>\n"

#define HTML_TABLE_START \
	"<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" " \
	"style=\"margin:0 0 16px;border-collapse:collapse;font-size:16px\">\n"

#define HTML_TABLE_END \
	"</table>\n"

#define HTML_ROW(label, value) \
	"<tr><th class=\"s\" scope=\"row\" width=\"30%\" align=\"" START_SIDE "\" style=\"padding:" BEFORE_GAP ";text-align:" START_SIDE ";" \
	"vertical-align:top;font-weight:normal;overflow-wrap:normal;word-break:normal;color:#52606d\">" label "</th>" \
	"<td style=\"padding:4px 0;vertical-align:top\">" value "</td></tr>\n"

/* Outlook draws the cell, with its own padding; other programs draw the link. */
#define HTML_BUTTON(url, word) \
	"<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"margin:24px 0;border-collapse:separate\"><tr>" \
	"<td bgcolor=\"{{branding.color}}\" style=\"border-radius:6px;background:{{branding.color}};mso-padding-alt:12px 24px\">" \
	"<a href=\"{{" url "}}\" style=\"display:inline-block;padding:12px 24px;border-radius:6px;background:{{branding.color}};" \
	"color:{{branding.text_color}};font-size:16px;line-height:20px;font-weight:bold;text-decoration:none;mso-padding-alt:0\">" word "</a>" \
	"</td></tr></table>\n"

#define HTML_LINK_TO(url, word) "<bdi><a class=\"k\" href=\"{{" url "}}\" style=\"color:#1a56db\">" word "</a></bdi>"

#define HTML_CALENDAR \
	"{{#icalUrl}}\n" \
	PARAGRAPH W_page_calendar W_colon "<br>\n" \
	"{{#googleCalendarUrl}}\n" \
	HTML_LINK_TO("googleCalendarUrl", W_page_calendar_google) " &#183;\n" \
	"{{/googleCalendarUrl}}\n" \
	"{{#outlookCalendarUrl}}\n" \
	HTML_LINK_TO("outlookCalendarUrl", W_page_calendar_outlook) " &#183;\n" \
	"{{/outlookCalendarUrl}}\n" \
	HTML_LINK_TO("icalUrl", W_page_calendar_file) "</p>\n" \
	"{{/icalUrl}}\n"

#define SMS_FROM \
	"{{#applicationName}}{{applicationName}}: {{/applicationName}}"

/* A line of text, and a row of the table, for a value that there may be. */
#define TEXT_ROW_IF(name, label) \
	"{{#" name "}}\n" TEXT_LABEL(label) "{{" name "}}\n{{/" name "}}\n"
#define HTML_ROW_IF(name, label) \
	"{{#" name "}}\n" HTML_ROW(label, "<bdi>{{" name "}}</bdi>") "{{/" name "}}\n"

#define SMS(type, text) {#type, "SMS", NULL, SMS_FROM text, NULL}

#define IN_APP(type, title, text) {#type, "IN_APP", title, text, NULL}

#endif							/* APPT_TEMPLATE_PARTS_H */
