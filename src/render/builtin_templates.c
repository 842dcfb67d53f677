/*
 * builtin_templates.c
 *		The English templates of messages to customers, and of codes and tests,
 *		so that an application works before anyone has written one.
 *
 * They are constants and not rows, so that a dump does not restore old texts
 * over those of a newer version.  Each says who it is from, what it is about,
 * when (with the timezone) and what to do next.  A value that may be missing is
 * inside a section, so that no gap is left.  Notes and metadata are internal,
 * and the organizer is known by a user id alone, which tells a customer nothing:
 * no template has them.  An SMS is short.  An email's HTML has its styles
 * inline, makes sense when read aloud and needs no image.
 */
#include "postgres.h"

#include "render/builtin_templates.h"
#include "render/builtin_report_templates.h"
#include "render/builtin_user_templates.h"
#include "render/template_parts.h"

/* ---------- parts that messages share ---------- */

#define WHAT \
	"{{#title}}{{title}}{{/title}}{{^title}}your appointment{{/title}}"

#define TEXT_DETAILS \
	"{{#title}}\n" \
	"What: {{title}}\n" \
	"{{/title}}\n" \
	"When: " WHEN "\n" \
	"{{#duration}}\n" \
	"How long: {{duration}}\n" \
	"{{/duration}}\n" \
	"{{#location}}\n" \
	"Where: {{location}}\n" \
	"{{/location}}\n"

#define TEXT_JOIN \
	"{{#joinUrl}}\n" \
	"\n" \
	"Join the video call here:\n" \
	"{{{joinUrl}}}\n" \
	"{{/joinUrl}}\n"

#define HTML_DETAILS_AND(more) \
	HTML_TABLE_START \
	"{{#title}}\n" HTML_ROW("What", "{{title}}") "{{/title}}\n" \
	HTML_ROW("When", "<strong>" WHEN "</strong>") \
	"{{#duration}}\n" HTML_ROW("How long", "{{duration}}") "{{/duration}}\n" \
	"{{#location}}\n" HTML_ROW("Where", "{{location}}") "{{/location}}\n" \
	more \
	HTML_TABLE_END

#define HTML_DETAILS HTML_DETAILS_AND("")

#define HTML_JOIN \
	"{{#joinUrl}}\n" \
	"<p style=\"margin:24px 0\"><a href=\"{{joinUrl}}\" style=\"display:inline-block;" \
	"padding:12px 24px;background:#1a56db;color:#ffffff;text-decoration:none;" \
	"border-radius:6px;font-weight:bold\">Join the video call</a></p>\n" \
	"<p style=\"margin:0 0 16px;font-size:14px;color:#52606d\">" \
	"Or open this address in your browser:<br>" \
	"<a href=\"{{joinUrl}}\" style=\"color:#1a56db;word-break:break-all\">{{joinUrl}}</a></p>\n" \
	"{{/joinUrl}}\n"

#define SMS_TITLE \
	"{{#title}} \"{{title}}\"{{/title}}"

#define SMS_WHAT \
	"Your appointment" SMS_TITLE

#define SMS_JOIN \
	"{{#joinUrl}} Join: {{{joinUrl}}}{{/joinUrl}}"

/* An email about an appointment: both bodies say the same in the same order. */
#define APPOINTMENT_EMAIL(type, subject, heading, news, after) \
	{type, "EMAIL", subject, \
		TEXT_HELLO news "\n\n" TEXT_DETAILS TEXT_JOIN TEXT_CALENDAR after##_TEXT TEXT_GOODBYE, \
	HTML_START(heading) HTML_HELLO PARAGRAPH news "</p>\n" \
	HTML_DETAILS HTML_JOIN HTML_CALENDAR after##_HTML HTML_END}

#define NOTHING_TEXT ""
#define NOTHING_HTML ""

#define OLD_ENTRY \
	"If you had added the old time to your calendar, please remove it there."
#define OLD_ENTRY_TEXT "\n" OLD_ENTRY "\n"
#define OLD_ENTRY_HTML PARAGRAPH OLD_ENTRY "</p>\n"

/* ---------- the messages ---------- */

#define CANCELLED_NEWS "This appointment has been cancelled. There is nothing you need to do."
#define TEXT_CANCEL_REASON \
	"{{#cancelReason}}\n" \
	"Reason: {{cancelReason}}\n" \
	"{{/cancelReason}}\n"
#define HTML_CANCEL_REASON \
	"{{#cancelReason}}\n" HTML_ROW("Reason", "{{cancelReason}}") "{{/cancelReason}}\n"
#define FOLLOW_UP_NEWS "Thank you for your time{{#title}} in \"{{title}}\"{{/title}} on {{date}}."
#define FOLLOW_UP_OFFER "If anything was left open, just get in touch with us."
#define CODE_NEWS "Here is the code that you asked for:"
#define CODE_CARE "It is valid for 10 minutes. Do not share it with anyone. If you did not ask for it, ignore this message."
#define TEST_NEWS "This is a test message{{#applicationName}} from {{applicationName}}{{/applicationName}}. If you can read it, messages reach you."

static const BuiltinTemplate templates[] = {
	APPOINTMENT_EMAIL("CREATE",
					  "Confirmed: " WHAT ", {{date}}, {{time24}}",
					  "Your appointment is confirmed",
					  "Your appointment is confirmed. We look forward to meeting you.",
					  NOTHING),
	SMS("CREATE",
		SMS_FROM SMS_WHAT " is confirmed for " WHEN "." SMS_JOIN),

	APPOINTMENT_EMAIL("RESCHEDULE",
					  "New time: " WHAT ", {{date}}, {{time24}}",
					  "Your appointment has a new time",
					  "Your appointment has moved. This is the new time:",
					  OLD_ENTRY),
	SMS("RESCHEDULE",
		SMS_FROM SMS_WHAT " has moved to " WHEN "." SMS_JOIN),

	{"CANCELLED", "EMAIL",
		"Cancelled: " WHAT ", {{date}}, {{time24}}",
		TEXT_HELLO CANCELLED_NEWS "\n\n" TEXT_DETAILS TEXT_CANCEL_REASON TEXT_GOODBYE,
		HTML_START("Your appointment has been cancelled") HTML_HELLO
		PARAGRAPH CANCELLED_NEWS "</p>\n" HTML_DETAILS_AND(HTML_CANCEL_REASON) HTML_END
	},
	SMS("CANCELLED",
		SMS_FROM SMS_WHAT " on " WHEN " has been cancelled."),

	APPOINTMENT_EMAIL("REMINDER",
					  "Reminder: " WHAT ", {{date}}, {{time24}}",
					  "Your appointment is coming up",
					  "This is a reminder of your appointment.",
					  NOTHING),
	SMS("REMINDER",
		SMS_FROM "Reminder of your appointment" SMS_TITLE ", " WHEN "." SMS_JOIN),

	APPOINTMENT_EMAIL("ROOM",
					  "Your link to join: " WHAT ", {{date}}, {{time24}}",
					  "Your video call is ready",
					  "The room of your video call is ready. You can join it at the time below.",
					  NOTHING),
	SMS("ROOM",
		SMS_FROM "The video call of your appointment" SMS_TITLE ", " WHEN ", is ready." SMS_JOIN),

	{"FOLLOW_UP", "EMAIL",
		"Thank you for your time{{#title}}: {{title}}{{/title}}",
		TEXT_HELLO FOLLOW_UP_NEWS "\n\n" FOLLOW_UP_OFFER "\n" TEXT_GOODBYE,
		HTML_START("Thank you for your time") HTML_HELLO
		PARAGRAPH FOLLOW_UP_NEWS "</p>\n" PARAGRAPH FOLLOW_UP_OFFER "</p>\n" HTML_END
	},
	SMS("FOLLOW_UP",
		SMS_FROM "Thank you for your time{{#title}} in \"{{title}}\"{{/title}}. "
		FOLLOW_UP_OFFER),

	/*
	 * The code is not in the subject, which locked screens show and servers
	 * log.
	 */
	{"CODE", "EMAIL",
		"Your one-time code{{#applicationName}} for {{applicationName}}{{/applicationName}}",
		"Hello,\n\n" CODE_NEWS "\n\n{{code}}\n\n" CODE_CARE "\n" TEXT_GOODBYE,
		HTML_START("Your one-time code") PARAGRAPH "Hello,</p>\n"
		PARAGRAPH CODE_NEWS "</p>\n"
		"<p style=\"margin:0 0 16px;font-size:28px;font-weight:bold;letter-spacing:4px\">{{code}}</p>\n"
		PARAGRAPH CODE_CARE "</p>\n" HTML_END
	},
	SMS("CODE",
		SMS_FROM "{{code}} is your code. It is valid for 10 minutes. Do not share it with anyone."),

	{"TEST", "EMAIL",
		"Test message{{#applicationName}} from {{applicationName}}{{/applicationName}}",
		"Hello,\n\n" TEST_NEWS "\n"
		"{{#date}}\n"
		"\n"
		"The sample appointment is on " WHEN ".\n"
		"{{/date}}\n"
		TEXT_GOODBYE,
		HTML_START("Test message") PARAGRAPH "Hello,</p>\n"
		PARAGRAPH TEST_NEWS "</p>\n"
		"{{#date}}\n"
		PARAGRAPH "The sample appointment is on " WHEN ".</p>\n"
		"{{/date}}\n"
		HTML_END
	},
	SMS("TEST",
		SMS_FROM "This is a test message. If you can read it, messages reach you."),
	IN_APP("TEST", "Test message", TEST_NEWS),
	{NULL}
};

static const BuiltinTemplate *const tables[] = {templates, builtin_user_templates, builtin_report_templates};

static const BuiltinTemplate *
find_template(const BuiltinTemplate *table, const char *type, const char *channel)
{
	for (; table->type != NULL; table++)
		if (strcmp(table->type, type) == 0 && strcmp(table->channel, channel) == 0)
			return table;
	return NULL;
}

const BuiltinTemplate *
builtin_template(const char *type, const char *channel)
{
	const BuiltinTemplate *found = NULL;

	for (int i = 0; i < lengthof(tables) && found == NULL; i++)
		found = find_template(tables[i], type, channel);
	return found;
}

const char *
builtin_template_locale(const char *locale)
{
	if (locale && pg_strncasecmp(locale, "en", 2) == 0 &&
		(locale[2] == '\0' || locale[2] == '-' || locale[2] == '_'))
		return locale;
	return "en";
}
