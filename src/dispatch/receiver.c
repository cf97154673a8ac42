/* Receivers. */
#include "dispatch/receiver.h"

#include <assert.h>
#include <stdlib.h>

#include "access/sink_signer.h"
#include "core/clock.h"
#include "core/log.h"
#include "crypto/keyring.h"
#include "crypto/signer.h"
#include "dispatch/desk.h"
#include "dispatch/delivery.h"
#include "dispatch/gate.h"
#include "dispatch/wire.h"
#include "fetch/target.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define IDLE_MS   (5 * 60 * 1000)
#define NO_KEY_MS 10000

struct bud_receivers {
	const struct bud_desk *desk;
	struct bud_gates *gates;
	struct bud_receiver **by_slot;
	size_t slots;
};

struct bud_receivers *bud_receivers_create(const struct bud_desk *desk, struct bud_gates *gates)
{
	struct bud_receivers *receivers = bud_new(struct bud_receivers);

	receivers->desk = desk;
	receivers->gates = gates;
	return receivers;
}

void bud_receivers_destroy(struct bud_receivers *receivers)
{
	if (!receivers)
		return;
	for (size_t i = 0; i < receivers->slots; i++)
		bud_receiver_unref(receivers->by_slot[i]);
	free(receivers->by_slot);
	free(receivers);
}

/* Whether it needs no memory beside the delivery's own. */
static bool is_plain(const struct bud_receiver *receiver)
{
	return receiver->mode == BUD_MODE_STRUCTURED &&
	       bud_signer_bytes(receiver->signer) <=
		       sizeof(((struct bud_delivery *)0)->signature_line);
}

static void wire(struct bud_receiver *receiver, const struct bud_desk *desk, int64_t mono_ms)
{
	const struct bud_subscription *subscription = receiver->record;
	const struct bud_key_set *set =
		bud_sink_needs_keys(subscription) ? bud_keyring_take(desk->keyring) : NULL;
	int64_t now_ms = bud_clock_wall_ms();
	int64_t until_ms;

	receiver->target =
		bud_wire_target(desk, subscription, now_ms, &receiver->credential_until_ms);
	receiver->signer = bud_sink_signer_create(subscription, set, now_ms, &until_ms);
	if (set)
		receiver->keys_generation = set->generation;
	bud_key_set_unref(set);
	if (!receiver->signer) {
		bud_log_error("no key to sign with", "subscription", subscription->id);
		bud_target_unref(bud_move(receiver->target));
		receiver->renew_mono_ms = mono_ms + NO_KEY_MS;
		return;
	}
	receiver->renew_mono_ms = until_ms == INT64_MAX ? INT64_MAX : mono_ms + (until_ms - now_ms);
	receiver->is_plain = is_plain(receiver);
}

/* What its subscription allows at a time, unless its lane sees to that. */
static void add_wish(struct bud_receiver *receiver, const struct bud_subscription *subscription)
{
	struct bud_endpoint_wish *wish = &receiver->wish;

	wish->rate_per_s = receiver->plan.rate_per_s;
	if (receiver->plan.mode == BUD_CLAIM_PLAIN)
		wish->max_in_flight = subscription->config->max_in_flight;
	if (wish->rate_per_s > 0 || wish->max_in_flight > 0)
		bud_endpoint_add_wish(bud_gate_endpoint(receiver->gate), wish);
}

void bud_receivers_wire(
	struct bud_receivers *receivers, struct bud_receiver *receiver, int64_t mono_ms)
{
	if (!receiver->record)
		return;
	wire(receiver, receivers->desk, mono_ms);
	bud_subscription_destroy(bud_move(receiver->record));
}

static struct bud_receiver *create(
	struct bud_receivers *receivers, const struct bud_subscription *subscription)
{
	struct bud_receiver *receiver = bud_new(struct bud_receiver);

	receiver->refs = 1;
	receiver->claim_n = 1;
	receiver->revision = subscription->revision;
	receiver->slot = subscription->slot;
	receiver->timeout_ms = subscription->timeout_ms;
	receiver->is_active = subscription->status.state == BUD_SUBSCRIPTION_ACTIVE;
	receiver->retry = subscription->config->retry;
	receiver->plan = bud_lane_plan_of(
		subscription->config, &subscription->status, bud_desk_sharers(receivers->desk));
	if (subscription->config->max_in_flight > 0)
		receiver->sharers = bud_desk_sharers(receivers->desk);
	receiver->id = bud_strdup(subscription->id);
	receiver->owner = bud_strdup(subscription->owner);
	receiver->mode = subscription->config->mode;
	receiver->renew_mono_ms = INT64_MAX;
	bud_subscription_hold(subscription);
	receiver->record = (struct bud_subscription *)(uintptr_t)subscription;
	receiver->gate = bud_gates_get(
		receivers->gates, bud_span(subscription->owner), bud_span(subscription->sink));
	bud_list_init(&receiver->log_link);
	bud_list_init(&receiver->report_link);
	add_wish(receiver, subscription);
	return receiver;
}

static void grow(struct bud_receivers *receivers, size_t slot)
{
	size_t slots = receivers->slots ? receivers->slots : 64;

	while (slots <= slot)
		slots *= 2;
	receivers->by_slot = bud_realloc(receivers->by_slot, slots * sizeof(*receivers->by_slot));
	memset(receivers->by_slot + receivers->slots, 0,
		(slots - receivers->slots) * sizeof(*receivers->by_slot));
	receivers->slots = slots;
}

/* A rotation of the server's keys, or the end of its overlap. */
static bool has_old_keys(const struct bud_receivers *receivers, const struct bud_receiver *receiver)
{
	return receiver->keys_generation != 0 &&
	       receiver->keys_generation != bud_keyring_generation(receivers->desk->keyring);
}

/* Nodes came or went: so few at a time may be too few to be shared now, or not any more. */
static bool has_old_plan(const struct bud_receivers *receivers, const struct bud_receiver *receiver)
{
	return receiver->sharers != 0 && receiver->sharers != bud_desk_sharers(receivers->desk);
}

struct bud_receiver *bud_receivers_get(struct bud_receivers *receivers,
	const struct bud_subscription *subscription, int64_t mono_ms)
{
	struct bud_receiver *receiver;

	if (subscription->slot >= receivers->slots)
		grow(receivers, subscription->slot);
	receiver = receivers->by_slot[subscription->slot];
	if (!receiver || receiver->revision != subscription->revision ||
		mono_ms >= receiver->renew_mono_ms || has_old_keys(receivers, receiver) ||
		has_old_plan(receivers, receiver)) {
		/* Before the old one goes: what is known of an endpoint goes with its last one. */
		receivers->by_slot[subscription->slot] = create(receivers, subscription);
		bud_receiver_unref(receiver);
		receiver = receivers->by_slot[subscription->slot];
	}
	receiver->used_mono_ms = mono_ms;
	return receiver;
}

void bud_receivers_drop_idle(struct bud_receivers *receivers, int64_t mono_ms)
{
	for (size_t i = 0; i < receivers->slots; i++) {
		struct bud_receiver *receiver = receivers->by_slot[i];
		if (!receiver || receiver->refs > 1 || mono_ms - receiver->used_mono_ms < IDLE_MS)
			continue;
		bud_receiver_unref(receiver);
		receivers->by_slot[i] = NULL;
	}
}

struct bud_receiver *bud_receiver_ref(struct bud_receiver *receiver)
{
	receiver->refs++;
	return receiver;
}

void bud_receiver_unref(struct bud_receiver *receiver)
{
	if (!receiver || --receiver->refs > 0)
		return;
	bud_list_remove(&receiver->log_link);
	bud_list_remove(&receiver->report_link);
	if (receiver->wish.rate_per_s > 0 || receiver->wish.max_in_flight > 0)
		bud_endpoint_remove_wish(bud_gate_endpoint(receiver->gate), &receiver->wish);
	bud_subscription_destroy(receiver->record);
	bud_buffer_finish(&receiver->log_text);
	bud_target_unref(receiver->target);
	bud_signer_destroy(receiver->signer);
	bud_gate_unref(receiver->gate);
	free(receiver->id);
	free(receiver->owner);
	free(receiver);
}

enum bud_receiver_state bud_receiver_check(
	const struct bud_receiver *receiver, const struct bud_desk *desk)
{
	const struct bud_subscription *subscription = NULL;
	enum bud_receiver_state state = BUD_RECEIVER_CHANGED;
	enum bud_table_state found;

	bud_table_lock(desk->table, desk->table_reader);
	found = bud_table_find(desk->table, receiver->id, &subscription);
	if (found == BUD_TABLE_DELETED)
		state = BUD_RECEIVER_DELETED;
	else if (found == BUD_TABLE_LIVE && subscription->revision == receiver->revision)
		state = BUD_RECEIVER_CURRENT;
	bud_table_unlock(desk->table, desk->table_reader);
	return state;
}
