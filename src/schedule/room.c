/*
 * room.c
 *		Tickets and links of rooms.
 *
 * A ticket is all that a customer needs to enter, so it comes from the strong
 * random source: 9 letters are 42 bits. People read it out to each other, so
 * it has letters only, in groups.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/random.h"
#include "core/statement.h"
#include "schedule/room.h"
#include "schedule/validate.h"

#define USUAL_CODE_LENGTH 9
#define GROUP_LENGTH 3
#define LETTERS 26

/* Random bytes that are drawn together: a call of the random source costs more than many bytes. */
typedef struct RandomBytes
{
	uint8		bytes[32];
	int			left;
} RandomBytes;

static uint8
next_byte(RandomBytes *random)
{
	if (random->left == 0)
	{
		random_bytes(random->bytes, sizeof(random->bytes));
		random->left = sizeof(random->bytes);
	}
	return random->bytes[--random->left];
}

/* A random letter. Bytes that would make some letters more likely are discarded. */
static char
random_letter(RandomBytes *random)
{
	uint8		byte;

	do
	{
		byte = next_byte(random);
	} while (byte >= 256 / LETTERS * LETTERS);
	return 'a' + byte % LETTERS;
}

/* Like "pij-gws-abc"; without hyphens if the application sets the length. */
static char *
random_code(int code_length)
{
	bool		grouped = code_length == 0;
	int			letters = grouped ? USUAL_CODE_LENGTH : code_length;
	char	   *code = (char *) palloc(2 * letters + 1);
	char	   *end = code;
	RandomBytes random = {.left = 0};

	for (int i = 0; i < letters; i++)
	{
		if (grouped && i > 0 && i % GROUP_LENGTH == 0)
			*end++ = '-';
		*end++ = random_letter(&random);
	}
	*end = '\0';
	return code;
}

static char *
room_url(const char *base, const char *code)
{
	int			length = base == NULL ? 0 : strlen(base);

	if (length == 0)
		return pstrdup("");
	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s/%s", length, base, code);
}

Room
room_open(const AppointmentKey *key, const RoomSettings *settings, TimestampTz end_at)
{
	static Statement insert = {
		"INSERT INTO appt.room_access (application_id, appointment_id, ticket, url, expires) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ticket) DO NOTHING",
		5, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	Room		room;

	room.expires = end_at + ROOM_ACCESS_AFTER_END;
	do
	{
		CHECK_FOR_INTERRUPTS();
		room.ticket = random_code(settings->code_length);
		room.url = room_url(settings->url, room.ticket);
	} while (statement_run(&insert, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						   text_datum(room.ticket), text_datum(room.url),
						   TimestampTzGetDatum(room.expires)) == 0);
	return room;
}

void
room_move(const AppointmentKey *key, TimestampTz end_at)
{
	static Statement move = {
		"UPDATE appt.room_access SET expires = $3 WHERE application_id = $1 AND appointment_id = $2",
		3, {UUIDOID, UUIDOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&move, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 TimestampTzGetDatum(end_at + ROOM_ACCESS_AFTER_END));
}
