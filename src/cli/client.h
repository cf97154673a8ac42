/* A client of the API: one request to a running `serve`, and its answer told in words. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/text.h"

#define BUD_CLIENT_URL "http://127.0.0.1:8080" /* where serve listens unless told otherwise */

#define BUD_CLIENT_ADMIN_URL "http://127.0.0.1:8081"
/* Where a client finds its token, so that it stands in no list of processes. */
#define BUD_CLIENT_TOKEN   "BUD_TOKEN"
#define BUD_CLIENT_HEADERS 128

struct bud_client_request {
	const char *method; /* NULL: POST */
	const char *url;    /* of the server: scheme, host and port, with or without a last slash */
	const char *path;   /* begins with a slash */
	const char *const *headers;
	size_t headers_n; /* up to BUD_CLIENT_HEADERS */
	struct bud_span body;
};

/* Sends it, with the token of the environment if there is one. Appends the answer's body to
 * `out_answer` and gives its status. Negative: there was no answer, and what would help was printed
 * to stderr. */
BUD_MUST_CHECK int bud_client_send(
	const struct bud_client_request *request, int *out_status, struct bud_buffer *out_answer);
/* Prints an answer that is a refusal to stderr: "SUBJECT: 400: what is wrong (member)". */
void bud_client_print_refusal(const char *subject, int status, const struct bud_buffer *answer);
