/*
 * tls.h
 *		Bounds on what a server may cost by TLS.
 */
#ifndef APPT_TLS_H
#define APPT_TLS_H

#include <curl/curl.h>

/*
 * To be called once before the other functions. Raises ERRCODE_FEATURE_NOT_SUPPORTED if libcurl does
 * not use the OpenSSL library that this one is linked with.
 */
extern void prepare_tls(void);

/* Set the bounds on the connections of an easy handle. False if that fails. */
extern bool set_tls_options(CURL *easy);

/* Count the messages of the handle's connection anew, for its next request. */
extern void restart_message_count(CURL *easy);

/* A text for people if libcurl's error says that the server passed a bound; else NULL. */
extern const char *tls_failure(const char *curl_error);

#endif							/* APPT_TLS_H */
