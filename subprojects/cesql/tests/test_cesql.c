/* What the header promises beside the values of cases.txt: limits, places of faults, time in
 * proportion to the text, threads. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cases.h"
#include "compile.h"

/* `before` n times, then `middle`, then `after` n times. */
static char *nest(const char *before, const char *middle, const char *after, size_t n)
{
	char *text = calloc(1, n * (strlen(before) + strlen(after)) + strlen(middle) + 1);
	char *at = text;

	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, before);
	at = stpcpy(at, middle);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, after);
	return text;
}

static int result_of(char *text, const struct cesql_limits *limits, struct cesql_fault *fault)
{
	struct cesql_expression *expression = NULL;
	int result = cesql_compile(text, strlen(text), limits, &expression, fault);

	cesql_destroy(expression);
	free(text);
	return result;
}

/* Whatever contains an expression counts; a chain of operators does not, however long. */
static void depth(void **state)
{
	static const char *const ways[][3] = {{"(", "1", ")"}, {"NOT ", "yes", ""}, {"- ", "n", ""},
		{"ABS(", "1", ")"}, {"CONCAT(", "", ")"}, {"1 IN (", "1", ")"}, {"1 + (", "1", ")"},
		{"yes AND (", "yes", ")"}, {"yes XOR 1 = 2 + 3 * (", "n", ")"},
		{"SUBSTRING(n, 1, ", "n", ")"}, {"CONCAT_WS('-', n, ", "n", ")"}};
	struct cesql_limits limits = {.depth_max = 3};
	struct cesql_fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const char *const *way = ways[i];
		size_t inside = way[1][0] == '\0'; /* CONCAT() needs no level for what it lacks */
		assert_int_equal(
			result_of(nest(way[0], way[1], way[2], 3 + inside), &limits, NULL), 0);
		assert_int_equal(
			result_of(nest(way[0], way[1], way[2], 4 + inside), &limits, &fault),
			-E2BIG);
		assert_non_null(strstr(fault.message, "more than 3"));
		assert_int_equal(
			result_of(nest(way[0], way[1], way[2], CESQL_DEPTH_MAX), NULL, NULL), 0);
		assert_int_equal(
			result_of(nest(way[0], way[1], way[2], CESQL_DEPTH_MAX + 1 + inside), NULL,
				NULL),
			-E2BIG);
	}
	/* Beside each other they are not deep. */
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char *once = nest(ways[i][0], ways[i][1], ways[i][2], 2);
		char *often = nest("yes AND ", once, "", 0);
		free(once);
		for (size_t k = 0; k < 6; k++) {
			char *twice = nest(often, " AND ", often, 1);
			free(often);
			often = twice;
		}
		assert_int_equal(result_of(often, &limits, NULL), 0);
	}
	limits.depth_max = 1;
	assert_int_equal(
		result_of(nest("yes AND n + 1 = 2 * 3 OR ", "no", "", 100), &limits, NULL), 0);
}

/* The deepest that can be evaluated needs the most of the stack. */
static void deepest(void **state)
{
	static const char *const ways[][3] = {{"no XOR 1 = 1 + 2 * SUBSTRING(7, 1, ", "1", ")"},
		{"no XOR 1 = 1 + 2 * CONCAT_WS(1, 2, ", "3", ")"},
		{"no XOR 1 = 1 + 2 * 1 IN (2, ", "3", ")"}};
	char scratch[CESQL_SCRATCH_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char *text = nest(ways[i][0], ways[i][1], ways[i][2], CESQL_DEPTH_MAX);
		struct cesql_expression *expression = compile(text);
		struct cesql_value value;
		cesql_evaluate(expression, &cases_event, scratch, sizeof(scratch), &value);
		assert_int_equal(value.type, CESQL_TYPE_BOOLEAN);
		cesql_destroy(expression);
		free(text);
	}
}

static void length(void **state)
{
	struct cesql_limits limits = {.length_max = 10};
	struct cesql_fault fault;

	(void)state;
	assert_int_equal(result_of(strdup("1234567+10"), &limits, NULL), 0);
	assert_int_equal(result_of(strdup("1234567+100"), &limits, &fault), -E2BIG);
	assert_int_equal(fault.offset, 10);
	assert_non_null(strstr(fault.message, "at most 10 bytes"));
	assert_int_equal(result_of(nest("", "'", "a", CESQL_LENGTH_MAX - 1), NULL, NULL), -EINVAL);
	assert_int_equal(result_of(nest(" ", "1", "", CESQL_LENGTH_MAX - 1), NULL, NULL), 0);
	assert_int_equal(result_of(nest(" ", "1", "", CESQL_LENGTH_MAX), NULL, NULL), -E2BIG);
	/* A limit cannot be raised. */
	limits.length_max = SIZE_MAX;
	assert_int_equal(result_of(nest(" ", "1", "", CESQL_LENGTH_MAX), &limits, NULL), -E2BIG);
}

static void set(void **state)
{
	struct cesql_limits limits = {.set_max = 2};
	struct cesql_fault fault;

	(void)state;
	assert_int_equal(result_of(strdup("n IN (1, 2)"), &limits, NULL), 0);
	assert_int_equal(result_of(strdup("n IN (1, 2, 3)"), &limits, &fault), -E2BIG);
	assert_int_equal(fault.offset, 12);
	assert_int_equal(result_of(nest("n IN (1", "", ",1", 1), &limits, NULL), -EINVAL);
	assert_int_equal(result_of(strdup("CONCAT(1, 2, 3)"), &limits, NULL), 0);
}

static void strict(void **state)
{
	static const struct {
		const char *text, *words;
		size_t offset;
	} cases[] = {
		{"TRUE AND FOO(1)", "no function `FOO`", 9},
		{"LEFT('abc')", "`LEFT` takes 2 arguments, not 1", 0},
		{"1 + length()", "`length` takes 1 argument, not 0", 4},
		{"SUBSTRING('a')", "takes 2 or 3 arguments", 0},
		{"CONCAT_WS()", "takes 1 or more arguments", 0},
		{"data = 'x'", "never its data", 0},
		{"EXISTS Data", "never its data", 7},
	};
	struct cesql_limits limits = {.is_strict = true};
	struct cesql_fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(result_of(strdup(cases[i].text), NULL, NULL), 0);
		assert_int_equal(result_of(strdup(cases[i].text), &limits, &fault), -EINVAL);
		assert_int_equal(fault.offset, cases[i].offset);
		if (!strstr(fault.message, cases[i].words))
			fail_msg("%s: %s", cases[i].text, fault.message);
	}
	assert_int_equal(result_of(strdup("CONCAT() = LEFT('a', 1)"), &limits, NULL), 0);
}

static void bad_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} cases[] = {{"'\xC3'", 1}, {"'a\xA0'", 2}, {"'\xC0\xAF'", 1}, {"'\xED\xA0\x80'", 1},
		{"'\xF4\x90\x80\x80'", 1}, {"'\xF0\x80\x80\xAF'", 1}, {"'\xE0\x9F\xBF'", 1},
		{"'\xF5\x80\x80\x80'", 1}, {"'ok' = '\xE6\x97'", 8}, {"\xFF", 0}};
	struct cesql_fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(result_of(strdup(cases[i].text), NULL, &fault), -EINVAL);
		assert_int_equal(fault.offset, cases[i].offset);
	}
	assert_int_equal(
		result_of(strdup("'\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEF\xBF\xBF'"), NULL, NULL), 0);
	/* A NUL is a character; it is none that an expression may have outside of texts. */
	struct cesql_expression *expression;
	assert_int_equal(cesql_compile("1\0", 2, NULL, &expression, &fault), -EINVAL);
	assert_int_equal(fault.offset, 1);
	assert_int_equal(cesql_compile("'a\0'", 4, NULL, &expression, NULL), 0);
	cesql_destroy(expression);
}

/* What was found is quoted without what a terminal might obey, and not cut within a character. */
static void messages(void **state)
{
	struct cesql_fault fault;

	(void)state;
	assert_int_equal(result_of(strdup("1 '\x1B[31mred'"), NULL, &fault), -EINVAL);
	assert_string_equal(fault.message, "expected an operator or the end, found `'?[31mred'`");
	for (size_t n = 0; n < 80; n++) {
		assert_int_equal(result_of(nest("", "1 'a", "æ", n), NULL, &fault), -EINVAL);
		char *text = nest("", "1 '", "日æ", n);
		text = realloc(text, strlen(text) + 2);
		strcat(text, "'");
		assert_int_equal(result_of(text, NULL, &fault), -EINVAL);
		/* A compiler of UTF-8 has the last word. */
		char quoted[sizeof(fault.message) + 3];
		snprintf(quoted, sizeof(quoted), "\"%s\"", fault.message);
		assert_int_equal(result_of(strdup(quoted), NULL, NULL), 0);
	}
}

static void names_of_errors(void **state)
{
	static const char *const names[] = {"", "parse", "math", "cast", "missingAttribute",
		"missingFunction", "functionEvaluation", "generic"};

	(void)state;
	for (int i = CESQL_ERROR_NONE; i <= CESQL_ERROR_GENERIC; i++)
		assert_string_equal(cesql_error_name((enum cesql_error)i), names[i]);
	assert_string_equal(cesql_version(), CESQL_VERSION);
}

static bool long_attribute(const void *event, struct cesql_text name, struct cesql_value *out_value)
{
	(void)name;
	out_value->type = CESQL_TYPE_STRING;
	out_value->string = *(const struct cesql_text *)event;
	return true;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Patterns that take a matcher that goes back for ever: a text of a megabyte is done in no time.
 * The limit is generous, for sanitizers and machines under load; going back would take hours. */
static void linear_time(void **state)
{
	size_t n = (size_t)1 << 20;
	char *text = nest("", "", "a", n);
	struct cesql_text value = {text, n};
	struct cesql_event event = {long_attribute, &value};
	static const char *const parts[] = {"a%", "a_%", "aaaaaaaa%", "_a_%", "%a_a_a_a_a_a_a_a%"};
	double began = seconds();

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *pattern = nest("", "x LIKE '%", parts[i], 200);
		pattern = realloc(pattern, strlen(pattern) + 3);
		strcat(pattern, "b'");
		struct cesql_expression *expression = compile(pattern);
		assert_false(cesql_passes(expression, &event, NULL, 0));
		cesql_destroy(expression);
		free(pattern);
	}
	/* The longest part with a _ that may be between two %. */
	char *part = nest("", "x LIKE '%_", "a", 255);
	part = realloc(part, strlen(part) + 4);
	strcat(part, "b%'");
	assert_int_equal(result_of(strdup(part), NULL, NULL), -E2BIG);
	strcpy(part + strlen(part) - 4, "b%'");
	struct cesql_expression *expression = compile(part);
	assert_false(cesql_passes(expression, &event, NULL, 0));
	text[300] = 'b';
	assert_true(cesql_passes(expression, &event, NULL, 0));
	cesql_destroy(expression);
	free(part);
	free(text);
	assert_true(seconds() - began < 60);
}

/* Long texts go through everything that copies them. */
static void long_texts(void **state)
{
	char *text = nest("", "", "æø", 20000);
	struct cesql_text value = {text, strlen(text)};
	struct cesql_event event = {long_attribute, &value};
	size_t room = 1 << 20;
	char *scratch = malloc(room);
	static const char *const cases[] = {"LENGTH(x) = 40000", "LENGTH(CONCAT(x, x)) = 80000",
		"LOWER(UPPER(x)) = x", "LENGTH(CONCAT_WS(x, 1, 2, 3)) = 80003", "RIGHT(x, 1) = 'ø'",
		"SUBSTRING(x, -2, 1) = 'æ'",
		"UPPER(x) = 'a' OR UPPER(x) = 'b' OR UPPER(x) = 'c' OR UPPER(x) = 'd' OR "
		"UPPER(x) = 'e' OR UPPER(x) = 'f' OR UPPER(x) = 'g' OR UPPER(x) = 'h' OR "
		"UPPER(x) = 'i' OR UPPER(x) = 'j' OR UPPER(x) = 'k' OR UPPER(x) = 'l' OR "
		"UPPER(x) = 'm' OR LENGTH(UPPER(x)) = 40000"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cesql_expression *expression;
		expression = compile(cases[i]);
		if (!cesql_passes(expression, &event, scratch, room))
			fail_msg("%s", cases[i]);
		cesql_destroy(expression);
	}
	free(scratch);
	free(text);
}

#define THREADS 4
#define TIMES   2000

static void *evaluate_often(void *data)
{
	const struct cesql_expression *expression = data;
	char scratch[CESQL_SCRATCH_BYTES];
	size_t passed = 0;

	for (int i = 0; i < TIMES; i++)
		passed += cesql_passes(expression, &cases_event, scratch, sizeof(scratch));
	return passed == TIMES ? data : NULL;
}

/* For ThreadSanitizer: an expression is only read. */
static void threads(void **state)
{
	struct cesql_expression *expression =
		compile("CONCAT(UPPER(subject), n) = 'ABC5' AND type LIKE '%order%_created' "
			"AND n IN (4, 5)");
	pthread_t ids[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, evaluate_often, expression), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *result;
		assert_int_equal(pthread_join(ids[i], &result), 0);
		assert_non_null(result);
	}
	cesql_destroy(expression);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(depth), cmocka_unit_test(deepest),
		cmocka_unit_test(length), cmocka_unit_test(set), cmocka_unit_test(strict),
		cmocka_unit_test(bad_utf8), cmocka_unit_test(messages),
		cmocka_unit_test(names_of_errors), cmocka_unit_test(linear_time),
		cmocka_unit_test(long_texts), cmocka_unit_test(threads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
