/*
 * link_token.h
 *		Tokens in links of messages: what a customer proves with that it got a
 *		message.
 *
 * A token is 28 bytes in base64url without padding, 38 characters: the tag
 * of the application (core/tagged_id.h); 16 bytes of an HMAC-SHA256 over purpose,
 * application, notification and participant; the notification's id, masked by a
 * second HMAC of that one. Nothing is stored but the application's keys: a token
 * is found by its id and proven by its HMAC.
 *
 * Pure functions, without SPI or clock. Source: people.md section 3, "Links and
 * pages".
 */
#ifndef APPT_LINK_TOKEN_H
#define APPT_LINK_TOKEN_H

#include "core/tagged_id.h"

#define TOKEN_LENGTH 38
#define APPLICATION_KEY_BYTES 32

typedef struct ApplicationKey
{
	uint8		bytes[APPLICATION_KEY_BYTES];
} ApplicationKey;

typedef enum LinkPurpose
{
	LINK_RESPOND,				/* the page of the appointment */
	LINK_UNSUBSCRIBE
} LinkPurpose;
#define LINK_PURPOSES (LINK_UNSUBSCRIBE + 1)

/* What a token stands for. */
typedef struct LinkSubject
{
	LinkPurpose purpose;
	pg_uuid_t	application_id;
	int64		notification_id;
	const char *participant_id; /* recipient_id of the notification */
} LinkSubject;

/* A token as it was received: nothing of it is proven. */
typedef struct ReceivedToken
{
	uint8		tag[TAG_BYTES];
	uint8		proof[16];
	uint8		masked_id[8];
} ReceivedToken;

/* The token, in CurrentMemoryContext; NULL if the crypto library fails. */
extern char *link_token_make(const ApplicationKey *key, const LinkSubject *subject);

/* False if the text does not have the form of a token. */
extern bool link_token_parse(const char *text, ReceivedToken *token);

/* The id of the notification that it claims to be about, if it was made with this key; 0 if the crypto library fails. */
extern int64 link_token_notification_id(const ReceivedToken *token, const ApplicationKey *key);

/* Was it made with this key, for this subject? */
extern bool link_token_is_genuine(const ReceivedToken *token, const ApplicationKey *key, const LinkSubject *subject);

#endif							/* APPT_LINK_TOKEN_H */
