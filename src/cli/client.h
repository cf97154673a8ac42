/* A client of the API: one request to a running `serve`, and its answer told in words. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/text.h"

#define BUD_CLIENT_URL "http://127.0.0.1:8080" /* where serve listens unless told otherwise */

struct bud_client_request {
	const char *url;  /* of the server: scheme, host and port, with or without a last slash */
	const char *path; /* begins with a slash */
	const char *const *headers;
	size_t headers_n;
	struct bud_span body;
};

/* Posts. Appends the answer's body to `out_answer` and gives its status. Negative: there was no
 * answer, and what would help was printed to stderr. */
BUD_MUST_CHECK int bud_client_post(
	const struct bud_client_request *request, int *out_status, struct bud_buffer *out_answer);
/* Prints an answer that is a refusal to stderr: "SUBJECT: 400: what is wrong (member)". */
void bud_client_print_refusal(const char *subject, int status, const struct bud_buffer *answer);
