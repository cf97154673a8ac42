/* The body of POST /explain about one event and one subscription. Within api/ only. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"

struct bud_event; /* event/event.h */
struct json_t;    /* jansson */

struct bud_explain_body {
	char subscription[BUD_SUBSCRIPTION_ID_MAX + 1];
	struct bud_event *event; /* given whole; NULL: to be looked for by the rest */
	struct bud_span id;      /* borrows the JSON */
	struct bud_span source;
	int64_t from_ms;
	int64_t to_ms;
};

/* {"subscription":…,"event":{…},"publisher":…}. An event that is given whole counts as published by
 * `owner`, or by whom "publisher" names: nobody is told more than the caller gave.
 * -EINVAL: `error` names the member. The caller unrefs the event. */
BUD_MUST_CHECK int bud_explain_body_parse(const struct json_t *json, const char *owner,
	struct bud_explain_body *out_body, struct bud_error *error);
