/* Refusals by a quota. */
#include "access/quota_refusal.h"

#include <inttypes.h>
#include <stdio.h>

#include "auth/quota.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"
#include "http/reply.h"
#include "http/request.h"

#define SECONDS_BYTES  24
#define PARKED_WAIT_MS 30000
#define UNTOLD_WAIT_MS 3600000

void bud_quota_refuse(struct bud_request *request, const struct bud_quota_refusal *refusal)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	char seconds[SECONDS_BYTES];
	struct bud_error error;
	bool passes = refusal->wait_ms > 0;
	int64_t wait_ms = passes ? refusal->wait_ms : UNTOLD_WAIT_MS;

	(void)bud_error_set(&error, NULL, "%s", refusal->detail);
	bud_reply_write_problem(&body, 429, passes ? "rate-limited" : "quota-exceeded",
		passes ? "Too much at this time" : "A quota is used up", &error);
	body.len--; /* before the closing brace */
	bud_buffer_format(
		&body, ",\"quota\":\"%s\",\"limit\":%" PRId64, refusal->quota, refusal->limit);
	if (refusal->used >= 0)
		bud_buffer_format(&body, ",\"used\":%" PRId64, refusal->used);
	bud_buffer_byte(&body, '}');
	snprintf(seconds, sizeof(seconds), "%" PRId64, (wait_ms + 999) / 1000);
	bud_reply_header(request, "Retry-After", seconds);
	bud_reply(request, 429, "application/problem+json", bud_buffer_as_span(&body));
}

void bud_quota_refusal_of_parked(
	struct bud_span owner, struct bud_quota *quota, struct bud_quota_refusal *out_refusal)
{
	struct bud_quotas quotas;

	bud_quota_of(quota, owner, &quotas);
	*out_refusal = (struct bud_quota_refusal){.quota = "parked_bytes",
		.limit = quotas.parked_bytes,
		.used = bud_quota_parked(quota, owner),
		.wait_ms = PARKED_WAIT_MS,
		.detail =
			"as many events wait for your subscriptions as may: receivers must take "
			"them, or subscriptions be deleted; nothing of this request was accepted"};
}
