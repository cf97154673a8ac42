/* Altinn's subscriptions, looked at and deleted: asked -> the barrier passed -> found by its number
 * -> answered, or dropped and answered. Numbers are the serials of our subscriptions, which only
 * the table finds. */
#include <errno.h>
#include <stdlib.h>

#include "api/altinn.h"
#include "api/altinn_answer.h"
#include "api/altinn_handlers.h"
#include "api/barrier.h"
#include "api/desk.h"
#include "api/failure.h"
#include "api/subscriptions.h"
#include "auth/identity.h"
#include "core/limits.h"
#include "core/random.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/registry.h"
#include "subscription/altinn_filters.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define RECORDS_PER_LOCK 32
#define TRIES_MAX        4
#define ETAG_BYTES       8

struct call {
	struct bud_altinn_api *api;
	struct bud_request *request;
	uint64_t serial; /* 0: all of the caller's */
	struct bud_buffer body;
	/* Of one that is deleted. */
	char id[BUD_SUBSCRIPTION_ID_MAX + 1];
	char etag[BUD_SUBSCRIPTION_ID_MAX + 1];
	char tombstone[2 * ETAG_BYTES + 1];
	unsigned tries;
};

static void begin(struct bud_altinn_api *api, struct bud_request *request, uint64_t serial);
static void on_passed(void *owner, int err);
static void answer(struct call *call);
static void on_deleted(void *owner, int err, const struct bud_put_result *result);

static void end(struct call *call)
{
	bud_buffer_finish(&call->body);
	free(call);
}

static void refuse_unknown(struct bud_request *request)
{
	bud_altinn_answer_problem(request, 404, "There is no such subscription.");
}

void bud_altinn_handle_list(void *context, struct bud_request *request)
{
	begin(context, request, 0);
}

void bud_altinn_handle_one(void *context, struct bud_request *request)
{
	uint64_t serial;

	if (bud_span_number(request->parameters[0], INT64_MAX, &serial) && serial > 0)
		begin(context, request, serial);
	else
		refuse_unknown(request);
}

static void begin(struct bud_altinn_api *api, struct bud_request *request, uint64_t serial)
{
	struct call *call = bud_new(struct call);
	int r;

	call->api = api;
	call->request = request;
	call->serial = serial;
	bud_random_hex(call->tombstone, ETAG_BYTES);
	r = bud_barrier_wait(api->subscriptions, on_passed, call);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(call);
}

static void on_passed(void *owner, int err)
{
	struct call *call = owner;

	if (err == 0) {
		answer(call);
		return;
	}
	bud_failure_reply(call->request, err);
	end(call);
}

/* All. */

static bool is_callers(const struct call *call, const struct bud_subscription *subscription)
{
	return bud_identity_owns(
		bud_request_identity(call->request), bud_span(subscription->owner));
}

/* Those behind `after`; where to go on, or 0 at the end. */
static uint64_t add_some(struct call *call, uint64_t after, size_t *n)
{
	const struct bud_api_desk *desk = call->api->desk;
	const char *owner = bud_request_identity(call->request)->name;
	const struct bud_subscription *next;

	bud_table_lock(desk->table, desk->table_reader);
	next = bud_table_next_of(desk->table, owner, after);
	for (size_t i = 0; next && i < RECORDS_PER_LOCK; i++) {
		after = next->serial;
		if (bud_altinn_filters_are(next)) {
			if ((*n)++ > 0)
				bud_buffer_byte(&call->body, ',');
			bud_altinn_write_subscription(next, NULL, &call->body);
		}
		next = bud_table_next_of(desk->table, owner, after);
	}
	bud_table_unlock(desk->table, desk->table_reader);
	return next ? after : 0;
}

static void answer_all(struct call *call)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	uint64_t after = 0;
	size_t n = 0;

	do
		after = add_some(call, after, &n);
	while (after > 0);
	bud_buffer_format(&body, "{\"count\":%zu,\"subscriptions\":[", n);
	bud_buffer_span(&body, bud_buffer_as_span(&call->body));
	bud_buffer_text(&body, "]}");
	bud_reply(call->request, 200, "application/json", bud_buffer_as_span(&body));
	end(call);
}

/* One. */

enum found {
	FOUND_NONE,
	FOUND_FOREIGN,
	FOUND,
};

static enum found find(struct call *call)
{
	const struct bud_api_desk *desk = call->api->desk;
	const struct bud_subscription *one;
	enum found found = FOUND_NONE;

	bud_table_lock(desk->table, desk->table_reader);
	one = bud_table_next(desk->table, call->serial - 1);
	if (one && one->serial == call->serial && bud_altinn_filters_are(one))
		found = is_callers(call, one) ? FOUND : FOUND_FOREIGN;
	if (found == FOUND) {
		bud_altinn_write_subscription(one, NULL, &call->body);
		snprintf(call->id, sizeof(call->id), "%s", one->id);
		snprintf(call->etag, sizeof(call->etag), "%s", one->etag);
	}
	bud_table_unlock(desk->table, desk->table_reader);
	return found;
}

static int delete_it(struct call *call)
{
	const struct bud_drop drop = {.id = call->id,
		.if_etag = call->etag,
		.etag = call->tombstone,
		.owner = bud_request_identity(call->request)->name};

	return bud_registry_drop(call->api->desk->store, &drop, on_deleted, call);
}

static void answer_one(struct call *call)
{
	enum found found = find(call);
	int r;

	if (found != FOUND) {
		if (found == FOUND_NONE)
			refuse_unknown(call->request);
		else
			bud_altinn_answer_problem(call->request, 403,
				"The subscription was created by somebody else.");
		end(call);
		return;
	}
	if (!bud_span_is(call->request->method, "DELETE")) {
		bud_reply(call->request, 200, "application/json", bud_buffer_as_span(&call->body));
		end(call);
		return;
	}
	r = delete_it(call);
	if (r == 0)
		return;
	bud_failure_reply(call->request, r);
	end(call);
}

static void answer(struct call *call)
{
	if (call->serial == 0)
		answer_all(call);
	else
		answer_one(call);
}

/* Its status may have changed meanwhile, and with that its etag. */
static void on_deleted(void *owner, int err, const struct bud_put_result *result)
{
	struct call *call = owner;

	if (err == 0 && result->outcome == BUD_PUT_CHANGED && ++call->tries < TRIES_MAX &&
		result->value.etag.len < sizeof(call->etag)) {
		snprintf(call->etag, sizeof(call->etag), "%.*s", (int)result->value.etag.len,
			result->value.etag.at);
		err = delete_it(call);
		if (err == 0)
			return;
	}
	if (err < 0)
		bud_failure_reply(call->request, err);
	else if (result->outcome == BUD_PUT_CHANGED)
		bud_failure_reply(call->request, -EAGAIN);
	else
		bud_reply(call->request, 200, NULL, (struct bud_span){"", 0});
	end(call);
}
