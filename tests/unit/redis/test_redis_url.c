/* Every form of a Redis' place is read into its parts, every other is refused in words that never
 * show the password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>
#include "core/error.h"
#include "core/text.h"
#include "redis/url.h"

static void assert_text(const char *actual, const char *expected)
{
	if (!expected)
		assert_null(actual);
	else
		assert_string_equal(actual, expected);
}

static void test_good(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct bud_redis_url url;
		const char *written;
	} cases[] = {
		{"unix:/run/redis.sock", {.unix_path = "/run/redis.sock"}, "unix:/run/redis.sock"},
		{"unix:data/redis.sock", {.unix_path = "data/redis.sock"}, "unix:data/redis.sock"},
		{"redis://one", {.host = "one", .port = 6379}, "redis://one:6379"},
		{"redis://one:1/", {.host = "one", .port = 1}, "redis://one:1"},
		{"redis://10.0.0.1:65535/15", {.host = "10.0.0.1", .port = 65535, .db = 15},
			"redis://10.0.0.1:65535/15"},
		{"redis://[::1]:7000", {.host = "::1", .port = 7000}, "redis://[::1]:7000"},
		{"redis://[fd00::2]", {.host = "fd00::2", .port = 6379}, "redis://[fd00::2]:6379"},
		{"redis://:s%40%2Fx@h/2", {.host = "h", .port = 6379, .password = "s@/x", .db = 2},
			"redis://h:6379/2"},
		{"redis://me:a:b@h:1", {.host = "h", .port = 1, .user = "me", .password = "a:b"},
			"redis://h:1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_redis_url url;
		struct bud_redis_url copy;
		struct bud_error error = {0};
		assert_int_equal(bud_redis_url_parse(cases[i].text, &url, &error), 0);
		bud_redis_url_copy(&url, &copy);
		bud_redis_url_finish(&url);
		assert_text(copy.unix_path, cases[i].url.unix_path);
		assert_text(copy.host, cases[i].url.host);
		assert_text(copy.user, cases[i].url.user);
		assert_text(copy.password, cases[i].url.password);
		assert_int_equal(copy.port, cases[i].url.port);
		assert_int_equal(copy.db, cases[i].url.db);
		struct bud_buffer written = {0};
		bud_redis_url_write(&copy, &written);
		assert_string_equal(written.at, cases[i].written);
		bud_buffer_finish(&written);
		bud_redis_url_finish(&copy);
	}
}

static void test_bad(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"localhost:6379",
		"rediss://secret@h",
		"unix:",
		"redis://",
		"redis://:6379",
		"redis://h:0",
		"redis://h:65536",
		"redis://h:x",
		"redis://h:",
		"redis://h:1/x",
		"redis://h/-1",
		"redis://[::1",
		"redis://[::1]6379",
		"redis://secret@h",
		"redis://u:secret%zz@h",
		"redis://u:secret%00@h",
		"redis://u:secret%4@h",
		"redis://a b",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_redis_url url = {.port = 77};
		struct bud_error error = {0};
		assert_int_equal(bud_redis_url_parse(cases[i], &url, &error), -EINVAL);
		assert_true(strlen(error.text) > 10);
		assert_null(strstr(error.text, "secret"));
		assert_int_equal(url.port, 77);
		assert_null(url.host);
	}
}

static void test_long_socket(void **state)
{
	(void)state;
	char text[200] = "unix:/";
	struct bud_redis_url url;
	struct bud_error error = {0};
	memset(text + 6, 'a', 106);
	assert_int_equal(bud_redis_url_parse(text, &url, &error), 0);
	bud_redis_url_finish(&url);
	text[112] = 'a';
	assert_int_equal(bud_redis_url_parse(text, &url, &error), -EINVAL);
	assert_non_null(strstr(error.text, "108 bytes, the system allows 107"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
