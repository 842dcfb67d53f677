/*
 * link_token.c
 *		Makes and proves the tokens in links of messages.
 */
#include "postgres.h"

#include "common/base64.h"
#include "port/pg_bswap.h"

#include "core/compat.h"
#include "core/hmac.h"
#include "notify/link_token.h"

#define TOKEN_BYTES (TAG_BYTES + 16 + 8)

/* The purposes within the HMAC. */
static const char purposes[LINK_PURPOSES] = {[LINK_RESPOND] = 'R', [LINK_UNSUBSCRIBE] = 'U'};

/* The first bytes of an HMAC. */
static bool
keyed_hash(const ApplicationKey *key, const void *content, size_t length, uint8 *hash, size_t bytes)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (!hmac_sha256(key->bytes, APPLICATION_KEY_BYTES, content, length, digest))
		return false;
	memcpy(hash, digest, bytes);
	return true;
}

static bool
prove(const ApplicationKey *key, const LinkSubject *subject, uint8 *proof, size_t bytes)
{
	size_t		id_length = strlen(subject->participant_id);
	size_t		length = 1 + UUID_LEN + sizeof(uint64) + id_length;
	uint8	   *content = (uint8 *) palloc(length);
	uint64		id = pg_hton64((uint64) subject->notification_id);
	bool		done;

	content[0] = purposes[subject->purpose];
	memcpy(content + 1, subject->application_id.data, UUID_LEN);
	memcpy(content + 1 + UUID_LEN, &id, sizeof(id));
	memcpy(content + 1 + UUID_LEN + sizeof(id), subject->participant_id, id_length);
	done = keyed_hash(key, content, length, proof, bytes);
	pfree(content);
	return done;
}

/* The id and its mask are exchanged by the same operation. The first byte keeps the mask's HMAC apart from a proof's. */
static bool
mask_id(const ApplicationKey *key, const uint8 *proof, const uint8 *id, uint8 *masked)
{
	uint8		content[1 + 16] = {'M'};

	memcpy(content + 1, proof, 16);
	if (!keyed_hash(key, content, sizeof(content), masked, 8))
		return false;
	for (int i = 0; i < 8; i++)
		masked[i] ^= id[i];
	return true;
}

static char *
encode(const uint8 *bytes)
{
	char	   *text = (char *) palloc0(pg_b64_enc_len(TOKEN_BYTES) + 1);

	if (encode_base64(bytes, TOKEN_BYTES, text, pg_b64_enc_len(TOKEN_BYTES)) < 0)
		elog(ERROR, "could not encode a token");
	text[TOKEN_LENGTH] = '\0';	/* without the padding */
	for (char *c = text; *c != '\0'; c++)
		*c = (*c == '+') ? '-' : (*c == '/') ? '_' : *c;
	return text;
}

char *
link_token_make(const ApplicationKey *key, const LinkSubject *subject)
{
	uint8		bytes[TOKEN_BYTES];
	uint8	   *proof = bytes + TAG_BYTES;
	uint64		id = pg_hton64((uint64) subject->notification_id);

	memcpy(bytes, subject->application_id.data, TAG_BYTES);
	if (!prove(key, subject, proof, 16) ||
		!mask_id(key, proof, (const uint8 *) &id, proof + 16))
		return NULL;
	return encode(bytes);
}

bool
link_token_parse(const char *text, ReceivedToken *token)
{
	char		encoded[TOKEN_LENGTH + 2];
	uint8		bytes[TOKEN_BYTES + 2];

	if (strlen(text) != TOKEN_LENGTH)
		return false;
	for (int i = 0; i < TOKEN_LENGTH; i++)
	{
		if (text[i] == '+' || text[i] == '/' || text[i] == '=')
			return false;
		encoded[i] = (text[i] == '-') ? '+' : (text[i] == '_') ? '/' : text[i];
	}
	encoded[TOKEN_LENGTH] = encoded[TOKEN_LENGTH + 1] = '=';
	if (decode_base64(encoded, sizeof(encoded), bytes, sizeof(bytes)) != TOKEN_BYTES ||
		strcmp(encode(bytes), text) != 0)	/* its last bits are unused */
		return false;
	memcpy(token->tag, bytes, TAG_BYTES);
	memcpy(token->proof, bytes + TAG_BYTES, sizeof(token->proof));
	memcpy(token->masked_id, bytes + TAG_BYTES + sizeof(token->proof), sizeof(token->masked_id));
	return true;
}

int64
link_token_notification_id(const ReceivedToken *token, const ApplicationKey *key)
{
	uint64		id;

	if (!mask_id(key, token->proof, token->masked_id, (uint8 *) &id))
		return 0;
	return (int64) pg_ntoh64(id);
}

bool
link_token_is_genuine(const ReceivedToken *token, const ApplicationKey *key, const LinkSubject *subject)
{
	uint8		proof[sizeof(token->proof)];

	return memcmp(token->tag, subject->application_id.data, TAG_BYTES) == 0 &&
		prove(key, subject, proof, sizeof(proof)) && bytes_are_same(proof, token->proof, sizeof(proof));
}
