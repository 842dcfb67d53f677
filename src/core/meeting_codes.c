/*
 * meeting_codes.c
 *		Closed lists of codes of meeting templates.
 */
#include "postgres.h"

#include "core/meeting_codes.h"

static const char *const booking_states[] = {
	[BOOKING_NONE] = NULL,
	[BOOKING_NEW] = "NEW",
	[BOOKING_BOOKED] = "BOOKED",
	[BOOKING_INVITED] = "INVITED",
	[BOOKING_CONFIRMED] = "CONFIRMED",
	[BOOKING_DECLINED] = "DECLINED",
	[BOOKING_RESCHEDULE_REQUESTED] = "RESCHEDULE_REQUESTED"
};

const ResponseActionInfo response_actions[RESPONSE_ACTIONS] = {
	[ACTION_ACCEPT] = {"ACCEPT", "ACCEPTED", BOOKING_CONFIRMED},
	[ACTION_DECLINE] = {"DECLINE", "DECLINED", BOOKING_DECLINED},
	[ACTION_RESCHEDULE] = {"RESCHEDULE", "RESCHEDULE_REQUESTED", BOOKING_RESCHEDULE_REQUESTED}
};

static const char *const buttons[BUTTONS] = {
	[BUTTON_ACCEPT] = "ACCEPT",
	[BUTTON_DECLINE] = "DECLINE",
	[BUTTON_RESCHEDULE] = "RESCHEDULE",
	[BUTTON_VIEW_DETAILS] = "VIEW_DETAILS",
	[BUTTON_ADD_TO_CALENDAR] = "ADD_TO_CALENDAR"
};

StaticAssertDecl((int) BUTTON_ACCEPT == (int) ACTION_ACCEPT && (int) BUTTON_DECLINE == (int) ACTION_DECLINE &&
				 (int) BUTTON_RESCHEDULE == (int) ACTION_RESCHEDULE, "buttons of actions come first");

const char *
booking_state_code(BookingState state)
{
	return booking_states[state];
}

const char *
button_code(Button button)
{
	return buttons[button];
}

const char *const *
action_codes(void)
{
	const char **codes = (const char **) palloc0((RESPONSE_ACTIONS + 1) * sizeof(char *));

	for (int i = 0; i < RESPONSE_ACTIONS; i++)
		codes[i] = response_actions[i].code;
	return codes;
}

bool
action_from_code(const char *code, ResponseAction *action)
{
	for (int i = 0; i < RESPONSE_ACTIONS; i++)
		if (pg_strcasecmp(response_actions[i].code, code) == 0)
		{
			*action = (ResponseAction) i;
			return true;
		}
	return false;
}

bool
button_from_code(const char *code, Button *button)
{
	for (int i = 0; i < BUTTONS; i++)
		if (strcmp(buttons[i], code) == 0)
		{
			*button = (Button) i;
			return true;
		}
	return false;
}
