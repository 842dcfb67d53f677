/*
 * http.h
 *		HTTP requests on easy handles that are set up once and used for many.
 */
#ifndef APPT_HTTP_TRANSFER_H
#define APPT_HTTP_TRANSFER_H

#include "transfer/transfer.h"

/* Hand an HTTP request to libcurl; the transfer is in `busy`. False if it can't be started. */
extern bool start_http(Transfer *transfer);

#endif							/* APPT_HTTP_TRANSFER_H */
