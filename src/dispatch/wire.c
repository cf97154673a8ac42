/* Targets of receivers. Secrets are overwritten where they were copied. */
#include "dispatch/wire.h"

#include <assert.h>

#include "access/sink_target.h"
#include "config/config.h"
#include "core/log.h"
#include "dispatch/desk.h"
#include "fetch/target.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

struct bud_target *bud_wire_target(const struct bud_desk *desk,
	const struct bud_subscription *subscription, int64_t now_ms, int64_t *out_until_ms)
{
	const char *origin = desk->config->delivery.origin;
	struct bud_error error = {0};
	struct bud_target *target = bud_sink_target_create(
		subscription, desk->config->delivery.allow_http, now_ms, out_until_ms, &error);
	int r = 0;

	if (!target) {
		bud_log_error("a sink is not allowed any more", "subscription", subscription->id,
			"reason", error.text);
		return NULL;
	}
	/* Of the other modes it is the content's own. */
	if (subscription->config->mode == BUD_MODE_STRUCTURED)
		r = bud_target_header_add(target, "Content-Type: application/cloudevents+json");
	if (r == 0 && subscription->status.granted_ms != 0 && origin[0]) {
		bud_auto(buffer) struct bud_buffer line = {0};
		bud_buffer_format(&line, "WebHook-Request-Origin: %s", origin);
		r = bud_target_header_add(target, line.at);
	}
	assert(r == 0); /* the configuration has no origin that could fail here */
	return target;
}
