/* The subscriptions API: its routes, GET of one, and what waits. */
#include "api/subscriptions.h"

#include <assert.h>

#include "api/etag.h"
#include "api/lookup.h"
#include "api/subscriptions_wait.h"
#include "auth/need.h"
#include "config/config.h"
#include "core/limits.h"
#include "core/clock.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/member.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

static void handle_get(void *context, struct bud_request *request);

const struct bud_route bud_subscriptions_routes[] = {
	{"GET", "/subscriptions", bud_subscriptions_handle_list, 0, BUD_NEED_SUBSCRIBE},
	{"POST", "/subscriptions", bud_subscriptions_handle_create, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
	{"GET", "/subscriptions/{id}", handle_get, 0, BUD_NEED_SUBSCRIBE},
	{"PUT", "/subscriptions/{id}", bud_subscriptions_handle_change, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
	{"PATCH", "/subscriptions/{id}", bud_subscriptions_handle_change, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
	{"DELETE", "/subscriptions/{id}", bud_subscriptions_handle_change, 0, BUD_NEED_SUBSCRIBE},
	{"POST", "/subscriptions/{id}/secret", bud_subscriptions_handle_change,
		BUD_API_BODY_BYTES_MAX, BUD_NEED_SUBSCRIBE},
};
const size_t bud_subscriptions_routes_n =
	sizeof(bud_subscriptions_routes) / sizeof(bud_subscriptions_routes[0]);

static void show(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	bud_auto(subscription) struct bud_subscription *subscription = taken;
	bud_auto(buffer) struct bud_buffer body = {0};

	(void)owner;
	bud_etag_reply(request, subscription->etag);
	if (bud_etag_is_known(request, subscription->etag)) {
		bud_reply(request, 304, NULL, bud_buffer_as_span(&body));
		return;
	}
	bud_subscription_write_api(
		subscription, BUD_SUBSCRIPTION_SECRET_HIDDEN, bud_clock_wall_ms(), &body);
	bud_reply(request, 200, "application/json", bud_buffer_as_span(&body));
}

static void handle_get(void *context, struct bud_request *request)
{
	struct bud_subscriptions_api *api = context;
	struct bud_lookup lookup = {
		api->store, (uint32_t)api->config->delivery.timeout_ms, show, api};

	bud_lookup(&lookup, request);
}

void bud_subscriptions_api_init(struct bud_subscriptions_api *api)
{
	bud_list_init(&api->waiting);
	api->is_stopped = false;
}

/* Also while another thread changes the table: each lock is the reader's own. */
bool bud_subscriptions_has_reached(
	struct bud_subscriptions_api *api, const struct bud_member *version)
{
	struct bud_table_version have;

	bud_table_lock(api->table, api->table_reader);
	have = bud_table_version(api->table);
	bud_table_unlock(api->table, api->table_reader);
	return have.ms > version->ms || (have.ms == version->ms && have.seq >= version->seq);
}

void bud_subscriptions_wait(struct bud_subscriptions_api *api, struct bud_subscriptions_wait *wait)
{
	assert(!api->is_stopped);
	bud_list_append(&api->waiting, &wait->link);
}

void bud_subscriptions_api_tick(struct bud_subscriptions_api *api, int64_t mono_ms)
{
	struct bud_subscriptions_wait *wait;
	struct bud_subscriptions_wait *after;

	bud_list_each_safe (wait, after, &api->waiting, link) {
		wait->again(wait, mono_ms);
	}
}

void bud_subscriptions_api_stop(struct bud_subscriptions_api *api)
{
	api->is_stopped = true;
	bud_subscriptions_api_tick(api, INT64_MAX);
	assert(bud_list_is_empty(&api->waiting));
}
