/* A stored record: what the quick reader takes, the usual one takes, too, and both make the same of
 * it. Only filters that we had not written may keep another text, and say the same. */
#include <stdint.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "subscription/compact.h"
#include "subscription/filter.h"
#include "subscription/pool.h"
#include "subscription/quick.h"
#include "subscription/subscription.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void write_all(const struct bud_subscription *subscription, struct bud_buffer *out)
{
	char fingerprint[BUD_FINGERPRINT_TEXT_BYTES];

	bud_subscription_write_record(subscription, out);
	bud_subscription_write_api(subscription, BUD_SUBSCRIPTION_SECRET_SHOWN, 0, out);
	bud_subscription_fingerprint(subscription, fingerprint);
	bud_buffer_text(out, fingerprint);
	bud_buffer_format(out, " %lld %lld", (long long)subscription->expires_ms,
		(long long)subscription->from_ms);
}

static void must_equal(const struct bud_subscription *made, const struct bud_subscription *usual)
{
	struct bud_subscription alike = *made; /* but for that text */
	bud_auto(buffer) struct bud_buffer have = {0};
	bud_auto(buffer) struct bud_buffer want = {0};

	must((made->filters != NULL) == (usual->filters != NULL));
	must((made->filter != NULL) == (usual->filter != NULL));
	must(!made->filter || bud_filter_equals(made->filter, usual->filter));
	alike.filters = usual->filters;
	write_all(&alike, &have);
	write_all(usual, &want);
	must(bud_span_equals(bud_buffer_as_span(&have), bud_buffer_as_span(&want)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bud_subscription_beside beside = {7, {"e7", 2}, {NULL, 0}};
	static const struct bud_subscription_defaults defaults = {.timeout_ms = 15000};
	struct bud_span record = {(const char *)data, size};
	struct bud_pool *pool = bud_pool_create();
	bud_auto(subscription) struct bud_subscription *quick = NULL;
	bud_auto(subscription) struct bud_subscription *usual = NULL;
	bud_auto(subscription) struct bud_subscription *compact = NULL;
	struct bud_error error;

	if (size <= BUD_API_BODY_BYTES_MAX) {
		quick = bud_subscription_read_quickly(record, &beside, &defaults, pool);
		if (bud_subscription_load(record, &defaults, &usual, &error) == 0)
			bud_subscription_set_beside(usual, &beside);
		must(!quick || usual);
		if (quick)
			must_equal(quick, usual);
		must((bud_subscription_load_compact(record, &beside, &defaults, pool, &compact,
			      &error) == 0) == (usual != NULL));
		if (compact)
			must_equal(compact, usual);
	}
	bud_pool_unref(pool);
	return 0;
}
