/* Subscriptions: what can be asked of a record. */
#include "subscription/subscription.h"

#include <assert.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "event/event.h"
#include "subscription/filter.h"
#include "subscription/pool.h"
#include "subscription/push_config.h"
#include "subscription/sink_header.h"

void bud_subscription_hold(const struct bud_subscription *subscription)
{
	/* All but this is immutable once others see it. */
	atomic_uint *holders = &((struct bud_subscription *)(uintptr_t)subscription)->holders;

	atomic_fetch_add_explicit(holders, 1, memory_order_relaxed);
}

/* The texts of one that is not compact. */
static void free_texts(struct bud_subscription *subscription)
{
	for (size_t i = 0; i < subscription->n_types; i++)
		free(subscription->types[i]);
	free(subscription->types);
	free(subscription->id);
	free(subscription->owner);
	free(subscription->etag);
	free(subscription->name);
	free(subscription->source);
	free(subscription->filters);
	free(subscription->sink);
	free(subscription->expires);
	free(subscription->from);
	bud_free_secret(subscription->secret);
}

static void return_texts(struct bud_subscription *subscription)
{
	for (size_t i = 0; i < subscription->n_types; i++)
		bud_pool_return_text(subscription->types[i]);
	bud_pool_return_text(subscription->owner);
	explicit_bzero(subscription->secret, strlen(subscription->secret));
}

void bud_subscription_destroy(struct bud_subscription *subscription)
{
	if (!subscription ||
		atomic_fetch_sub_explicit(&subscription->holders, 1, memory_order_acq_rel) > 0)
		return;
	if (subscription->is_compact)
		return_texts(subscription);
	else
		free_texts(subscription);
	bud_sink_headers_destroy(subscription->headers, subscription->n_headers);
	bud_filter_destroy(subscription->filter);
	bud_push_config_destroy(subscription->config);
	bud_status_finish(&subscription->status);
	free(subscription);
}

void bud_subscription_auto(struct bud_subscription **subscription)
{
	bud_subscription_destroy(*subscription);
}

void bud_subscription_set_beside(
	struct bud_subscription *subscription, const struct bud_subscription_beside *beside)
{
	struct bud_error error;

	assert(!subscription->is_compact);
	subscription->serial = beside->serial;
	free(subscription->etag);
	subscription->etag = bud_strndup(beside->etag.at, beside->etag.len);
	bud_status_finish(&subscription->status);
	if (bud_status_parse(beside->status, &subscription->status, &error) == 0)
		return;
	subscription->status.state = BUD_SUBSCRIPTION_DISABLED;
	subscription->status.reason = bud_strdup("unreadable");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* With its NUL, so that ("ab", "c") and ("a", "bc") differ; an absent one is no empty one. */
static void add_part(struct bud_buffer *parts, const char *text)
{
	bud_buffer_byte(parts, text ? '+' : '-');
	bud_buffer_add(parts, text ? text : "", text ? strlen(text) + 1 : 1);
}

void bud_subscription_fingerprint(
	const struct bud_subscription *subscription, char out[BUD_FINGERPRINT_TEXT_BYTES])
{
	size_t n = subscription->n_types;
	char **sorted = bud_alloc((n + 1) * sizeof(*sorted));
	struct bud_buffer parts = {0};
	unsigned char digest[BUD_SHA256_BYTES];

	for (size_t i = 0; i < n; i++)
		sorted[i] = subscription->types[i];
	qsort(sorted, n, sizeof(*sorted), by_text);
	add_part(&parts, subscription->owner);
	add_part(&parts, subscription->sink);
	add_part(&parts, subscription->source);
	add_part(&parts, subscription->filters);
	for (size_t i = 0; i < n; i++)
		add_part(&parts, sorted[i]);
	bud_digest_sha256(bud_buffer_as_span(&parts), digest);
	bud_digest_hex(digest, (BUD_FINGERPRINT_TEXT_BYTES - 1) / 2, out);
	bud_buffer_finish(&parts);
	free(sorted);
}

bool bud_subscription_has_expired(const struct bud_subscription *subscription, int64_t now_ms)
{
	return subscription->expires_ms != 0 && subscription->expires_ms <= now_ms;
}

bool bud_subscription_match(
	const struct bud_subscription *subscription, const struct bud_event *event, int64_t now_ms)
{
	return !bud_subscription_has_expired(subscription, now_ms) &&
	       bud_filter_wants(subscription->filter, event);
}
