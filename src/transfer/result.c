/*
 * result.c
 *		What it means that libcurl is done with a transfer.
 *
 * The transfer ends, waits or begins again. It waits if another transfer looks up
 * its host, or if there was no descriptor. It begins again if its kept connection
 * may not be used any more, or with another token if the receiver refused the
 * first. A look-up that failed ends the transfers that wait for it, too.
 */
#include "postgres.h"

#include "channel/url.h"
#include "transfer/begin.h"
#include "transfer/result.h"
#include "transfer/smtp_session.h"
#include "transfer/token_fetch.h"
#include "transfer/waiting.h"

/* Note what libcurl knows. The look-up is over, or given up. */
static void
note_result(Transfer *transfer, CURL *easy, CURLcode result)
{
	long		status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->progress.status = status;
	transfer->progress.reach = how_far_it_came(transfer, easy, result);
	note_lookup_end(transfer, result == CURLE_OPERATION_TIMEDOUT ? LOOKUP_HANGS : LOOKUP_OVER);
}

/*
 * A response whose body was cut here is complete; one whose header has no end broke
 * off. Since 8.14 libcurl gives up at a Transfer-Encoding that nobody asked for, before
 * the header ends: the status has come, and the body would not be read anyway.
 */
static CURLcode
judge_answer(const Progress *progress, CURLcode result)
{
	if (result == CURLE_BAD_CONTENT_ENCODING)
		return CURLE_OK;
	if ((result == CURLE_WRITE_ERROR || result == CURLE_ABORTED_BY_CALLBACK) && progress->body_cut)
		result = CURLE_OK;
	return result == CURLE_OK && !progress->header_ended ? CURLE_PARTIAL_FILE : result;
}

/* The transfers that wait for a look-up of the host share its failure. */
static void
fail_waiting(Engine *engine, Host *host, CURLcode result, const char *error)
{
	dlist_mutable_iter iter;

	/*
	 * The host is not freed, because the transfer that failed still points to
	 * it.
	 */
	dlist_foreach_modify(iter, &engine->waiting)
	{
		Transfer   *other = dlist_container(Transfer, node, iter.cur);

		if (other->host == host && other->progress.must_wait)
		{
			strlcpy(other->progress.error, error, ERROR_SIZE);
			other->progress.reach = REACH_FAILED;
			finish_transfer(other, result);
		}
	}
}

static void
share_failed_lookup(Transfer *transfer, CURLcode result)
{
	strlcpy(transfer->progress.error, result == CURLE_OPERATION_TIMEDOUT ?
			"the host name could not be looked up in time" :
			"the host name could not be looked up or may not be contacted", ERROR_SIZE);
	fail_waiting(transfer->engine, transfer->host, result, transfer->progress.error);
}

/*
 * Did the transfer fail because of its host? A name that can't be looked up and
 * one whose address was refused must look the same: by the error, by what the
 * failure counts for, and by the time that the next look-up takes.
 */
static void
judge_host(Transfer *transfer, CURLcode result, bool was_looking_up)
{
	bool		is_refused = transfer->progress.address_refused && !transfer->progress.address_opened;

	if (is_refused && url_names_address(transfer->request->url))
		transfer->progress.refused_by_policy = true;
	else if (is_refused || was_looking_up)
	{
		transfer->progress.reach = REACH_FAILED;
		/* Newer versions of libcurl remember also that there is no address. */
		distrust_address(&transfer->engine->hosts, transfer->host);
		share_failed_lookup(transfer, result);
	}
}

static void
end(Transfer *transfer, CURLcode result, bool was_looking_up)
{
	if (result != CURLE_OK)
		judge_host(transfer, result, was_looking_up);
	finish_transfer(transfer, result);
}

/* Let a transfer that libcurl gave back wait or begin again, unless the failure is its own. */
static bool
goes_on(Transfer *transfer, CURLcode result)
{
	if (result == CURLE_OK)
		return false;
	if (transfer->progress.must_wait || transfer->progress.out_of_descriptors)
		wait_transfer(transfer);
	/* libcurl has closed that connection; a new one may have another address. */
	else if (transfer->progress.kept_refused)
		begin_again(transfer);
	else
		return false;
	return true;
}

/* libcurl is done with an HTTP request, or could not send it. */
static void
read_http_result(Transfer *transfer, CURLcode result)
{
	bool		was_looking_up = transfer->looking_up;

	note_result(transfer, transfer->easy, result);
	curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
	if (goes_on(transfer, result))
		return;
	result = judge_answer(&transfer->progress, result);
	if (result == CURLE_OK && transfer->progress.status == 401 && renew_token(transfer))
		begin_again(transfer);
	else
		end(transfer, result, was_looking_up);
}

/* An SMTP session is connected and logged in, or could not be. */
static void
read_session_result(Transfer *transfer, CURLcode result)
{
	bool		was_looking_up = transfer->looking_up;

	note_result(transfer, session_easy(transfer->session), result);
	if (result == CURLE_OK)
		begin_dialogue(transfer->session);
	else if (fail_session(transfer, result) && renew_token(transfer))
		begin_again(transfer);
	else if (!goes_on(transfer, result))
		end(transfer, result, was_looking_up);
}

void
read_results(Engine *engine)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(engine->multi, &left)) != NULL)
	{
		Transfer   *transfer = NULL;
		CURLcode	result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer);
		if (transfer->session != NULL)
			read_session_result(transfer, result);
		else
			read_http_result(transfer, result);
	}
}
