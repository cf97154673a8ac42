/* A request as a handler sees it, whole: from handle() until the reply to it. When the client
 * leaves meanwhile the request stays valid and the reply does nothing, so handlers need no cancel
 * path. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "core/text.h"
#include "http/route.h"

struct bud_identity; /* auth/identity.h */

/* Everything is lent until bud_reply() returns; read only, but for `link` and `owner`. */
struct bud_request {
	struct bud_span method;       /* as it came: "HEAD" although a GET route answers */
	struct bud_span path;         /* as it came, without the query */
	struct bud_span query;        /* as it came, without the "?" */
	struct bud_span content_type; /* empty when absent */
	struct bud_span body;
	const struct bud_header *headers; /* values without spaces at their ends */
	size_t n_headers;
	/* Percent-decoded UTF-8 without control characters, in the order of the route's path. */
	struct bud_span parameters[BUD_ROUTE_PARAMETERS_MAX];
	size_t n_parameters;
	const struct bud_route *route;
	int64_t whole_us; /* bud_clock_mono_us() when the request was whole */
	/* Who asks, as authentication found out; handlers take bud_request_identity(). */
	const struct bud_identity *identity;
	const struct bud_identity *platform; /* whose PlatformAccessToken came along; or NULL */

	/* The handler's own, for a queue of requests under way. */
	struct bud_list link;
	void *owner;
};

/* Who asks: the one thing by which a handler decides whose things these are. Never NULL, and lent
 * until the reply. */
const struct bud_identity *bud_request_identity(const struct bud_request *request);

/* The client is gone, or sends no more, which from here looks the same: what only waits for
 * something to tell it may end. */
bool bud_request_has_ended(const struct bud_request *request);

/* The value of the first header called `name` (any case); `at` is NULL when there is none. */
struct bud_span bud_request_header(const struct bud_request *request, const char *name);

/* Puts the value of the first query parameter called `name` into `out_value`, cleared before,
 * percent-decoded, "+" read as a space. 1: there; 0: not there; -EINVAL: a bad escape, not UTF-8 or
 * a control character. */
int bud_request_query(
	const struct bud_request *request, const char *name, struct bud_buffer *out_value);
/* Walks all parameters, also repeated ones: start with *position = 0; 0 at the end, else as above.
 */
int bud_request_query_next(const struct bud_request *request, size_t *position,
	struct bud_buffer *out_name, struct bud_buffer *out_value);
/* The same of a query that stands elsewhere. */
int bud_query_next(struct bud_span query, size_t *position, struct bud_buffer *out_name,
	struct bud_buffer *out_value);
