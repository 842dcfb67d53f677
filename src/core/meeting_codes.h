/*
 * meeting_codes.h
 *		Closed lists of codes of meeting templates: booking states, actions of
 *		customers, buttons of messages.
 *
 * Source: progrid-notifications.txt; people.md section 3.
 */
#ifndef APPT_MEETING_CODES_H
#define APPT_MEETING_CODES_H

/* What the customers of an appointment with a meeting template were told and said. */
typedef enum BookingState
{
	BOOKING_NONE,				/* no meeting template */
	BOOKING_NEW, BOOKING_BOOKED, BOOKING_INVITED,
	BOOKING_CONFIRMED, BOOKING_DECLINED, BOOKING_RESCHEDULE_REQUESTED
} BookingState;

/* What a customer answers. */
typedef enum ResponseAction
{
	ACTION_ACCEPT, ACTION_DECLINE, ACTION_RESCHEDULE
} ResponseAction;
#define RESPONSE_ACTIONS (ACTION_RESCHEDULE + 1)

typedef struct ResponseActionInfo
{
	const char *code;			/* "ACCEPT" */
	const char *participant_response;	/* "ACCEPTED" */
	BookingState booking_state; /* that it leads to */
} ResponseActionInfo;

extern const ResponseActionInfo response_actions[RESPONSE_ACTIONS];

/* Where an answer comes from: values of appt.response_source_code. */
#define SOURCE_EMAIL "EMAIL"
#define SOURCE_PAGE "PAGE"
#define SOURCE_SMS "SMS"
#define SOURCE_API "API"

/* Buttons of a message. Those of actions come first, with the values of their actions. */
typedef enum Button
{
	BUTTON_ACCEPT, BUTTON_DECLINE, BUTTON_RESCHEDULE, BUTTON_VIEW_DETAILS, BUTTON_ADD_TO_CALENDAR
} Button;
#define BUTTONS (BUTTON_ADD_TO_CALENDAR + 1)
#define BUTTON_BIT(button) (1 << (button))
#define BUTTONS_OF_ACTIONS (BUTTON_BIT(BUTTON_ACCEPT) | BUTTON_BIT(BUTTON_DECLINE) | BUTTON_BIT(BUTTON_RESCHEDULE))

/* Codes as in SQL; booking_state_code is NULL for BOOKING_NONE. */
extern const char *booking_state_code(BookingState state);
extern const char *button_code(Button button);

/* All actions, as a list that ends with NULL. */
extern const char *const *action_codes(void);

/* Find the value of a code; false if there is none. An action is found in either case. */
extern bool action_from_code(const char *code, ResponseAction *action);
extern bool button_from_code(const char *code, Button *button);

#endif							/* APPT_MEETING_CODES_H */
