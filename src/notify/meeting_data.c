/*
 * meeting_data.c
 *		The values of a template's names that have to do with meeting templates
 *		and with customers who answer.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/meeting_data.h"

static const char *const names_of_actions[RESPONSE_ACTIONS] = {
	[ACTION_ACCEPT] = "acceptUrl",
	[ACTION_DECLINE] = "declineUrl",
	[ACTION_RESCHEDULE] = "rescheduleUrl"
};

/* May a link in a message lead there? */
static bool
is_safe_url(const char *url)
{
	static const char *const schemes[] = {"https:", "mailto:", "tel:"};

	for (int i = 0; url != NULL && i < lengthof(schemes); i++)
		if (pg_strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static void
push_contact(JsonbParseState **state, const Jsonb *contact)
{
	char	   *url = json_root_text(contact, "url");

	json_push_if_given(state, "contactName", json_root_text(contact, "name"));
	json_push_if_given(state, "contactPhone", json_root_text(contact, "phone"));
	json_push_if_given(state, "contactEmail", json_root_text(contact, "email"));
	json_push_if_given(state, "contactUrl", is_safe_url(url) ? url : NULL);
}

static void
push_links(JsonbParseState **state, const NotificationFacts *facts, const Links *links)
{
	int			buttons = facts->rule == NULL ? 0 : facts->rule->buttons;

	json_push_member(state, "landingUrl", link_to_page(links));
	json_push_member(state, "unsubscribeUrl", link_to_unsubscribe(links));
	for (int action = 0; action < RESPONSE_ACTIONS; action++)
		if (buttons & BUTTON_BIT(action))
			json_push_member(state, names_of_actions[action], link_to_action(links, (ResponseAction) action));
}

void
push_meeting(JsonbParseState **state, const NotificationFacts *facts, const Links *links, const Markers *markers)
{
	const MeetingTemplateFacts *meeting = facts->meeting_template;

	if (facts->appointment != NULL)
		json_push_if_given(state, "status", facts->appointment->booking_state);
	json_push_if_given(state, "meetingType", meeting == NULL ? NULL : meeting->meeting_type);
	json_push_if_given(state, "videoPlatform", meeting == NULL ? NULL : meeting->video_platform);
	if (facts->application != NULL && facts->application->contact != NULL)
		push_contact(state, facts->application->contact);
	if (links != NULL)
		push_links(state, facts, links);
	json_push_if_given(state, "buttons", markers->buttons);
	json_push_if_given(state, "calendarBlock", markers->calendar_block);
}
