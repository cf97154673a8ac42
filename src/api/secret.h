/* The body of POST /subscriptions/{id}/secret: a new signing secret, given or made, and how long
 * the old one still signs beside it. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_request;               /* http/request.h */
struct bud_subscription;          /* subscription/subscription.h */
struct bud_subscription_defaults; /* subscription/subscription.h */

/* As bud_subscription_rotate(); `body` may be empty. */
BUD_MUST_CHECK int bud_secret_rotate(const struct bud_subscription *old, struct bud_span body,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error);
/* The one answer with a secret, 201 or 200: no cache may keep it. */
void bud_secret_answer(
	struct bud_request *request, const struct bud_subscription *made, bool is_new);
