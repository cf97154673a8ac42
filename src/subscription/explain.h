/* An explanation: why a subscription wants an event or not, clause by clause. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_event;        /* event/event.h */
struct bud_subscription; /* subscription/subscription.h */
struct json_t;           /* jansson */

/* Appends an object:
 *   {"matches":false,
 *    "clauses":[{"path":"types","holds":true,"wanted":["a"],"actual":"a"},
 *               {"path":"filters[0].any","holds":false},
 *               {"path":"filters[0].any[0].prefix.subject","holds":false,
 *                "wanted":"/party/","actual":null}, ...],
 *    "failed":{"path":"filters[0].any[0].prefix.subject","wanted":"/party/","actual":null}}
 * `failed` is the first clause to look at; absent when all hold. With "not":true it holds and must
 * not. An expression of SQL is a clause, and so is each attribute that it cannot do without, as
 * "filters[0].sql.type"; with an "error" it could not be evaluated. The clause "status" does not
 * bear on `matches`: what matches while it does not hold is parked. Wants that are not given are no
 * clauses. */
void bud_explain(const struct bud_subscription *subscription, const struct bud_event *event,
	int64_t now_ms, struct bud_buffer *out);
/* The same of filters alone, as in a body: for a dry run. -EINVAL: as bud_filter_compile(), and
 * nothing is appended. */
BUD_MUST_CHECK int bud_explain_filters(const struct json_t *filters, const struct bud_event *event,
	struct bud_buffer *out, struct bud_error *error);
