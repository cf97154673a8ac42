/* How a transfer ended: what it noted of the response comes before what libcurl says. */
#include <errno.h>
#include "core/clock.h"
#include "fetch/guard.h"
#include "fetch/target_parts.h"
#include "fetch/transfer.h"

static void end_as(struct bud_transfer *transfer, enum bud_fetch_kind kind, const char *text)
{
	transfer->kind = kind;
	transfer->text = text;
}

static void judge_response(struct bud_transfer *transfer)
{
	long status = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->response.status = (int)status;
	if (status < 100 || status > 999)
		end_as(transfer, BUD_FETCH_BAD_RESPONSE, "not a valid HTTP response");
	else
		end_as(transfer, BUD_FETCH_RESPONSE,
			transfer->response.body_is_too_big ? "answered, the body was cut"
							   : "answered");
}

/* libcurl has one code for the whole deadline and the shorter one of connecting. */
static void judge_timeout(struct bud_transfer *transfer)
{
	if (transfer->deadline_us - bud_clock_mono_us() > 5000)
		end_as(transfer, BUD_FETCH_CONNECT_FAILED, "no connection in time");
	else
		end_as(transfer, BUD_FETCH_TIMEOUT, "no complete response in time");
}

/* No local port is left for connections to that address. */
static bool lacks_port(const struct bud_transfer *transfer)
{
	const struct bud_transfer_response *response = &transfer->response;
	long error = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
	return error == EADDRNOTAVAIL &&
	       bud_guard_has_way((const struct sockaddr *)&response->peer, response->peer_len);
}

static void judge_connection(struct bud_transfer *transfer)
{
	if (lacks_port(transfer))
		end_as(transfer, BUD_FETCH_BLOCKED, BUD_BLOCKED_TEXT);
	else
		end_as(transfer, BUD_FETCH_CONNECT_FAILED, "no connection");
}

/* The target's own, or ours. */
static void judge_bundle(struct bud_transfer *transfer)
{
	end_as(transfer, transfer->target->ca.data ? BUD_FETCH_TLS_FAILED : BUD_FETCH_BLOCKED,
		"our CA bundle cannot be read");
}

/* CONNECT was answered, and not by a tunnel. */
static bool was_refused_by_proxy(const struct bud_transfer *transfer)
{
	long status = 0;
	if (!transfer->guard->is_proxied)
		return false;
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status >= 300;
}

void bud_transfer_judge(struct bud_transfer *transfer, CURLcode code)
{
	const struct bud_transfer_response *response = &transfer->response;
	if (response->is_blocked) {
		end_as(transfer, BUD_FETCH_BLOCKED, BUD_BLOCKED_TEXT);
		return;
	}
	if (response->address_was_refused) {
		end_as(transfer, BUD_FETCH_ADDRESS_REFUSED, BUD_ADDRESS_REFUSED_TEXT);
		return;
	}
	if (response->head_is_too_big) {
		end_as(transfer, BUD_FETCH_BAD_RESPONSE, "the response's head is too big");
		return;
	}
	if (response->body_is_too_big) {
		judge_response(transfer);
		return;
	}
	if (code != CURLE_OK && was_refused_by_proxy(transfer)) {
		end_as(transfer, BUD_FETCH_CONNECT_FAILED, "the proxy made no connection");
		return;
	}
	switch (code) {
	case CURLE_OK:
		judge_response(transfer);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		judge_timeout(transfer);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		end_as(transfer, BUD_FETCH_NAME_FAILED, "the host name does not resolve");
		break;
	case CURLE_COULDNT_RESOLVE_PROXY:
		end_as(transfer, BUD_FETCH_CONNECT_FAILED, "the proxy was not found");
		break;
	case CURLE_COULDNT_CONNECT:
		judge_connection(transfer);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_SSL_INVALIDCERTSTATUS:
		end_as(transfer, BUD_FETCH_TLS_FAILED, "the certificate was not accepted");
		break;
	case CURLE_SSL_CACERT_BADFILE:
		judge_bundle(transfer);
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
		end_as(transfer, BUD_FETCH_TLS_FAILED, "the TLS handshake failed");
		break;
	case CURLE_ABORTED_BY_CALLBACK: /* on_send() */
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		end_as(transfer, BUD_FETCH_RESET, "the connection was lost");
		break;
	case CURLE_OUT_OF_MEMORY: /* refused by memory.c */
		end_as(transfer, BUD_FETCH_BAD_RESPONSE,
			"a header line of the response is too long");
		break;
	default:
		end_as(transfer, BUD_FETCH_BAD_RESPONSE, "not a valid HTTP response");
		break;
	}
}
