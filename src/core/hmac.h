/*
 * hmac.h
 *		SHA-256 and HMAC of a sequence of bytes, and comparison in constant time.
 */
#ifndef APPT_HMAC_H
#define APPT_HMAC_H

#include "common/cryptohash.h"
#include "common/sha1.h"
#include "common/sha2.h"

/* Write the SHA-256, of PG_SHA256_DIGEST_LENGTH bytes. False if the crypto library fails. */
extern bool sha256_digest(const void *content, size_t length, uint8 *digest);

/* Write the HMAC, of PG_SHA256_DIGEST_LENGTH bytes. False if the crypto library fails. The key must not be empty. */
extern bool hmac_sha256(const void *key, size_t key_length, const void *content, size_t length, uint8 *digest);

/* The same, of SHA1_DIGEST_LENGTH bytes; the key may be empty. */
extern bool hmac_sha1(const void *key, size_t key_length, const void *content, size_t length, uint8 *digest);

/* Are both of these bytes the same? Takes the same time wherever they differ. */
extern bool bytes_are_same(const void *one, const void *other, size_t length);

#endif							/* APPT_HMAC_H */
