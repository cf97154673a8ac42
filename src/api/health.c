/* The health API. */
#include "api/health.h"

#include <stdio.h>

#include "auth/need.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/following.h"

static void handle_index(void *context, struct bud_request *request);
static void handle_metrics(void *context, struct bud_request *request);
static void handle_alive(void *context, struct bud_request *request);
static void handle_ready(void *context, struct bud_request *request);

const struct bud_route bud_health_routes[] = {
	{"GET", "/metrics", handle_metrics, 0, BUD_NEED_NOTHING},
	{"GET", "/healthz", handle_alive, 0, BUD_NEED_NOTHING},
	{"GET", "/readyz", handle_ready, 0, BUD_NEED_NOTHING},
	{"GET", "/", handle_index, 0, BUD_NEED_NOTHING},
};
const size_t bud_health_routes_n = sizeof(bud_health_routes) / sizeof(bud_health_routes[0]);

static void handle_index(void *context, struct bud_request *request)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	(void)context;
	for (size_t i = 0; i < bud_health_routes_n; i++) {
		bud_buffer_text(&body, i == 0 ? "{\"routes\":[" : ",");
		bud_buffer_json(&body, bud_span(bud_health_routes[i].path));
	}
	bud_buffer_text(&body, "]}");
	bud_reply(request, 200, "application/json", bud_buffer_as_span(&body));
}

static void handle_metrics(void *context, struct bud_request *request)
{
	struct bud_health_api *api = context;
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_metrics_write(api->sets, api->sets_n, &body);
	bud_reply(request, 200, "text/plain; version=0.0.4", bud_buffer_as_span(&body));
}

static void handle_alive(void *context, struct bud_request *request)
{
	(void)context;
	bud_reply(request, 200, "application/json", bud_span("{\"status\":\"ok\"}"));
}

static void add_reason(struct bud_buffer *reasons, const char *text)
{
	if (reasons->len > 0)
		bud_buffer_byte(reasons, ',');
	bud_buffer_json(reasons, bud_span(text));
}

static bool add_loading(struct bud_following *following, struct bud_buffer *reasons)
{
	uint64_t total = atomic_load(&following->total);
	char text[96];

	if (total == 0)
		return false;
	snprintf(text, sizeof(text), "the subscriptions are loading: %llu of %llu",
		(unsigned long long)atomic_load(&following->loaded), (unsigned long long)total);
	add_reason(reasons, text);
	return true;
}

bool bud_readiness_write(struct bud_readiness *readiness, int64_t mono_ms, struct bud_buffer *out)
{
	struct bud_following *following = readiness->following;
	bud_auto(buffer) struct bud_buffer reasons = {0};
	bool is_loading = add_loading(following, &reasons);

	if (!atomic_load(&readiness->is_redis_up))
		add_reason(&reasons, "Redis does not answer");
	else if (!atomic_load(&readiness->is_serving))
		add_reason(&reasons, "the workers have not reached Redis yet");
	if (atomic_load(&following->is_broken))
		add_reason(
			&reasons, "the subscriptions are gone or went back: nothing is delivered");
	else if (!is_loading && !bud_following_is_fresh(following, mono_ms))
		add_reason(&reasons, "the subscriptions are not known to be up to date");
	if (atomic_load(&readiness->is_draining))
		add_reason(&reasons, "the server is stopping");
	if (reasons.len == 0) {
		bud_buffer_text(out, "{\"status\":\"ready\"}");
		return true;
	}
	bud_buffer_text(out, "{\"status\":\"not ready\",\"reasons\":[");
	bud_buffer_span(out, bud_buffer_as_span(&reasons));
	bud_buffer_text(out, "]}");
	return false;
}

static void handle_ready(void *context, struct bud_request *request)
{
	struct bud_health_api *api = context;
	bud_auto(buffer) struct bud_buffer body = {0};
	bool is_ready = bud_readiness_write(api->readiness, bud_clock_mono_ms(), &body);

	bud_reply(request, is_ready ? 200 : 503, "application/json", bud_buffer_as_span(&body));
}
