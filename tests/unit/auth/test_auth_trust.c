/* Trust must give each reader a set that stays whole while it is held, and carry wishes for fresher
 * keys to whoever fetches and the answers back. */
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include "auth/api_keys.h"
#include "auth/trust.h"
#include "crypto/jwk.h"
#include "issuer.h"

#define ROUNDS 300

static struct bud_issuers *issuers;
static char jwks[512];

static int start(void **state)
{
	struct test_key *key = test_key_create(BUD_JWS_EDDSA, "k");
	bud_auto(buffer) struct bud_buffer json = {0};
	bud_auto(buffer) struct bud_buffer file = {0};

	(void)state;
	test_keys_write_set(&key, 1, &json);
	memcpy(jwks, json.at, json.len + 1);
	bud_buffer_format(&file,
		"{\"issuers\":[{\"issuer\":\"a\",\"jwks\":%s},"
		"{\"issuer\":\"b\",\"jwks_uri\":\"https://b/\"}]}",
		jwks);
	test_key_destroy(key);
	return bud_issuers_parse(bud_buffer_as_span(&file), false, &issuers, NULL);
}

static int finish(void **state)
{
	(void)state;
	bud_issuers_unref(issuers);
	return 0;
}

static struct bud_jwk_set *make_keys(void)
{
	struct bud_jwk_set *set = NULL;

	assert_int_equal(bud_jwk_set_parse(bud_span(jwks), &set, NULL), 0);
	return set;
}

static void test_sets(void **state)
{
	struct bud_trust *trust = bud_trust_create(issuers);
	const struct bud_trust_set *first = bud_trust_take(trust);
	const struct bud_trust_set *second;
	struct bud_jwk_set *keys = make_keys();
	struct bud_api_keys *api_keys = bud_api_keys_create();

	(void)state;
	assert_ptr_equal(first->issuers, issuers);
	assert_non_null(first->keys[0]); /* fixed ones are there from the start */
	assert_null(first->keys[1]);
	assert_null(first->api_keys);
	bud_trust_put_keys(trust, 1, keys);
	bud_trust_put_api_keys(trust, api_keys);
	second = bud_trust_take(trust);
	assert_true(second->generation > first->generation);
	assert_int_equal(bud_trust_generation(trust), second->generation);
	assert_null(first->keys[1]);
	assert_ptr_equal(second->keys[1], keys);
	assert_ptr_equal(second->api_keys, api_keys);
	bud_trust_put_keys(trust, 1, NULL);
	bud_jwk_set_unref(keys);
	bud_api_keys_unref(api_keys);
	assert_int_equal(bud_jwk_set_count(second->keys[1]), 1);
	bud_trust_set_unref(first);
	bud_trust_set_unref(second);
	bud_trust_set_unref(NULL);
	bud_trust_destroy(trust);
	bud_trust_destroy(NULL);
}

static void test_wishes(void **state)
{
	struct bud_trust *trust = bud_trust_create(issuers);
	bool is_fresh = false;
	uint64_t first, second;

	(void)state;
	assert_int_equal(bud_trust_wanted(trust, 1), 0);
	first = bud_trust_want(trust, 1);
	assert_false(bud_trust_is_answered(trust, 1, first, &is_fresh));
	assert_int_equal(bud_trust_wanted(trust, 1), first);
	assert_int_equal(bud_trust_wanted(trust, 0), 0);
	second = bud_trust_want(trust, 1); /* while it is fetched for the first */
	bud_trust_answer(trust, 1, first, true);
	assert_true(bud_trust_is_answered(trust, 1, first, &is_fresh));
	assert_true(is_fresh);
	assert_false(bud_trust_is_answered(trust, 1, second, &is_fresh));
	bud_trust_answer(trust, 1, second, false);
	assert_true(bud_trust_is_answered(trust, 1, second, &is_fresh));
	assert_false(is_fresh);
	assert_int_equal(bud_trust_wanted(trust, 1), 0);
	bud_trust_destroy(trust);
}

static struct bud_issuers *parse(const char *json)
{
	struct bud_issuers *parsed = NULL;

	assert_int_equal(bud_issuers_parse(bud_span(json), false, &parsed, NULL), 0);
	return parsed;
}

/* Those that stay keep their keys, wherever they stand; who was there before goes with the last set
 * that knows it; nobody waits for an answer that cannot come. */
static void test_other_issuers(void **state)
{
	struct bud_trust *trust = bud_trust_create(issuers);
	struct bud_jwk_set *keys = make_keys();
	struct bud_issuers *others =
		parse("{\"issuers\":[{\"issuer\":\"c\",\"jwks_uri\":\"https://c/\"},"
		      "{\"issuer\":\"a\",\"jwks_uri\":\"https://a/\"},"
		      "{\"issuer\":\"b\",\"jwks_uri\":\"https://b/\"}]}");
	struct bud_issuers *moved =
		parse("{\"issuers\":[{\"issuer\":\"b\",\"jwks_uri\":\"https://b.example/\"}]}");
	const struct bud_trust_set *first, *second;
	bool is_fresh = true;
	uint64_t ticket;

	(void)state;
	bud_trust_put_keys(trust, 1, keys);
	first = bud_trust_take(trust);
	ticket = bud_trust_want(trust, 1);
	assert_false(bud_trust_put_offered(trust));
	bud_trust_offer_issuers(trust, moved);
	bud_trust_offer_issuers(trust, others); /* the last one counts */
	bud_issuers_unref(others);
	assert_true(bud_trust_put_offered(trust));
	assert_false(bud_trust_put_offered(trust));
	assert_true(bud_trust_is_answered(trust, 1, ticket, &is_fresh));
	assert_false(is_fresh);
	second = bud_trust_take(trust);
	assert_true(second->generation > first->generation);
	assert_null(second->keys[0]);
	assert_null(second->keys[1]); /* they were given; now they are fetched */
	assert_ptr_equal(second->keys[2], keys);
	assert_string_equal(first->issuers->at[0].name, "a");
	bud_trust_set_unref(first);
	/* The same name, and its keys elsewhere: those it had say nothing. */
	bud_trust_offer_issuers(trust, moved);
	bud_issuers_unref(moved);
	assert_true(bud_trust_put_offered(trust));
	assert_string_equal(second->issuers->at[2].name, "b");
	bud_trust_set_unref(second);
	first = bud_trust_take(trust);
	assert_null(first->keys[0]);
	assert_null(first->keys[2]);
	bud_trust_set_unref(first);
	bud_jwk_set_unref(keys);
	bud_trust_destroy(trust);
}

struct reading {
	struct bud_trust *trust;
	atomic_bool is_over;
};

static void *read_on(void *owner)
{
	struct reading *reading = owner;
	uint64_t before = 0;

	while (!atomic_load(&reading->is_over)) {
		const struct bud_trust_set *set = bud_trust_take(reading->trust);
		assert(set->generation >= before && bud_jwk_set_count(set->keys[0]) == 1);
		assert(set->issuers->n == 2);
		before = set->generation;
		(void)bud_trust_want(reading->trust, 1);
		bud_trust_set_unref(set);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct reading reading = {.trust = bud_trust_create(issuers)};
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, read_on, &reading);
	for (int i = 0; i < ROUNDS; i++) {
		struct bud_jwk_set *keys = make_keys();
		bud_trust_put_keys(reading.trust, 0, keys);
		bud_jwk_set_unref(keys);
		bud_trust_offer_issuers(reading.trust, issuers);
		(void)bud_trust_put_offered(reading.trust);
		bud_trust_answer(reading.trust, 1, bud_trust_wanted(reading.trust, 1), true);
	}
	atomic_store(&reading.is_over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	bud_trust_destroy(reading.trust);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_other_issuers),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
