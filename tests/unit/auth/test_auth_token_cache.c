/* What stands in the cache must be found by exactly its token and use, until it expires; and the
 * cache stays within its bounds and gives back all it holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include "auth/identity.h"
#include "auth/token_cache.h"

static struct bud_identity *make(int64_t expires_ms)
{
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/a/b");

	identity->expires_ms = expires_ms;
	return identity;
}

static bool has(struct bud_token_cache *cache, const char *token, unsigned use, int64_t now_ms)
{
	struct bud_token_cached cached;

	return bud_token_cache_get(cache, bud_span(token), use, now_ms, &cached);
}

static void put(struct bud_token_cache *cache, const char *token, struct bud_identity *identity)
{
	struct bud_token_cached cached = {identity, 2, 7};

	bud_token_cache_put(cache, bud_span(token), 0, &cached);
}

static void test_put_and_get(void **state)
{
	struct bud_token_cache *cache = bud_token_cache_create();
	struct bud_identity *identity = make(1000);
	struct bud_token_cached cached;

	(void)state;
	assert_false(has(cache, "token", 0, 0));
	put(cache, "token", identity);
	assert_int_equal(identity->refs, 2);
	assert_true(bud_token_cache_get(cache, bud_span("token"), 0, 999, &cached));
	assert_ptr_equal(cached.identity, identity);
	assert_int_equal(cached.issuer, 2);
	assert_int_equal(cached.serial, 7);
	assert_false(has(cache, "token", 1, 0));
	assert_false(has(cache, "toke", 0, 0));
	assert_false(has(cache, "tokem", 0, 0));
	assert_false(has(cache, "token", 0, 1000));
	assert_int_equal(bud_token_cache_count(cache), 0);
	assert_int_equal(identity->refs, 1);
	/* Again, and replaced by itself. */
	put(cache, "token", identity);
	put(cache, "token", identity);
	assert_int_equal(bud_token_cache_count(cache), 1);
	bud_token_cache_destroy(cache);
	assert_int_equal(identity->refs, 1);
	bud_identity_unref(identity);
	bud_token_cache_destroy(NULL);
}

static void test_without_an_end(void **state)
{
	struct bud_token_cache *cache = bud_token_cache_create();
	struct bud_identity *identity = make(0);

	(void)state;
	put(cache, "key", identity);
	assert_true(has(cache, "key", 0, INT64_MAX));
	bud_token_cache_destroy(cache);
	bud_identity_unref(identity);
}

static void test_bounds(void **state)
{
	struct bud_token_cache *cache = bud_token_cache_create();
	struct bud_identity *identity = make(5000);
	size_t found = 0;
	char token[32];

	(void)state;
	for (unsigned i = 0; i < 4 * BUD_TOKEN_CACHE_SLOTS; i++) {
		snprintf(token, sizeof(token), "token-%u", i);
		put(cache, token, identity);
	}
	assert_true(bud_token_cache_count(cache) <= BUD_TOKEN_CACHE_SLOTS);
	assert_true(bud_token_cache_count(cache) > BUD_TOKEN_CACHE_SLOTS / 2);
	for (unsigned i = 0; i < 4 * BUD_TOKEN_CACHE_SLOTS; i++) {
		snprintf(token, sizeof(token), "token-%u", i);
		found += has(cache, token, 0, 0);
	}
	assert_int_equal(found, bud_token_cache_count(cache));
	assert_int_equal(identity->refs, 1 + found);
	bud_token_cache_destroy(cache);
	assert_int_equal(identity->refs, 1);
	bud_identity_unref(identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get),
		cmocka_unit_test(test_without_an_end),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
