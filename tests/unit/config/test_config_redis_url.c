/* A Redis URL must come apart as RFC 3986 says, and never be written or refused with its password.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/redis_url.h"

static struct bud_redis_url parse(const char *text)
{
	struct bud_redis_url url;
	struct bud_error error = {0};

	if (bud_redis_url_parse(bud_span(text), &url, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return url;
}

static void check_written(const char *text, const char *expected)
{
	struct bud_redis_url url = parse(text);
	bud_auto(buffer) struct bud_buffer out = {0};

	bud_buffer_text(&out, "");
	bud_redis_url_write(&url, &out);
	assert_string_equal(out.at, expected);
}

static void test_parts(void **state)
{
	struct bud_redis_url url = parse("redis://me:p%40s%3As%2F@db.example:7000/3");

	(void)state;
	assert_string_equal(url.user, "me");
	assert_string_equal(url.password, "p@s:s/");
	assert_string_equal(url.host, "db.example");
	assert_int_equal(url.port, 7000);
	assert_int_equal(url.database, 3);
	assert_string_equal(url.path, "");
	assert_false(bud_redis_url_is_embedded(&url));
	url = parse("redis://[2001:db8::1]");
	assert_string_equal(url.host, "2001:db8::1");
	assert_int_equal(url.port, 6379);
	url = parse("redis://:only@h");
	assert_string_equal(url.user, "");
	assert_string_equal(url.password, "only");
	url = parse("redis://u:a@b@h:1");
	assert_string_equal(url.password, "a@b");
	assert_string_equal(url.host, "h");
}

static void test_unix(void **state)
{
	struct bud_redis_url url = parse("unix:/run/redis.sock");

	(void)state;
	assert_string_equal(url.path, "/run/redis.sock");
	assert_string_equal(url.host, "");
	assert_false(bud_redis_url_is_embedded(&url));
	url = parse("unix:///run/redis.sock");
	assert_string_equal(url.path, "/run/redis.sock");
	url = parse("unix:redis.sock");
	assert_string_equal(url.path, "redis.sock");
}

static void test_nothing_is_the_embedded_one(void **state)
{
	struct bud_redis_url url = parse("");

	(void)state;
	assert_true(bud_redis_url_is_embedded(&url));
}

static void test_written_without_password(void **state)
{
	(void)state;
	check_written("", "");
	check_written("unix:/a/b", "unix:/a/b");
	check_written("redis://h", "redis://h:6379");
	check_written("REDIS://h:1/0", "redis://h:1");
	check_written("redis://[::1]:5/2", "redis://[::1]:5/2");
	check_written("redis://me%2F:secret@h:1", "redis://me%2F:***@h:1");
	check_written("redis://:secret@h:1", "redis://:***@h:1");
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"redis:", "redis://", "redis:/h", "redis://:80",
		"h:6379", "rediss://u:hemmelig@h", "http://u:hemmelig@h", "redis://u:hemmelig@",
		"redis://h:0", "redis://h:65536", "redis://h:x", "redis://h/x", "redis://h/9999",
		"redis://u:@h", "redis://hemmelig@h", "redis://u:hemmelig%4@h",
		"redis://u:hemmelig%00@h", "redis://u:hemmelig%zz@h", "redis://[::1",
		"redis://[::1]x:1", "redis://a b", "unix:", "unix://", "redis://u:***@h"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct bud_redis_url url = {.port = 7};
		struct bud_error error = {0};
		if (bud_redis_url_parse(bud_span(texts[i]), &url, &error) != -EINVAL)
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(url.port, 7);
		assert_true(strlen(error.text) > 10);
		assert_null(strstr(error.text, "hemmelig"));
	}
}

static void test_too_long(void **state)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_redis_url url;

	(void)state;
	bud_buffer_text(&text, "unix:/");
	while (text.len < strlen("unix:") + 107)
		bud_buffer_byte(&text, 'x');
	assert_int_equal(bud_redis_url_parse(bud_buffer_as_span(&text), &url, NULL), 0);
	assert_int_equal(strlen(url.path), 107);
	bud_buffer_byte(&text, 'x');
	assert_int_equal(bud_redis_url_parse(bud_buffer_as_span(&text), &url, NULL), -EINVAL);
	bud_buffer_clear(&text);
	bud_buffer_text(&text, "redis://");
	for (size_t i = 0; i < 254; i++)
		bud_buffer_byte(&text, 'x');
	assert_int_equal(bud_redis_url_parse(bud_buffer_as_span(&text), &url, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_nothing_is_the_embedded_one),
		cmocka_unit_test(test_written_without_password),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
