/* Permits. */
#include "dispatch/permit.h"

#include "access/decision_point.h"
#include "auth/authorize.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/desk.h"

#define ASKED_MS   500
#define UNASKED_MS 10000

enum bud_decision bud_permit(const struct bud_desk *desk, const struct bud_event *event,
	const char *owner, int64_t now_ms, uint64_t *out_asked)
{
	enum bud_decision decision =
		bud_authorize_delivery(desk->authority, event, bud_span(owner), now_ms);
	struct bud_question question;

	*out_asked = 0;
	if (decision != BUD_DECISION_LATER)
		return decision;
	bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_LATER, 1);
	bud_question_of_event(event, bud_span(owner), BUD_ACTION_SUBSCRIBE, &question);
	question.now_ms = now_ms;
	if (desk->point)
		*out_asked = bud_decision_point_want(desk->point, &question);
	return decision;
}

int64_t bud_permit_wait_ms(uint64_t asked)
{
	int64_t wait_ms = asked ? ASKED_MS : UNASKED_MS;

	return wait_ms + (int64_t)bud_random_below((uint64_t)wait_ms / 2);
}
