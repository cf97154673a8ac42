/* One request that blocks: for command-line clients that talk to their user's own server. */
#pragma once
#include "core/alloc.h"
#include "core/text.h"

struct bud_error; /* core/error.h */

struct bud_fetch_once_request {
	const char *method;         /* NULL: GET without a body, else POST */
	const char *url;            /* http or https, any address and port */
	const char *const *headers; /* "Name: value" */
	size_t headers_n;
	struct bud_span body;
	unsigned timeout_ms;   /* 0: 30 s */
	size_t body_bytes_max; /* of the response; 0: 16 MiB */
};

/* Appends the response's body to `out_body` and its head to `out_headers` (may be NULL). Any status
 * is a success; redirects are not followed. Negative errno with `error` filled when there was no
 * complete response: -EINVAL, -ECONNREFUSED, -ETIMEDOUT, -EPROTO (TLS, not HTTP), -EFBIG, -EIO. */
BUD_MUST_CHECK int bud_fetch_once(const struct bud_fetch_once_request *request, int *out_status,
	struct bud_buffer *out_body, struct bud_buffer *out_headers, struct bud_error *error);
