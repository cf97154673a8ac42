/* A Redis may carry events only if it is a loaded master of a known version that evicts nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/error.h"
#include "redis/info.h"

#define TAIL "loading:0\r\nrole:master\r\nmaxmemory:1\r\nmaxmemory_policy:noeviction\r\n"

static void test_check(void **state)
{
	(void)state;
	static const struct {
		const char *info;
		const char *fault; /* NULL: fine */
	} cases[] = {
		{"# Server\r\nredis_version:7.0.15\r\n" TAIL, NULL},
		{"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n" TAIL,
			NULL},
		{"redis_version:10.0.0\n" TAIL, NULL},
		{"redis_version:6.2.14\r\n" TAIL, "Redis is version 6.2.14; 7.0"},
		{"redis_version:255.255.255\r\n" TAIL, NULL},
		{"redis_version:7.2.4\r\nvalkey_version:7.1.9\r\n" TAIL, "Valkey is version 7.1.9"},
		{"redis_version:what\r\n" TAIL, "version"},
		{TAIL, "does not tell its version"},
		{"", "does not tell its version"},
		{"redis_version:7.0.0\r\nloading:1\r\nrole:master\r\n", "loading"},
		{"redis_version:7.0.0\r\nloading:0\r\nrole:slave\r\n", "replica"},
		{"redis_version:7.0.0\r\nloading:0\r\n", "replica"},
		{"redis_version:7.0.0\r\nrole:master\r\n", "maxmemory-policy"},
		{"redis_version:7.0.0\r\nrole:master\r\nmaxmemory:0\r\n"
		 "maxmemory_policy:allkeys-lru\r\n",
			NULL},
		{"redis_version:7.0.0\r\nrole:master\r\nmaxmemory:5\r\n"
		 "maxmemory_policy:volatile-ttl\r\n",
			"maxmemory-policy is volatile-ttl"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_error error = {0};
		int r = bud_redis_info_check(bud_span(cases[i].info), &error);
		if (!cases[i].fault) {
			assert_string_equal(error.text, "");
			assert_int_equal(r, 0);
			continue;
		}
		assert_true(r < 0);
		assert_non_null(strstr(error.text, cases[i].fault));
	}
}

static void test_find(void **state)
{
	(void)state;
	struct bud_span info = bud_span("# Memory\r\nmaxmemory_human:0B\r\nmaxmemory:12\r\nx:\n");
	struct bud_span value;
	assert_true(bud_redis_info_find(info, "maxmemory", &value));
	assert_true(bud_span_is(value, "12"));
	assert_true(bud_redis_info_find(info, "x", &value));
	assert_int_equal(value.len, 0);
	assert_false(bud_redis_info_find(info, "memory", &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_find),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
