/* Parkings. */
#include "dispatch/parking.h"

#include <assert.h>

#include "auth/quota.h"
#include "dispatch/dead_letter.h"
#include "dispatch/desk.h"
#include "dispatch/lane_plan.h"
#include "dispatch/receiver.h"
#include "event/event.h"
#include "store/keys.h"
#include "store/store.h"
#include "subscription/subscription.h"

/* The lane of one that is not pushed to is looked at so late; a resume pulls it, but the pull may
 * come before what it is to pull, or be lost. */
#define INACTIVE_LOOK_MS 60000

/* No notice is told of it: it would be one for each event that others publish. */
#define QUOTA_WHY "{\"reason\":\"quota\"}"

void bud_parkings_init(struct bud_parkings *parkings, const struct bud_desk *desk)
{
	parkings->shard = desk->commands->shard;
	parkings->quota = desk->quota;
	parkings->n = 0;
	parkings->refused_n = 0;
}

/* In place of being parked. Keeps how often it was tried. */
static void refuse(
	struct bud_parkings *parkings, struct bud_parking *parking, const char *subscription)
{
	struct bud_buffer *text = &parkings->texts[parkings->n];

	bud_buffer_clear(text);
	bud_buffer_text(text, subscription);
	*parking = (struct bud_parking){.lane = bud_buffer_as_span(text),
		.dead = true,
		.is_bare = true,
		.attempt = parking->attempt,
		.why = bud_span(QUOTA_WHY)};
	parkings->refused_n++;
}

void bud_parkings_add_poison(struct bud_parkings *parkings)
{
	parkings->texts[parkings->n] = (struct bud_buffer){0};
	parkings->list[parkings->n++] =
		(struct bud_parking){.lane = bud_span(BUD_LANE_POISON), .dead = true};
}

void bud_parkings_finish(struct bud_parkings *parkings)
{
	for (size_t i = 0; i < parkings->n; i++)
		bud_buffer_finish(&parkings->texts[i]);
}

/* partitionkey, else subject: as ingest chose the partition. */
static struct bud_span order_of(const struct bud_event *event)
{
	const struct bud_attribute *key = bud_event_find(event, bud_span("partitionkey"));

	return key ? key->value : event->subject;
}

/* The lane and how it is claimed, for one that no attempt was made for. */
static void file(struct bud_parkings *parkings, struct bud_parking *parking,
	const struct bud_lane_plan *plan, const struct bud_event *event,
	const struct bud_member *id)
{
	struct bud_buffer *text = &parkings->texts[parkings->n];
	char lane[BUD_LANE_TEXT_BYTES];

	parking->mode = plan->mode;
	parking->fill = plan->fill;
	if (plan->mode == BUD_CLAIM_BATCH) {
		parking->delay_ms = plan->wait_ms;
	} else if (plan->mode == BUD_CLAIM_ORDERED_WAIT || plan->mode == BUD_CLAIM_ORDERED_SKIP) {
		bud_lane_ordered_write(parkings->shard, parking->lane, order_of(event), id, lane);
		bud_buffer_text(text, lane);
		parking->lane = bud_buffer_as_span(text);
	}
}

void bud_parkings_add_ended(struct bud_parkings *parkings, const struct bud_delivery *delivery,
	const struct bud_member *id)
{
	const struct bud_receiver *receiver = delivery->receiver;
	struct bud_parking *parking = &parkings->list[parkings->n];

	assert(parkings->n < BUD_BROADCAST_CHUNK && bud_delivery_is_owed(delivery));
	parkings->texts[parkings->n] = (struct bud_buffer){0};
	*parking =
		(struct bud_parking){.lane = bud_span(receiver->id), .delay_ms = delivery->wait_ms};
	if (delivery->end == BUD_DELIVERY_END_BLOCKED) {
		file(parkings, parking, &receiver->plan, delivery->event, id);
		parking->look_ms = receiver->is_active ? 0 : INACTIVE_LOOK_MS;
	} else {
		parking->attempt = delivery->attempt;
		parking->dead = delivery->end == BUD_DELIVERY_END_DEAD;
	}
	parking->is_bare = bud_quota_refuses(parkings->quota, bud_span(receiver->id));
	if (parking->dead)
		bud_dead_letter_write(parkings->shard, delivery, &parkings->texts[parkings->n],
			&parking->why, &parking->note);
	else if (parking->is_bare)
		refuse(parkings, parking, receiver->id);
	parkings->n++;
}

void bud_parkings_add_running(
	struct bud_parkings *parkings, const struct bud_delivery *delivery, int64_t lease_ms)
{
	assert(parkings->n < BUD_BROADCAST_CHUNK);
	parkings->texts[parkings->n] = (struct bud_buffer){0};
	parkings->list[parkings->n++] = (struct bud_parking){
		.lane = bud_span(delivery->receiver->id),
		.delay_ms = lease_ms,
		.attempt = delivery->attempt,
	};
}

void bud_parkings_add_unseen(struct bud_parkings *parkings,
	const struct bud_subscription *subscription, const struct bud_lane_plan *plan,
	const struct bud_event *event, const struct bud_member *id)
{
	struct bud_parking *parking = &parkings->list[parkings->n];
	struct bud_buffer *text = &parkings->texts[parkings->n];

	assert(parkings->n < BUD_BROADCAST_CHUNK);
	*text = (struct bud_buffer){0};
	*parking = (struct bud_parking){.lane = bud_span(subscription->id)};
	file(parkings, parking, plan, event, id);
	if (text->len == 0) {
		bud_buffer_text(text, subscription->id);
		parking->lane = bud_buffer_as_span(text);
	}
	if (subscription->status.state != BUD_SUBSCRIPTION_ACTIVE)
		parking->look_ms = INACTIVE_LOOK_MS;
	if (bud_quota_refuses(parkings->quota, bud_span(subscription->id)))
		refuse(parkings, parking, subscription->id);
	parkings->n++;
}
