/* The server's public keys over HTTP: a JWK set that may be cached and shows nothing private; a
 * rotation shows the new key first, and the former as its overlap says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include "api_rig.h"

static const char *member(size_t i, const char *name)
{
	const json_t *key = json_array_get(json_object_get(answer.body, "keys"), i);
	const char *text = json_string_value(json_object_get(key, name));

	return text ? text : "";
}

static size_t keys_n(void)
{
	return json_array_size(json_object_get(answer.body, "keys"));
}

static void test_jwks(void **state)
{
	(void)state;
	assert_int_equal(api_ask("GET /.well-known/jwks.json", NULL), 200);
	assert_string_equal(api_field(&answer, "Content-Type"), "application/jwk-set+json");
	assert_string_equal(api_field(&answer, "Cache-Control"), "max-age=300");
	assert_int_equal(keys_n(), 1);
	assert_string_equal(member(0, "kty"), "OKP");
	assert_string_equal(member(0, "crv"), "Ed25519");
	assert_int_equal(strlen(member(0, "kid")), 43);
	assert_int_equal(strlen(member(0, "x")), 43);
	assert_string_equal(member(0, "d"), "");
	assert_null(strstr(answer.text, "whsk_"));
}

static void test_rotate(void **state)
{
	char first[64], second[64];

	(void)state;
	assert_int_equal(api_ask("GET /keys", NULL), 200);
	assert_int_equal(keys_n(), 1);
	assert_string_equal(member(0, "state"), "current");
	assert_int_equal(strncmp(member(0, "public_key"), "whpk_", 5), 0);
	snprintf(first, sizeof(first), "%s", member(0, "kid"));
	assert_int_equal(api_ask("POST /keys/rotate", NULL), 200);
	assert_int_equal(keys_n(), 2);
	snprintf(second, sizeof(second), "%s", member(0, "kid"));
	assert_string_not_equal(first, second);
	assert_string_equal(member(0, "state"), "current");
	assert_string_equal(member(1, "kid"), first);
	assert_string_equal(member(1, "state"), "signing");
	assert_null(strstr(answer.text, "whsk_"));
	/* At once: receivers still find the former. */
	assert_int_equal(api_ask("POST /keys/rotate", "{\"overlap_s\":0}"), 200);
	assert_int_equal(keys_n(), 3);
	assert_string_equal(member(1, "kid"), first);
	assert_string_equal(member(1, "state"), "signing");
	assert_string_equal(member(2, "kid"), second);
	assert_string_equal(member(2, "state"), "published");
	assert_int_equal(api_ask("GET /.well-known/jwks.json", NULL), 200);
	assert_int_equal(keys_n(), 3);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(api_ask("POST /keys/rotate", "{\"overlap_s\":-1}"), 400);
	assert_int_equal(api_ask("POST /keys/rotate", "{\"overlap_s\":2592001}"), 400);
	assert_string_equal(api_text(&answer, "member"), "overlap_s");
	assert_int_equal(api_ask("POST /keys/rotate", "{\"overlap\":1}"), 400);
	assert_int_equal(api_ask("GET /keys", NULL), 200);
	assert_int_equal(keys_n(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwks),
		cmocka_unit_test(test_rotate),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, api_start, api_finish);
}
