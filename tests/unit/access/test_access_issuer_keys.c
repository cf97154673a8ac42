/* What issuers say beside their keys: how long they are fresh, and where they are, but only in
 * their own name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "access/issuer_keys.h"

static void test_max_age(void **state)
{
	static const struct {
		const char *head;
		int64_t seconds;
	} cases[] = {
		{"", -1},
		{"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\n\r\n", 300},
		{"cache-control:public,MAX-AGE=0\r\n", 0},
		{"Cache-Control: public, max-age=86400, immutable\r\n", 86400},
		{"Cache-Control: no-store\r\nCache-Control: max-age=7\r\n", 7},
		{"Cache-Control: s-maxage=5\r\n", -1},
		{"Cache-Control: max-age=-5\r\n", -1},
		{"Cache-Control: max-age=x\r\n", -1},
		{"Cache-Control: max-age=99999999999999999999\r\n", -1},
		{"X-Cache-Control: max-age=5\r\n", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(bud_max_age_read(bud_span(cases[i].head)), cases[i].seconds);
}

static void test_discovery(void **state)
{
	static const char *const bad[] = {"", "{}", "[]", "{\"jwks_uri\":\"https://i/k\"}",
		"{\"issuer\":\"https://i/\"}",
		"{\"issuer\":\"https://i\",\"jwks_uri\":\"https://i/k\"}",
		"{\"issuer\":\"https://evil/\",\"jwks_uri\":\"https://i/k\"}",
		"{\"issuer\":[\"https://i/\"],\"jwks_uri\":\"https://i/k\"}",
		"{\"issuer\":\"https://i/\",\"jwks_uri\":7}"};
	char *uri = bud_discovery_read(
		bud_span("{\"issuer\":\"https://i/\",\"jwks_uri\":\"https://i/k\",\"more\":{}}"),
		"https://i/");

	(void)state;
	assert_string_equal(uri, "https://i/k");
	free(uri);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(bud_discovery_read(bud_span(bad[i]), "https://i/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_age),
		cmocka_unit_test(test_discovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
