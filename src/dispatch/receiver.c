/* Receivers. */
#include "dispatch/receiver.h"

#include <assert.h>
#include <stdlib.h>

#include "config/config.h"
#include "core/log.h"
#include "crypto/secret.h"
#include "crypto/signer.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "fetch/target.h"
#include "subscription/sink_header.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define IDLE_MS (5 * 60 * 1000)

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

/* A receiver that was asked is told with each delivery by whom (CloudEvents HTTP webhooks 2.1). */
static int add_origin(const struct bud_desk *desk, const struct bud_subscription *subscription,
	struct bud_target *target)
{
	bud_auto(buffer) struct bud_buffer line = {0};

	if (subscription->status.granted_ms == 0 || desk->config->delivery.origin[0] == '\0')
		return 0;
	bud_buffer_format(&line, "WebHook-Request-Origin: %s", desk->config->delivery.origin);
	return bud_target_header_add(target, line.at);
}

static struct bud_target *make_target(
	const struct bud_desk *desk, const struct bud_subscription *subscription)
{
	struct bud_target_options options = {.allow_http = desk->config->delivery.allow_http};
	struct bud_error error = {0};
	struct bud_target *target =
		bud_target_create(bud_span(subscription->sink), &options, &error);
	int r = target ? bud_target_header_add(target, "Content-Type: application/cloudevents+json")
		       : 0;

	if (!target)
		bud_log_error("a sink is not allowed any more", "subscription", subscription->id,
			"reason", error.text);
	for (size_t i = 0; target && r == 0 && i < subscription->n_headers; i++) {
		bud_auto(buffer) struct bud_buffer line = {0};
		bud_buffer_format(&line, "%s: %s", subscription->headers[i].name,
			subscription->headers[i].value);
		r = bud_target_header_add(target, line.at);
	}
	if (target && r == 0)
		r = add_origin(desk, subscription, target);
	assert(r == 0); /* the API accepted none that could fail here */
	return target;
}

static struct bud_signer *make_signer(const struct bud_subscription *subscription)
{
	bud_auto(secret) struct bud_secret secret = {0};
	struct bud_signer_options options = {.secrets = &secret, .secrets_n = 1, .v1 = true};
	struct bud_error error;
	int r = bud_secret_parse(bud_span(subscription->secret), &secret, &error);

	assert(r == 0);
	(void)r;
	return bud_signer_create(&options);
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
	receiver->id = bud_strdup(subscription->id);
	receiver->owner = bud_strdup(subscription->owner);
	receiver->target = make_target(receivers->desk, subscription);
	receiver->signer = make_signer(subscription);
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

struct bud_receiver *bud_receivers_get(struct bud_receivers *receivers,
	const struct bud_subscription *subscription, int64_t mono_ms)
{
	struct bud_receiver *receiver;

	if (subscription->slot >= receivers->slots)
		grow(receivers, subscription->slot);
	receiver = receivers->by_slot[subscription->slot];
	if (!receiver || receiver->revision != subscription->revision) {
		bud_receiver_unref(receiver);
		receiver = create(receivers, subscription);
		receivers->by_slot[subscription->slot] = receiver;
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
