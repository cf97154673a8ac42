/* The barrier: asked -> version of Redis known -> table (and with it the grants) has reached it. */
#include "api/barrier.h"

#include <stdlib.h>

#include "api/subscriptions.h"
#include "api/subscriptions_wait.h"
#include "core/clock.h"
#include "store/registry.h"
#include "subscription/table.h"

#define WAIT_MS 2000

struct barrier {
	struct bud_subscriptions_wait wait;
	struct bud_subscriptions_api *api;
	struct bud_member version;
	int64_t deadline_ms;
	bud_barrier_fn fn;
	void *owner;
};

static void on_version(void *owner, int err, struct bud_member version);
static void look_again(struct bud_subscriptions_wait *wait, int64_t mono_ms);

int bud_barrier_wait(struct bud_subscriptions_api *api, bud_barrier_fn fn, void *owner)
{
	struct barrier *barrier = bud_new(struct barrier);
	int r;

	barrier->wait.again = look_again;
	bud_list_init(&barrier->wait.link);
	barrier->api = api;
	barrier->fn = fn;
	barrier->owner = owner;
	r = bud_registry_version(api->store, on_version, barrier);
	if (r < 0)
		free(barrier);
	return r;
}

static bool has_reached(const struct barrier *barrier)
{
	struct bud_subscriptions_api *api = barrier->api;
	struct bud_table_version have;

	bud_table_lock(api->table, api->table_reader);
	have = bud_table_version(api->table);
	bud_table_unlock(api->table, api->table_reader);
	return have.ms > barrier->version.ms ||
	       (have.ms == barrier->version.ms && have.seq >= barrier->version.seq);
}

static void pass(struct barrier *barrier, int err)
{
	bud_list_remove(&barrier->wait.link);
	barrier->fn(barrier->owner, err);
	free(barrier);
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct barrier *barrier = owner;

	barrier->version = version;
	barrier->deadline_ms = bud_clock_mono_ms() + WAIT_MS;
	if (err < 0 || barrier->api->is_stopped || has_reached(barrier))
		pass(barrier, err);
	else
		bud_subscriptions_wait(barrier->api, &barrier->wait);
}

static void look_again(struct bud_subscriptions_wait *wait, int64_t mono_ms)
{
	struct barrier *barrier = bud_container(wait, struct barrier, wait);

	if (mono_ms >= barrier->deadline_ms || has_reached(barrier))
		pass(barrier, 0);
}
