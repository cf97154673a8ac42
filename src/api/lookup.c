/* Look-ups: the id from the path, its record from Redis, the owner checked. */
#include "api/lookup.h"

#include <errno.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "auth/identity.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "http/request.h"
#include "store/grants.h"
#include "store/registry.h"
#include "store/store.h"
#include "subscription/subscription.h"

struct call {
	struct bud_lookup lookup;
	struct bud_request *request;
};

static void on_value(void *owner, int err, const struct bud_registry_value *value);

void bud_lookup(const struct bud_lookup *lookup, struct bud_request *request)
{
	struct bud_span id = request->parameters[0];
	char text[BUD_SUBSCRIPTION_ID_MAX + 1];
	struct call *call;
	int r;

	if (id.len == 0 || id.len > BUD_SUBSCRIPTION_ID_MAX || bud_grant_key_is(id)) {
		bud_failure_reply_unknown(request);
		return;
	}
	memcpy(text, id.at, id.len);
	text[id.len] = '\0';
	call = bud_new(struct call);
	*call = (struct call){*lookup, request};
	r = bud_registry_get(lookup->store, text, on_value, call);
	if (r < 0) {
		free(call);
		bud_failure_reply(request, r);
	}
}

void bud_lookup_at(struct bud_api_desk *desk, struct bud_request *request, bud_lookup_fn fn)
{
	struct bud_lookup lookup = {
		desk->store, (uint32_t)desk->config->delivery.timeout_ms, fn, desk};

	bud_lookup(&lookup, request);
}

static void on_value(void *owner, int err, const struct bud_registry_value *value)
{
	struct call *call = owner;
	struct bud_lookup_loading loading = {call->lookup.store, call->lookup.timeout_ms,
		bud_request_identity(call->request)->name};
	struct bud_subscription *subscription = NULL;
	int r = err;

	if (r == 0)
		r = value ? bud_lookup_load(&loading, value, &subscription) : -ENOENT;
	if (r == 0)
		call->lookup.fn(call->lookup.owner, call->request, subscription);
	else if (err == 0 && r == -ENOENT)
		bud_failure_reply_unknown(call->request);
	else
		bud_failure_reply(call->request, r);
	free(call);
}

int bud_lookup_load(const struct bud_lookup_loading *loading,
	const struct bud_registry_value *value, struct bud_subscription **out_subscription)
{
	struct bud_subscription_defaults defaults = {.now_ms = bud_clock_wall_ms(),
		.timeout_ms = loading->timeout_ms,
		.sealer = bud_store_sealer(loading->store)};
	bud_auto(subscription) struct bud_subscription *loaded = NULL;
	struct bud_error error = {0};
	int r;

	if (value->record.len == 0)
		return -ENOENT;
	r = bud_subscription_load(value->record, &defaults, &loaded, &error);
	if (r < 0) {
		bud_log_error("a stored subscription cannot be read", "serial",
			bud_log_number(value->serial), "error", error.text);
		return r == -ENOKEY ? r : -EPROTO;
	}
	if (strcmp(loaded->owner, loading->caller) != 0)
		return -ENOENT;
	bud_subscription_set_beside(loaded,
		&(struct bud_subscription_beside){value->serial, value->etag, value->status});
	*out_subscription = bud_move(loaded);
	return 0;
}
