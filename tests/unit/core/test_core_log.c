/* A fact must be one line whatever its values hold: quoted as the form needs, above the level
 * silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

static char line[1000];

/* Runs the expression and puts what it wrote to stderr into `line`, without its time. */
#define CATCH(expression)                                                                          \
	do {                                                                                       \
		int kept_ = start_catching();                                                      \
		expression;                                                                        \
		stop_catching(kept_);                                                              \
	} while (0)

static int catching[2];

static int start_catching(void)
{
	int kept = dup(STDERR_FILENO);

	assert_int_equal(pipe(catching), 0);
	dup2(catching[1], STDERR_FILENO);
	close(catching[1]);
	return kept;
}

static void stop_catching(int kept)
{
	ssize_t len;
	char *from;
	char *to;

	dup2(kept, STDERR_FILENO); /* closes the last writing end */
	close(kept);
	len = read(catching[0], line, sizeof(line) - 1);
	close(catching[0]);
	line[len > 0 ? len : 0] = '\0';
	from = strstr(line, "20"); /* 2026-11-22T02:45:00.123Z */
	to = from ? strchr(from, 'Z') : NULL;
	if (to) {
		assert_int_equal(to - from, 23);
		memmove(from, to + 1, strlen(to + 1) + 1);
	}
}

static void test_key_value(void **state)
{
	(void)state;
	bud_log_init(BUD_LOG_INFO, false);
	CATCH(bud_log_info("started", "node", "a-1", "n", bud_log_number(-42)));
	assert_string_equal(line, "time= level=info msg=started node=a-1 n=-42\n");
	CATCH(bud_log_error(
		"two words", "a", "x=y", "b", "", "c", NULL, "d", "q\"\\", "e", "\n\x1b["));
	assert_string_equal(line, "time= level=error msg=\"two words\" a=\"x=y\" b=\"\" c=\"\" "
				  "d=\"q\\\"\\\\\" e=\"\\u000a\\u001b[\"\n");
	CATCH(bud_log_warn("w", "a", "\xff", "b", "blå"));
	assert_string_equal(line, "time= level=warn msg=w a=\"(not UTF-8)\" b=\"blå\"\n");
}

static void test_json(void **state)
{
	(void)state;
	bud_log_init(BUD_LOG_INFO, true);
	CATCH(bud_log_info("two words", "a", "q\"", "b", NULL, "c", "\n", "d", "\xc0"));
	assert_string_equal(line,
		"{\"time\":\"\",\"level\":\"info\",\"msg\":\"two words\","
		"\"a\":\"q\\\"\",\"b\":\"\",\"c\":\"\\u000a\",\"d\":\"(not UTF-8)\"}\n");
	CATCH(bud_log_info("alone"));
	assert_string_equal(line, "{\"time\":\"\",\"level\":\"info\",\"msg\":\"alone\"}\n");
}

static void test_levels(void **state)
{
	(void)state;
	for (int level = BUD_LOG_ERROR; level <= BUD_LOG_DEBUG; level++) {
		bud_log_init((enum bud_log_level)level, false);
		for (int its = BUD_LOG_ERROR; its <= BUD_LOG_DEBUG; its++) {
			assert_int_equal(bud_log_is_on((enum bud_log_level)its), its <= level);
			CATCH(bud_log((enum bud_log_level)its, "m", NULL));
			assert_int_equal(line[0] != '\0', its <= level);
		}
	}
}

static void test_numbers(void **state)
{
	(void)state;
	assert_string_equal(bud_log_number(0), "0");
	assert_string_equal(bud_log_number(INT64_MIN), "-9223372036854775808");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_value),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
