/* Resuming: pull a part of the lanes -> the next part … */
#include "lifecycle/resume.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "store/failing.h"
#include "store/lane.h"
#include "subscription/subscription.h"

struct pull {
	struct bud_store *store;
	char id[];
};

static void pull_from(struct pull *pull, uint64_t cursor);

static void on_pulled(void *owner, int err, int64_t cursor)
{
	struct pull *pull = owner;

	if (err < 0 || cursor == 0)
		free(pull);
	else
		pull_from(pull, (uint64_t)cursor);
}

static void pull_from(struct pull *pull, uint64_t cursor)
{
	if (bud_lane_pull_subscription(pull->store, bud_span(pull->id), cursor, on_pulled, pull) <
		0)
		free(pull);
}

/* A credential has a token at last: what waited for it goes on. */
static bool has_first_token(
	const struct bud_subscription_status *before, const struct bud_subscription_status *now)
{
	return now->access_token &&
	       (!before->access_token || before->token_expires_ms <= bud_clock_wall_ms());
}

void bud_resume_on_changed(struct bud_store *store, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	size_t len = strlen(subscription->id);
	struct pull *pull;

	bool is_other = before && before->status.state != subscription->status.state;

	if (is_other)
		(void)bud_failing_clear(store, bud_span(subscription->id));
	if (!before || subscription->status.state != BUD_SUBSCRIPTION_ACTIVE ||
		(!is_other && !has_first_token(&before->status, &subscription->status)))
		return;
	pull = bud_alloc(sizeof(*pull) + len + 1);
	pull->store = store;
	memcpy(pull->id, subscription->id, len + 1);
	pull_from(pull, 0);
}
