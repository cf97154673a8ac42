/* The table must be sound: keys unlike each other in every spelling, defaults that parse and come
 * back as they stand, a sentence each; and the nearest key must be the one people meant. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/settings.h"
#include "config/value.h"

static void test_rows(void **state)
{
	struct bud_config config = {0};

	(void)state;
	for (int i = 0; i < BUD_SETTINGS; i++) {
		const struct bud_setting *setting = &bud_settings[i];
		bud_auto(buffer) struct bud_buffer text = {0};
		size_t len = strlen(setting->sentence);
		assert_int_equal(bud_setting_find(bud_span(setting->key)), i);
		assert_true(len > 20 && setting->sentence[len - 1] == '.');
		assert_int_equal(
			bud_value_parse(setting, bud_span(setting->standard), &config, NULL), 0);
		bud_buffer_text(&text, "");
		bud_value_write(setting, &config, &text);
		assert_string_equal(text.at, setting->standard);
	}
}

static void test_variables_differ(void **state)
{
	char one[BUD_SETTING_VARIABLE_BYTES];
	char other[BUD_SETTING_VARIABLE_BYTES];

	(void)state;
	for (int i = 0; i < BUD_SETTINGS; i++) {
		bud_setting_write_variable(bud_settings[i].key, one);
		assert_true(strlen(one) < BUD_SETTING_VARIABLE_BYTES - 1);
		for (int k = i + 1; k < BUD_SETTINGS; k++) {
			bud_setting_write_variable(bud_settings[k].key, other);
			assert_string_not_equal(one, other);
		}
	}
	bud_setting_write_variable("server.listen", one);
	assert_string_equal(one, "BUDSTIKKE_SERVER_LISTEN");
	bud_setting_write_variable("workers", one);
	assert_string_equal(one, "BUDSTIKKE_WORKERS");
}

static void test_suggestions(void **state)
{
	static const char *const pairs[][2] = {{"server.lisen", "server.listen"},
		{"server.lissten", "server.listen"}, {"server_listen", "server.listen"},
		{"worker", "workers"}, {"server.workers", "workers"}, {"data_dir", "data.dir"},
		{"retry_schedule_s", "delivery.retry_schedule_s"},
		{"delivery.timeout", "delivery.timeout_ms"}, {"redis.uri", "redis.url"},
		{"log.fromat", "log.format"}};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *suggestion = bud_setting_suggest(bud_span(pairs[i][0]));
		if (!suggestion || strcmp(suggestion, pairs[i][1]) != 0)
			fail_msg("%s: suggested %s", pairs[i][0],
				suggestion ? suggestion : "nothing");
	}
	assert_null(bud_setting_suggest(bud_span("zzzzzzzzzzzz")));
	assert_null(bud_setting_suggest(bud_span("")));
	assert_int_equal(bud_setting_find(bud_span("server.lisen")), -ENOENT);
	assert_int_equal(bud_setting_find(bud_span("")), -ENOENT);
}

static void test_a_long_key(void **state)
{
	char key[300];

	(void)state;
	memset(key, 'x', sizeof(key));
	assert_null(bud_setting_suggest((struct bud_span){key, sizeof(key)}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_variables_differ),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_a_long_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
