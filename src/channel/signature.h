/*
 * signature.h
 *		Signatures of webhooks: HMAC-SHA256. Keys and contents are UTF-8.
 */
#ifndef APPT_SIGNATURE_H
#define APPT_SIGNATURE_H

/* For x-signature, and "v1,..." for webhook-signature; NULL if the key is malformed. */
extern char *hex_signature(const char *key, const char *content);
extern char *standard_signature(const char *key, const char *signed_content);

/* NULL or what is wrong with a key. */
extern const char *hmac_key_problem(const char *key);

#endif							/* APPT_SIGNATURE_H */
