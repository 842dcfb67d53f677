/*
 * easy_handle.h
 *		What libcurl is told for every transfer, HTTP or SMTP.
 */
#ifndef APPT_EASY_HANDLE_H
#define APPT_EASY_HANDLE_H

#include <curl/curl.h>

#include "transfer/transfer.h"

/* Past this many bytes of body, or twice as many with their framing, the connection is dropped; the status stands. */
#define BODY_LIMIT (1024 * 1024)

/* A response with more bytes of header than this is a failure. */
#define HEADER_LIMIT (256 * 1024)

/* An idle connection is not used again after this, because servers close it. */
#define IDLE_CONNECTION_SECONDS 30

/* For functions that set options of an easy handle and return false if that fails. */
#define SETOPT(easy, option, value) \
	do { \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
			return false; \
	} while (0)

/*
 * Set the options that all handles have in common, once for each handle. Its
 * callbacks note what happens in `transfer`; so does CURLOPT_PRIVATE.
 */
extern bool set_common_options(CURL *easy, Transfer *transfer);

/* appt.ca_file, "" if it is not set. */
extern const char *ca_file(void);

/* Trust the certificate authorities in this file; "": those of the system. */
extern bool set_ca_file(CURL *easy, const char *file);

/* Copy the value of a header, without the white space around it and cut to `size` bytes, NUL included. */
extern void keep_value(char *value, size_t size, const char *bytes, size_t length);

#endif							/* APPT_EASY_HANDLE_H */
