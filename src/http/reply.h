/* The reply to a request: one write, with Date, Content-Length and Connection filled in. */
#pragma once
#include "core/text.h"

struct bud_error;
struct bud_request; /* http/request.h */

/* Adds a field to the reply to come; both are copied. Control characters in `value` become spaces,
 * so a value from outside cannot end the field. */
void bud_reply_header(struct bud_request *request, const char *name, const char *value);

/* Answers and ends the request: it is gone when this returns. `body` is copied if the socket does
 * not take it at once; `content_type` may be NULL when it is empty. Never calls another handler
 * before it returns. */
void bud_reply(
	struct bud_request *request, int status, const char *content_type, struct bud_span body);

/* Answers with application/problem+json (RFC 9457). `slug` names the kind for ever ("bad-event")
 * and `title` says it in words; detail and member come from `error`, which may be NULL. */
void bud_reply_problem(struct bud_request *request, int status, const char *slug, const char *title,
	const struct bud_error *error);

/* The same object appended to `out`, for answers that carry a problem inside. */
void bud_reply_write_problem(struct bud_buffer *out, int status, const char *slug,
	const char *title, const struct bud_error *error);

/* Cuts the connection where an answer would be, and ends the request as bud_reply() does: for a
 * receiver that plays dead. */
void bud_request_drop(struct bud_request *request);
