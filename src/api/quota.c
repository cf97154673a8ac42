/* GET /quota: how many subscriptions the caller has is asked of the store -> answered. */
#include "api/quota.h"

#include <inttypes.h>
#include <stdlib.h>

#include "access/quota_refusal.h"
#include "api/desk.h"
#include "api/failure.h"
#include "auth/identity.h"
#include "auth/need.h"
#include "auth/quota.h"
#include "core/alloc.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/registry.h"

struct asking {
	struct bud_api_desk *desk;
	struct bud_request *request;
};

static void handle_quota(void *context, struct bud_request *request);

const struct bud_route bud_quota_routes[] = {
	{"GET", "/quota", handle_quota, 0, BUD_NEED_IDENTITY},
};
const size_t bud_quota_routes_n = sizeof(bud_quota_routes) / sizeof(bud_quota_routes[0]);

/* No bound is null. */
static void write_limit(struct bud_buffer *body, int64_t limit)
{
	if (limit > 0)
		bud_buffer_format(body, "\"limit\":%" PRId64 "}", limit);
	else
		bud_buffer_text(body, "\"limit\":null}");
}

/* It is measured only where there is a bound. */
static void write_parked(struct bud_buffer *body, struct bud_quota *quota, struct bud_span name,
	const struct bud_quotas *quotas)
{
	bud_buffer_text(body, ",\"parked_bytes\":{");
	if (quotas->parked_bytes > 0)
		bud_buffer_format(body, "\"used\":%" PRId64 ",", bud_quota_parked(quota, name));
	write_limit(body, quotas->parked_bytes);
}

static void on_count(void *owner, int err, int64_t number)
{
	struct asking asking = *(struct asking *)owner;
	struct bud_span name = bud_span(bud_request_identity(asking.request)->name);
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_quotas quotas;

	free(owner);
	if (err < 0) {
		bud_failure_reply(asking.request, err);
		return;
	}
	bud_quota_of(asking.desk->quota, name, &quotas);
	bud_buffer_text(&body, "{\"owner\":");
	bud_buffer_json(&body, name);
	bud_buffer_format(&body, ",\"subscriptions\":{\"used\":%" PRId64 ",", number);
	write_limit(&body, quotas.subscriptions);
	write_parked(&body, asking.desk->quota, name, &quotas);
	bud_buffer_text(&body, ",\"publish_per_s\":{");
	write_limit(&body, quotas.publish_per_s);
	bud_buffer_byte(&body, '}');
	bud_reply_header(asking.request, "Cache-Control", "no-store");
	bud_reply(asking.request, 200, "application/json", bud_buffer_as_span(&body));
}

static void handle_quota(void *context, struct bud_request *request)
{
	struct asking *asking = bud_new(struct asking);
	struct bud_span owner = bud_span(bud_request_identity(request)->name);
	int r;

	*asking = (struct asking){context, request};
	r = bud_registry_count(asking->desk->store, owner, on_count, asking);
	if (r == 0)
		return;
	free(asking);
	bud_failure_reply(request, r);
}

bool bud_quota_has_room(const struct bud_api_desk *desk, struct bud_request *request)
{
	struct bud_quota_refusal refusal;

	if (!bud_quota_is_full(desk->quota, bud_span(bud_request_identity(request)->name)))
		return true;
	bud_quota_refusal_of_parked(
		bud_span(bud_request_identity(request)->name), desk->quota, &refusal);
	bud_quota_refuse(request, &refusal);
	return false;
}
