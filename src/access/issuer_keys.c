/* The issuers' keys. Each issuer: RESTING -> (due, or wished for) -> DISCOVERING -> FETCHING ->
 * RESTING. One look at a time per issuer answers all wishes that came before it; wishes that come
 * too soon after one are answered at once by what it brought. Keys that were good stay when a look
 * fails, for a day. An issuer that is gone while it is looked at goes when that ends. */
#include "access/issuer_keys.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include <uv.h>

#include "auth/trust.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/list.h"
#include "crypto/digest.h"
#include "crypto/jwk.h"
#include "fetch/fetch.h"
#include "fetch/target.h"

#define TICK_MS      20
#define TIMEOUT_MS   10000
#define REFETCH_MS   30000
#define AGAIN_MS     1000 /* after a failure, doubled each time */
#define AGAIN_MS_MAX 60000
#define FRESH_MS     3600000 /* where the issuer does not say */
#define FRESH_MS_MIN 300000
#define FRESH_MS_MAX 86400000
#define KEPT_MS      86400000

enum state {
	SOURCE_RESTING,
	SOURCE_DISCOVERING,
	SOURCE_FETCHING,
};

/* One issuer. */
struct source {
	struct bud_issuer_keys *keys;
	size_t index;
	enum state state;
	char *jwks_uri; /* as its metadata said */
	int64_t due_mono_ms;
	int64_t wish_mono_ms;    /* before then no wish makes us look */
	int64_t fetched_mono_ms; /* when the last good one ended */
	unsigned failures;       /* in a row */
	uint64_t ticket;         /* wishes that this look answers */
	bool has_keys;
	bool is_gone;                           /* it is no issuer any more */
	struct bud_list link;                   /* bud_issuer_keys::gone */
	unsigned char digest[BUD_SHA256_BYTES]; /* of the set in the trust */
};

struct bud_issuer_keys {
	struct bud_issuer_keys_options options;
	struct bud_issuers *issuers; /* a reference; NULL: there are none */
	uv_timer_t timer;
	struct source *sources[BUD_ISSUERS_MAX];
	struct bud_list gone;
};

static void take_issuers(struct bud_issuer_keys *keys);
static void on_timer(uv_timer_t *timer);
static void begin(struct source *source);
static void on_discovered(void *owner, const struct bud_fetch_result *result);
static void fetch_keys(struct source *source, const char *url);
static void on_fetched(void *owner, const struct bud_fetch_result *result);

static int64_t or_else(int64_t given, int64_t standard)
{
	return given > 0 ? given : standard;
}

struct bud_issuer_keys *bud_issuer_keys_open(const struct bud_issuer_keys_options *options)
{
	struct bud_issuer_keys *keys = bud_new(struct bud_issuer_keys);

	keys->options = *options;
	bud_list_init(&keys->gone);
	keys->options.timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
	keys->options.refetch_ms = or_else(options->refetch_ms, REFETCH_MS);
	keys->options.fresh_ms_min = or_else(options->fresh_ms_min, FRESH_MS_MIN);
	keys->options.kept_ms = or_else(options->kept_ms, KEPT_MS);
	uv_timer_init(options->loop, &keys->timer);
	keys->timer.data = keys;
	take_issuers(keys);
	if (keys->issuers)
		uv_timer_start(&keys->timer, on_timer, 1, TICK_MS);
	return keys;
}

static void destroy(struct source *source)
{
	if (!source)
		return;
	bud_list_remove(&source->link);
	free(source->jwks_uri);
	free(source);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_issuer_keys *keys = handle->data;
	struct source *source, *after;

	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++)
		destroy(keys->sources[i]);
	bud_list_each_safe (source, after, &keys->gone, link)
		destroy(source);
	bud_issuers_unref(keys->issuers);
	free(keys);
}

void bud_issuer_keys_close(struct bud_issuer_keys *keys)
{
	if (keys)
		uv_close((uv_handle_t *)&keys->timer, on_closed);
}

static const struct bud_issuer *issuer_of(const struct source *source)
{
	return &source->keys->issuers->at[source->index];
}

/* Wishes. */

static void look(struct source *source, int64_t now_ms)
{
	const struct bud_issuer_keys_options *options = &source->keys->options;
	uint64_t wanted = bud_trust_wanted(options->trust, source->index);
	bool is_fresh = source->has_keys && source->failures == 0;

	if (issuer_of(source)->fixed) {
		if (wanted > 0)
			bud_trust_answer(options->trust, source->index, wanted, true);
		return;
	}
	if (source->state != SOURCE_RESTING)
		return;
	if (now_ms >= source->due_mono_ms) {
		begin(source);
	} else if (wanted > 0 && is_fresh && now_ms >= source->wish_mono_ms) {
		source->wish_mono_ms = now_ms + options->refetch_ms;
		begin(source);
	} else if (wanted > 0) {
		bud_trust_answer(options->trust, source->index, wanted, is_fresh);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_issuer_keys *keys = timer->data;
	int64_t now_ms = bud_clock_mono_ms();

	if (bud_trust_put_offered(keys->options.trust))
		take_issuers(keys);
	for (size_t i = 0; i < keys->issuers->n; i++)
		look(keys->sources[i], now_ms);
}

/* Ends of a look. */

static void rest(struct source *source, bool is_fresh)
{
	source->state = SOURCE_RESTING;
	bud_trust_answer(source->keys->options.trust, source->index, source->ticket, is_fresh);
}

static void tell(const struct source *source, const char *why)
{
	const struct bud_issuer_keys_options *options = &source->keys->options;

	if (options->on_change)
		options->on_change(options->owner, issuer_of(source)->name, why);
}

/* Other issuers. */

static struct source *create(struct bud_issuer_keys *keys)
{
	struct source *source = bud_new(struct source);

	source->keys = keys;
	bud_list_init(&source->link);
	return source;
}

/* NULL is fine. */
static void retire(struct source *source)
{
	if (!source)
		return;
	if (source->failures > 0)
		tell(source, NULL);
	source->is_gone = true;
	if (source->state == SOURCE_RESTING)
		destroy(source);
	else
		bud_list_append(&source->keys->gone, &source->link);
}

/* Those of the trust, in place of those before. */
static void take_issuers(struct bud_issuer_keys *keys)
{
	const struct bud_trust_set *set = bud_trust_take(keys->options.trust);
	struct bud_issuers *issuers = (struct bud_issuers *)set->issuers;
	struct source *sources[BUD_ISSUERS_MAX] = {NULL};

	for (size_t i = 0; issuers && i < issuers->n; i++) {
		int before = bud_issuers_find_same(keys->issuers, &issuers->at[i]);
		sources[i] = before < 0 ? create(keys) : bud_move(keys->sources[before]);
		sources[i]->index = i;
		sources[i]->ticket = 0; /* one of another place */
	}
	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++)
		retire(keys->sources[i]);
	memcpy(keys->sources, sources, sizeof(sources));
	bud_issuers_unref(keys->issuers);
	keys->issuers = issuers ? bud_issuers_ref(issuers) : NULL;
	bud_trust_set_unref(set);
}

/* A look ended whose issuer is gone meanwhile. */
static bool is_over(struct source *source)
{
	if (!source->is_gone)
		return false;
	destroy(source);
	return true;
}

static void fail(struct source *source, const char *why)
{
	const struct bud_issuer_keys_options *options = &source->keys->options;
	int64_t now_ms = bud_clock_mono_ms();
	int64_t wait_ms = AGAIN_MS;

	for (unsigned i = 0; i < source->failures && wait_ms < AGAIN_MS_MAX; i++)
		wait_ms *= 2;
	source->due_mono_ms = now_ms + (wait_ms < AGAIN_MS_MAX ? wait_ms : AGAIN_MS_MAX);
	if (source->failures++ == 0)
		tell(source, why);
	if (source->has_keys && now_ms >= source->fetched_mono_ms + options->kept_ms) {
		source->has_keys = false;
		bud_trust_put_keys(options->trust, source->index, NULL);
	}
	rest(source, false);
}

/* Looks again when four fifths of what the issuer said are over. */
static void succeed(struct source *source, int64_t max_age_s)
{
	const struct bud_issuer_keys_options *options = &source->keys->options;
	int64_t fresh_ms = max_age_s < 0 ? FRESH_MS : max_age_s * 1000;

	if (fresh_ms > FRESH_MS_MAX)
		fresh_ms = FRESH_MS_MAX;
	if (fresh_ms < options->fresh_ms_min)
		fresh_ms = options->fresh_ms_min;
	source->fetched_mono_ms = bud_clock_mono_ms();
	source->due_mono_ms = source->fetched_mono_ms + fresh_ms / 5 * 4;
	source->has_keys = true;
	if (source->failures > 0)
		tell(source, NULL);
	source->failures = 0;
	rest(source, true);
}

/* Requests. */

/* 0: `fn` comes. The URL is checked each time: it may be the issuer's word. */
static int start(struct source *source, const char *url, bud_fetch_fn fn)
{
	static const char *const headers[] = {"Accept: application/json"};
	const struct bud_issuer_keys_options *options = &source->keys->options;
	struct bud_target_options target = {.allow_http = options->allow_http};
	struct bud_fetch_request request = {
		.method = "GET",
		.headers = headers,
		.headers_n = 1,
		.timeout_ms = options->timeout_ms,
		.keep_body_bytes = BUD_RESPONSE_BODY_MAX,
		.keep_headers = true,
	};
	struct bud_error error = {0};
	int r;

	request.target = bud_target_create(bud_span(url), &target, &error);
	if (!request.target)
		return -EINVAL;
	r = bud_fetch_start(options->fetch, &request, fn, source, NULL);
	bud_target_unref(request.target);
	return r;
}

/* Why a response is no document; NULL when it is one. */
static const char *fault_of(const struct bud_fetch_result *result)
{
	if (result->kind != BUD_FETCH_RESPONSE)
		return result->text;
	if (result->status != 200)
		return "it did not answer 200";
	return result->body_is_cut ? "its answer is too long" : NULL;
}

static void begin(struct source *source)
{
	const struct bud_issuer *issuer = issuer_of(source);
	struct bud_trust *trust = source->keys->options.trust;

	source->ticket = bud_trust_wanted(trust, source->index);
	if (!issuer->discovery) {
		fetch_keys(source, issuer->jwks_uri);
		return;
	}
	source->state = SOURCE_DISCOVERING;
	if (start(source, issuer->discovery, on_discovered) < 0)
		fail(source, "its metadata cannot be asked for");
}

char *bud_discovery_read(struct bud_span json, const char *issuer)
{
	json_auto_t *root = json_loadb(json.len ? json.at : "", json.len, 0, NULL);
	const char *said = json_string_value(json_object_get(root, "issuer"));
	const char *uri = json_string_value(json_object_get(root, "jwks_uri"));

	return said && uri && strcmp(said, issuer) == 0 ? bud_strdup(uri) : NULL;
}

static void on_discovered(void *owner, const struct bud_fetch_result *result)
{
	struct source *source = owner;
	const char *fault = fault_of(result);
	char *uri;

	if (result->kind == BUD_FETCH_CANCELLED || is_over(source))
		return; /* closing, or gone */
	if (fault) {
		fail(source, fault);
		return;
	}
	uri = bud_discovery_read(result->body, issuer_of(source)->name);
	if (!uri) {
		fail(source, "its metadata is of another issuer, or has no jwks_uri");
		return;
	}
	free(source->jwks_uri);
	source->jwks_uri = uri;
	fetch_keys(source, uri);
}

static void fetch_keys(struct source *source, const char *url)
{
	source->state = SOURCE_FETCHING;
	if (start(source, url, on_fetched) < 0)
		fail(source, "its keys cannot be asked for");
}

int64_t bud_max_age_read(struct bud_span headers)
{
	static const char name[] = "cache-control:";
	static const char word[] = "max-age=";
	uint64_t seconds;

	while (headers.len > 0) {
		struct bud_span line = bud_span_take_until(&headers, '\n');
		if (!bud_span_starts_nocase(line, name))
			continue;
		line = (struct bud_span){line.at + strlen(name), line.len - strlen(name)};
		while (line.len > 0) {
			struct bud_span one = bud_span_trim(bud_span_take_until(&line, ','));
			if (one.len > 0 && one.at[one.len - 1] == '\r')
				one.len--;
			if (!bud_span_starts_nocase(one, word))
				continue;
			one = (struct bud_span){one.at + strlen(word), one.len - strlen(word)};
			if (bud_span_number(one, UINT32_MAX, &seconds))
				return (int64_t)seconds;
		}
	}
	return -1;
}

/* The same bytes are the same keys: what was checked by them stays checked. */
static void on_fetched(void *owner, const struct bud_fetch_result *result)
{
	struct source *source = owner;
	const char *fault = fault_of(result);
	unsigned char digest[BUD_SHA256_BYTES];
	struct bud_jwk_set *set = NULL;
	struct bud_error error;

	if (result->kind == BUD_FETCH_CANCELLED || is_over(source))
		return; /* closing, or gone */
	if (fault) {
		fail(source, fault);
		return;
	}
	bud_digest_sha256(result->body, digest);
	if (!source->has_keys || memcmp(digest, source->digest, sizeof(digest)) != 0) {
		if (bud_jwk_set_parse(result->body, &set, &error) < 0) {
			fail(source, error.text);
			return;
		}
		bud_trust_put_keys(source->keys->options.trust, source->index, set);
		bud_jwk_set_unref(set);
		memcpy(source->digest, digest, sizeof(digest));
	}
	succeed(source, bud_max_age_read(result->headers));
}
