/*
 * call_digest.h
 *		A digest of a call's arguments, stored with the call's result, to
 *		recognize the call when it is repeated.
 */
#ifndef APPT_CALL_DIGEST_H
#define APPT_CALL_DIGEST_H

#include "common/sha2.h"
#include "fmgr.h"

#define CALL_DIGEST_BYTES PG_SHA256_DIGEST_LENGTH

/*
 * The digest of `count` arguments from `first` on, as a bytea in
 * CurrentMemoryContext. It depends only on their values, not on settings, the
 * session or the server's start. Equal values that are written differently ('1
 * day' and '24 hours', NULL and '') have different digests.
 */
extern bytea *call_digest(FunctionCallInfo fcinfo, int first, int count);

/* The same without the argument `left_out`. */
extern bytea *call_digest_without(FunctionCallInfo fcinfo, int first, int count, int left_out);

#endif							/* APPT_CALL_DIGEST_H */
