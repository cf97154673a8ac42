/* libcurl's easy interface with the same care for what comes back, without the address guard: a
 * person asked for this server. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include "core/error.h"
#include "fetch/once.h"
#include "fetch/target.h"

#define TIMEOUT_MS     30000
#define CONNECT_MS     10000
#define BODY_BYTES_MAX (16u << 20)
#define HEAD_BYTES_MAX (256u << 10)

struct sink {
	struct bud_buffer *buffer;
	size_t left;
	bool is_full;
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *owner)
{
	struct sink *sink = owner;
	size_t len = size * n;
	if (len > sink->left) {
		sink->is_full = true;
		return 0;
	}
	sink->left -= len;
	if (sink->buffer)
		bud_buffer_add(sink->buffer, bytes, len);
	return len;
}

static void set_method(CURL *easy, const struct bud_fetch_once_request *request)
{
	const char *method = request->method;
	if (!method)
		method = request->body.len > 0 ? "POST" : "GET";
	if (request->body.len > 0 || strcmp(method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		curl_easy_setopt(
			easy, CURLOPT_POSTFIELDS, request->body.len ? request->body.at : "");
	}
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static struct curl_slist *set_headers(CURL *easy, const struct bud_fetch_once_request *request)
{
	struct curl_slist *list = NULL;
	bool has_type = false;
	for (size_t i = 0; i < request->headers_n; i++) {
		has_type = has_type || bud_header_line_is_type(request->headers[i]);
		list = curl_slist_append(list, request->headers[i]);
	}
	if (!has_type)
		list = curl_slist_append(list, "Content-Type:");
	list = curl_slist_append(list, "Expect:");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
	return list;
}

static void set_options(CURL *easy, const struct bud_fetch_once_request *request)
{
	long timeout_ms = request->timeout_ms ? (long)request->timeout_ms : TIMEOUT_MS;
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "budstikke/" BUD_VERSION);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
}

static int fail(CURLcode code, const char *detail, struct bud_error *error)
{
	(void)bud_error_set(error, NULL, "%s", detail[0] ? detail : curl_easy_strerror(code));
	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EINVAL;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_WEIRD_SERVER_REPLY:
		return -EPROTO;
	default:
		return -EIO;
	}
}

int bud_fetch_once(const struct bud_fetch_once_request *request, int *out_status,
	struct bud_buffer *out_body, struct bud_buffer *out_headers, struct bud_error *error)
{
	char detail[CURL_ERROR_SIZE] = "";
	size_t body_max = request->body_bytes_max ? request->body_bytes_max : BODY_BYTES_MAX;
	struct sink body = {out_body, body_max, false};
	struct sink head = {out_headers, HEAD_BYTES_MAX, false};
	size_t body_len = out_body->len, head_len = out_headers ? out_headers->len : 0;
	CURL *easy = curl_easy_init();
	if (!easy)
		return fail(CURLE_FAILED_INIT, "", error);
	set_options(easy, request);
	set_method(easy, request);
	struct curl_slist *list = set_headers(easy, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_bytes);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &head);
	CURLcode code = curl_easy_perform(easy);
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(list);
	curl_easy_cleanup(easy);
	if (code == CURLE_OK) {
		*out_status = (int)status;
		return 0;
	}
	out_body->len = body_len;
	if (out_headers)
		out_headers->len = head_len;
	if (!body.is_full && !head.is_full)
		return fail(code, detail, error);
	(void)bud_error_set(error, NULL, "the response is larger than %zu bytes",
		body.is_full ? body_max : (size_t)HEAD_BYTES_MAX);
	return -EFBIG;
}
