/*
 * builtin_user_templates.c
 *		The English templates of messages to users.
 *
 * Of the payload of an event they know these members, all of them optional:
 * "text" (what was written, said or went wrong), "url" (where to see it), "by"
 * (who did it), "by_sequence" (a sequence did), "integration", "result",
 * "duration", "pages" and "due". An event's own title is the subject. An SMS says
 * what happened and where to see it, not what was written, because its length
 * costs.
 */
#include "postgres.h"

#include "render/builtin_user_templates.h"
#include "render/template_parts.h"

/* ---------- parts ---------- */

/* Who called or wrote; and the beginning of a sentence about it. */
#define CONTACT_OR(nobody) \
	"{{#contact.name}}{{contact.name}}{{/contact.name}}" \
	"{{^contact.name}}{{#contact.phone}}{{contact.phone}}{{/contact.phone}}" \
	"{{^contact.phone}}{{#contact.email}}{{contact.email}}{{/contact.email}}" \
	"{{^contact.email}}" nobody "{{/contact.email}}{{/contact.phone}}{{/contact.name}}"
#define WHO CONTACT_OR("an unknown contact")
#define WHO_FIRST CONTACT_OR("An unknown contact")

#define ON_LINE "{{#line}} on the line \"{{line}}\"{{/line}}"
#define TO_LINE "{{#line}} to the line \"{{line}}\"{{/line}}"
#define WITH_INTEGRATION "{{#payload.integration}} with {{payload.integration}}{{/payload.integration}}"

#define TITLE_OR(otherwise) \
	"{{#title}}{{title}}{{/title}}{{^title}}" otherwise "{{/title}}"

/* A line of text, and a row of the table, for a value that there may be. */
#define TEXT_ROW_IF(name, label) \
	"{{#" name "}}\n" label ": {{" name "}}\n{{/" name "}}\n"
#define HTML_ROW_IF(name, label) \
	"{{#" name "}}\n" HTML_ROW(label, "{{" name "}}") "{{/" name "}}\n"

#define TEXT_CONTACT \
	TEXT_ROW_IF("contact.name", "Contact") \
	TEXT_ROW_IF("contact.phone", "Phone") \
	TEXT_ROW_IF("contact.email", "Email")
#define HTML_CONTACT \
	HTML_ROW_IF("contact.name", "Contact") \
	HTML_ROW_IF("contact.phone", "Phone") \
	HTML_ROW_IF("contact.email", "Email")

/* What was written, or else tells more. */
#define TEXT_QUOTE \
	"{{#payload.text}}\n\n{{payload.text}}\n{{/payload.text}}\n"
#define HTML_QUOTE \
	"{{#payload.text}}\n" \
	"<blockquote style=\"margin:0 0 16px;padding:12px 16px;background:#f4f5f7;" \
	"border-left:4px solid #cbd2d9;white-space:pre-line\">{{payload.text}}</blockquote>\n" \
	"{{/payload.text}}\n"

#define TEXT_LINK \
	"{{#payload.url}}\n\nSee it here:\n{{{payload.url}}}\n{{/payload.url}}\n"
#define HTML_LINK \
	"{{#payload.url}}\n" \
	"<p style=\"margin:24px 0\"><a href=\"{{payload.url}}\" style=\"display:inline-block;" \
	"padding:12px 24px;background:#1a56db;color:#ffffff;text-decoration:none;" \
	"border-radius:6px;font-weight:bold\">See it</a></p>\n" \
	"{{/payload.url}}\n"

#define TEXT_TIME "When: " WHEN "\n"
#define HTML_TIME HTML_ROW("When", WHEN)

#define SMS_LINK "{{#payload.url}} {{{payload.url}}}{{/payload.url}}"
#define INBOX_QUOTE "{{#payload.text}}\n\n{{payload.text}}\n{{/payload.text}}\n"

/* ---------- an event that concerns a contact ---------- */

#define CONTACT_EMAIL(type, subject, news, more_text, more_html) \
	{type, "EMAIL", TITLE_OR(subject), \
		TEXT_HELLO news "\n\n" TEXT_CONTACT TEXT_TIME more_text \
		TEXT_QUOTE TEXT_LINK TEXT_GOODBYE, \
	HTML_START(TITLE_OR(subject)) HTML_HELLO PARAGRAPH news "</p>\n" \
	HTML_TABLE_START HTML_CONTACT HTML_TIME more_html HTML_TABLE_END \
	HTML_QUOTE HTML_LINK HTML_END}

#define CONTACT_MESSAGES(type, subject, news, more_text, more_html) \
	CONTACT_EMAIL(type, subject, news, more_text, more_html), \
	SMS(type, SMS_FROM news SMS_LINK), \
	IN_APP(type, TITLE_OR(subject), news INBOX_QUOTE)

#define MANY_NEWS WHO_FIRST " sent more than 15 text messages within 30 seconds" TO_LINE "."
#define MENTION_NEWS \
	"{{#payload.by}}{{payload.by}} mentioned you{{/payload.by}}{{^payload.by}}You were mentioned{{/payload.by}}."
#define ASSIGNED_NEWS \
	"{{#payload.by_sequence}}A sequence assigned the contact " WHO " to you.{{/payload.by_sequence}}" \
	"{{^payload.by_sequence}}{{#payload.by}}{{payload.by}} assigned the contact " WHO " to you.{{/payload.by}}" \
	"{{^payload.by}}The contact " WHO " was assigned to you.{{/payload.by}}{{/payload.by_sequence}}"
#define REMINDER_NEWS \
	"{{#payload.by}}{{payload.by}} assigned a reminder to you{{/payload.by}}" \
	"{{^payload.by}}A reminder was assigned to you{{/payload.by}}."

/* ---------- an appointment of the user's ---------- */

#define OF_APPOINTMENT "{{#title}}: {{title}}{{/title}}, {{date}}, {{time24}}"
#define CUSTOMER_AND_TITLE "{{#title}} \"{{title}}\"{{/title}}{{#customerName}} with {{customerName}}{{/customerName}}"

#define APPOINTMENT_MESSAGES(type, subject, heading, news, sms) \
	{type, "EMAIL", subject OF_APPOINTMENT, \
		TEXT_HELLO news "\n\n" TEXT_ROW_IF("title", "What") TEXT_ROW_IF("customerName", "Customer") "When: " WHEN "\n" \
		TEXT_ROW_IF("duration", "How long") TEXT_ROW_IF("location", "Where") TEXT_CALENDAR TEXT_GOODBYE, \
	HTML_START(heading) HTML_HELLO PARAGRAPH news "</p>\n" \
	HTML_TABLE_START HTML_ROW_IF("title", "What") HTML_ROW_IF("customerName", "Customer") \
	HTML_ROW("When", "<strong>" WHEN "</strong>") HTML_ROW_IF("duration", "How long") HTML_ROW_IF("location", "Where") \
	HTML_TABLE_END HTML_CALENDAR HTML_END}, \
	SMS(type, SMS_FROM sms CUSTOMER_AND_TITLE ", " WHEN "."), \
	IN_APP(type, heading, sms CUSTOMER_AND_TITLE ", " WHEN ".")

/* ---------- account level ---------- */

#define ACCOUNT_EMAIL(type, subject, news) \
	{type, "EMAIL", TITLE_OR(subject), \
		TEXT_HELLO news "\n\n" TEXT_ROW_IF("payload.integration", "Integration") TEXT_ROW_IF("payload.result", "Result") \
		TEXT_TIME TEXT_QUOTE TEXT_LINK TEXT_GOODBYE, \
	HTML_START(TITLE_OR(subject)) HTML_HELLO PARAGRAPH news "</p>\n" \
	HTML_TABLE_START HTML_ROW_IF("payload.integration", "Integration") HTML_ROW_IF("payload.result", "Result") HTML_TIME \
	HTML_TABLE_END HTML_QUOTE HTML_LINK HTML_END}

/* ---------- the messages ---------- */

const BuiltinTemplate builtin_user_templates[] = {
	CONTACT_MESSAGES("CALL", "Call from " WHO, "There is a call from " WHO ON_LINE ".", "", ""),
	CONTACT_MESSAGES("TEXT_MESSAGE", "Text message from " WHO, WHO_FIRST " sent a text message" TO_LINE ".", "", ""),
	CONTACT_MESSAGES("VOICEMAIL", "Voicemail from " WHO, WHO_FIRST " left a voicemail" ON_LINE ".",
					 TEXT_ROW_IF("payload.duration", "Length"), HTML_ROW_IF("payload.duration", "Length")),
	CONTACT_MESSAGES("FAX", "Fax from " WHO, WHO_FIRST " sent a fax" TO_LINE ".",
					 TEXT_ROW_IF("payload.pages", "Pages"), HTML_ROW_IF("payload.pages", "Pages")),
	CONTACT_MESSAGES("HIGH_SMS", "Many text messages from " WHO, MANY_NEWS, "", ""),
	CONTACT_MESSAGES("MENTION", "You were mentioned{{#payload.by}} by {{payload.by}}{{/payload.by}}", MENTION_NEWS, "", ""),
	CONTACT_MESSAGES("CONTACT_ASSIGNED", "Contact assigned to you: " WHO, ASSIGNED_NEWS, "", ""),
	CONTACT_MESSAGES("REMINDER_ASSIGNED", "Reminder assigned to you", REMINDER_NEWS,
					 TEXT_ROW_IF("payload.due", "Due"), HTML_ROW_IF("payload.due", "Due")),

	APPOINTMENT_MESSAGES("APPOINTMENT_ASSIGNED", "Assigned to you", "An appointment was assigned to you",
						 "This appointment was assigned to you.", "An appointment was assigned to you:"),
	APPOINTMENT_MESSAGES("APPOINTMENT_CREATED", "New appointment", "You have a new appointment",
						 "This appointment was scheduled for you.", "You have a new appointment:"),
	APPOINTMENT_MESSAGES("APPOINTMENT_REMINDER", "Reminder", "Your appointment is coming up",
						 "This is a reminder of your appointment.", "Reminder of your appointment"),

	ACCOUNT_EMAIL("BILLING_WARNING", "Billing warning", "There is a warning about the billing of your account."),
	ACCOUNT_EMAIL("USERS_SYNC", "Users synchronized" WITH_INTEGRATION, "Users were synchronized" WITH_INTEGRATION "."),
	ACCOUNT_EMAIL("CONTACTS_SYNC", "Contacts synchronized" WITH_INTEGRATION, "Contacts were synchronized" WITH_INTEGRATION "."),
	ACCOUNT_EMAIL("CONTACT_DISPOSITIONS_SYNC", "Contact dispositions synchronized" WITH_INTEGRATION,
				  "Contact dispositions were synchronized" WITH_INTEGRATION "."),
	ACCOUNT_EMAIL("CALL_DISPOSITIONS_SYNC", "Call dispositions synchronized" WITH_INTEGRATION,
				  "Call dispositions were synchronized" WITH_INTEGRATION "."),
	ACCOUNT_EMAIL("INTEGRATION_FAILED",
				  "{{#payload.integration}}{{payload.integration}}{{/payload.integration}}"
				  "{{^payload.integration}}An integration{{/payload.integration}}: the connection failed",
				  "The connection to {{#payload.integration}}{{payload.integration}}{{/payload.integration}}"
				  "{{^payload.integration}}an integration{{/payload.integration}} failed."),
	ACCOUNT_EMAIL("IMPORT_EXPORT", "Import or export has ended", "An import or export that was started in your account has ended."),
	{NULL}
};
