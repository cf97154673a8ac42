/* A JWK set must give the one key that a token's kid and algorithm name, tell a key that is not
 * there from one that does not suit, and leave out each key that cannot or must not verify, without
 * losing the others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/jwk.h"
#include "issuer.h"

static struct test_key *rsa, *p256, *ed25519;

static int start(void **state)
{
	(void)state;
	rsa = test_key_create(BUD_JWS_RS256, "one");
	p256 = test_key_create(BUD_JWS_ES256, "two");
	ed25519 = test_key_create(BUD_JWS_EDDSA, "three");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	test_key_destroy(rsa);
	test_key_destroy(p256);
	test_key_destroy(ed25519);
	return 0;
}

static enum bud_jwk_choice choose(
	const struct bud_jwk_set *set, const char *kid, enum bud_jws_algorithm algorithm)
{
	const struct bud_jwk *key = NULL;
	struct bud_span name = {kid, kid ? strlen(kid) : 0};
	enum bud_jwk_choice choice = bud_jwk_set_choose(set, name, algorithm, &key);

	assert_int_equal(key != NULL, choice == BUD_JWK_FOUND);
	return choice;
}

static struct bud_jwk_set *parse(const char *json)
{
	struct bud_jwk_set *set = NULL;

	assert_int_equal(bud_jwk_set_parse(bud_span(json), &set, NULL), 0);
	return set;
}

static void test_choosing(void **state)
{
	struct test_key *keys[] = {rsa, p256, ed25519};
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_jwk_set *set, *again;

	(void)state;
	test_keys_write_set(keys, 3, &json);
	set = parse(json.at);
	assert_int_equal(bud_jwk_set_count(set), 3);
	assert_int_equal(choose(set, "one", BUD_JWS_RS256), BUD_JWK_FOUND);
	assert_int_equal(choose(set, "one", BUD_JWS_PS256), BUD_JWK_FOUND);
	assert_int_equal(choose(set, "two", BUD_JWS_ES256), BUD_JWK_FOUND);
	assert_int_equal(choose(set, "three", BUD_JWS_EDDSA), BUD_JWK_FOUND);
	assert_int_equal(choose(set, "one", BUD_JWS_ES256), BUD_JWK_UNSUITABLE);
	assert_int_equal(choose(set, "two", BUD_JWS_EDDSA), BUD_JWK_UNSUITABLE);
	assert_int_equal(choose(set, "four", BUD_JWS_RS256), BUD_JWK_UNKNOWN);
	assert_int_equal(choose(set, "", BUD_JWS_RS256), BUD_JWK_UNKNOWN);
	assert_int_equal(choose(set, "One", BUD_JWS_RS256), BUD_JWK_UNKNOWN);
	/* One of each kind: a token without kid is clear about which. */
	assert_int_equal(choose(set, NULL, BUD_JWS_RS256), BUD_JWK_FOUND);
	again = parse(json.at);
	assert_int_not_equal(bud_jwk_set_serial(set), bud_jwk_set_serial(again));
	bud_jwk_set_unref(again);
	assert_ptr_equal(bud_jwk_set_ref(set), set);
	bud_jwk_set_unref(set);
	bud_jwk_set_unref(set);
	bud_jwk_set_unref(NULL);
}

static void test_two_of_a_kind(void **state)
{
	struct test_key *keys[] = {rsa, rsa};
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_jwk_set *set;

	(void)state;
	test_keys_write_set(keys, 2, &json);
	set = parse(json.at);
	assert_int_equal(choose(set, NULL, BUD_JWS_RS256), BUD_JWK_UNSUITABLE);
	bud_jwk_set_unref(set);
}

/* The key's own words bind it. */
static void test_members_that_bind(void **state)
{
	static const struct {
		const char *more;
		bool is_usable;
	} cases[] = {
		{"", true},
		{",\"alg\":\"RS256\"", true},
		{",\"alg\":\"RS512\"", false}, /* there, but not for RS256 */
		{",\"key_ops\":[\"verify\"]", true},
		{",\"key_ops\":[\"sign\",\"verify\"]", true},
		{",\"x5c\":[\"MII\"],\"x5t\":\"abc\",\"unknown\":{}", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer json = {0};
		struct bud_jwk_set *set;
		bud_buffer_text(&json, "{\"keys\":[");
		test_key_write_jwk(rsa, cases[i].more, &json);
		bud_buffer_text(&json, "]}");
		set = parse(json.at);
		assert_int_equal(choose(set, "one", BUD_JWS_RS256),
			cases[i].is_usable ? BUD_JWK_FOUND : BUD_JWK_UNSUITABLE);
		bud_jwk_set_unref(set);
	}
}

static void write_without_use(struct test_key *key, const char *with, struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer jwk = {0};
	char *use;

	test_key_write_jwk(key, "", &jwk);
	use = strstr(jwk.at, "\"use\":\"sig\"");
	assert_non_null(use);
	bud_buffer_add(out, jwk.at, (size_t)(use - jwk.at));
	bud_buffer_text(out, with);
	bud_buffer_text(out, use + strlen("\"use\":\"sig\""));
}

/* Each beside one good key, which must stay. */
static void test_keys_left_out(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"7",
		"{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\",\"kid\":\"x\"}",
		("{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"x\","
		 "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
		 "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"),
		("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"x\","
		 "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"),
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\",\"kid\":\"x\"}",
		"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"kid\":\"x\"}",
		"{\"kty\":\"RSA\",\"n\":\"!!\",\"e\":\"AQAB\",\"kid\":\"x\"}",
		"{\"kty\":\"RSA\",\"n\":5,\"e\":\"AQAB\",\"kid\":\"x\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bud_auto(buffer) struct bud_buffer json = {0};
		struct bud_jwk_set *set;
		bud_buffer_format(&json, "{\"keys\":[%s,", bad[i]);
		test_key_write_jwk(p256, "", &json);
		bud_buffer_text(&json, "]}");
		set = parse(json.at);
		assert_int_equal(bud_jwk_set_count(set), 1);
		assert_int_equal(choose(set, "two", BUD_JWS_ES256), BUD_JWK_FOUND);
		bud_jwk_set_unref(set);
	}
}

static void check_unusable(struct test_key *key, const char *with)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_jwk_set *set = NULL;
	struct bud_error error;

	bud_buffer_text(&json, "{\"keys\":[");
	write_without_use(key, with, &json);
	bud_buffer_text(&json, "]}");
	assert_int_equal(bud_jwk_set_parse(bud_buffer_as_span(&json), &set, &error), -EINVAL);
	assert_null(set);
}

static void test_sets_without_a_usable_key(void **state)
{
	struct test_key *small = test_key_create_rsa(1024, "small");
	static const char *const none[] = {"", "{", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}",
		"{\"keys\":[],\"keys\":[]}", "null"};
	struct bud_jwk_set *set = NULL;

	(void)state;
	check_unusable(rsa, "\"use\":\"enc\"");
	check_unusable(rsa, "\"use\":7");
	check_unusable(rsa, "\"key_ops\":[\"encrypt\"]");
	check_unusable(rsa, "\"d\":\"AQAB\"");
	check_unusable(rsa, "\"alg\":\"HS256\"");
	check_unusable(rsa, "\"alg\":\"ES256\"");
	check_unusable(small, "\"use\":\"sig\"");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(bud_jwk_set_parse(bud_span(none[i]), &set, NULL), -EINVAL);
	test_key_destroy(small);
}

static void test_many_keys_are_bounded(void **state)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_jwk_set *set;

	(void)state;
	bud_buffer_text(&json, "{\"keys\":[");
	for (int i = 0; i < BUD_JWK_KEYS_MAX + 10; i++) {
		bud_buffer_text(&json, i > 0 ? "," : "");
		test_key_write_jwk(ed25519, "", &json);
	}
	bud_buffer_text(&json, "]}");
	set = parse(json.at);
	assert_int_equal(bud_jwk_set_count(set), BUD_JWK_KEYS_MAX);
	bud_jwk_set_unref(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choosing),
		cmocka_unit_test(test_two_of_a_kind),
		cmocka_unit_test(test_members_that_bind),
		cmocka_unit_test(test_keys_left_out),
		cmocka_unit_test(test_sets_without_a_usable_key),
		cmocka_unit_test(test_many_keys_are_bounded),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
