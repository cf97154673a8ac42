/* What a receiver says of a batch must fail exactly the events that it names, and anything that is
 * not such an answer none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "event/batch_answer.h"
#include "event/event.h"

#define EVENT(id, source)                                                                          \
	"{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"" source "\",\"type\":\"t\"}"
#define N 5

static struct bud_event *events[N];

static int setup(void **state)
{
	static const char *const texts[N] = {EVENT("a", "/s"), EVENT("b", "/s"), EVENT("a", "/t"),
		EVENT("\xc3\xa9\\\"", "/s"), EVENT("c", "/s")};

	(void)state;
	for (size_t i = 0; i < N; i++) {
		events[i] = bud_event_create(bud_span("local"), bud_span(texts[i]));
		assert_non_null(events[i]);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++)
		bud_event_unref(events[i]);
	return 0;
}

/* `expected` has an x for each that failed. */
static void check_text(struct bud_span answer, bool is_cut, const char *expected)
{
	/* Its own memory, so that a sanitizer sees one byte too far. */
	char *copy = malloc(answer.len + 1);
	bool failed[N] = {true, true, true, true, true};
	size_t n;

	memcpy(copy, answer.at, answer.len);
	copy = realloc(copy, answer.len ? answer.len : 1);
	n = bud_batch_answer_read((struct bud_span){copy, answer.len}, is_cut,
		(const struct bud_event *const *)events, N, failed);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(failed[i], expected[i] == 'x');
		n -= failed[i];
	}
	assert_int_equal(n, 0);
	free(copy);
}

static void check_span(struct bud_span answer, const char *expected)
{
	check_text(answer, false, expected);
}

static void check(const char *answer, const char *expected)
{
	check_span(bud_span(answer), expected);
}

static void test_ids(void **state)
{
	(void)state;
	check("{\"failed\":[\"b\"]}", ".x...");
	check(" { \"failed\" : [ \"b\" , \"c\" ] } \n", ".x..x");
	check("{\"failed\":[\"a\"]}", "x.x.."); /* of any source */
	check("{\"failed\":[\"\\u00e9\\\"\"]}", "...x.");
	check("{\"failed\":[\"\\u0061\",\"b\",\"c\",\"\xc3\xa9\\\"\"]}", "xxxxx");
	check("{\"failed\":[]}", ".....");
}

static void test_objects(void **state)
{
	(void)state;
	check("{\"failed\":[{\"id\":\"a\",\"source\":\"/t\"}]}", "..x..");
	check("{\"failed\":[{\"source\":\"/s\",\"why\":{\"id\":\"b\"},\"id\":\"a\"}]}", "x....");
	check("{\"failed\":[{\"id\":\"a\"},{\"id\":\"c\",\"source\":\"/s\"}]}", "x.x.x");
}

/* Something failed, and nobody knows what: nothing is taken for delivered. */
static void test_what_names_nobody(void **state)
{
	static const char *const texts[] = {"[\"unknown\"]", "[\"\"]", "[\"b\",\"A\"]",
		"[{\"id\":\"a\",\"source\":\"/u\"}]", "[{\"source\":\"/s\"}]", "[{}]",
		"[{\"id\":1}]", "[{\"id\":null},\"b\"]", "[1]", "[null]", "[[\"c\"]]",
		"[true,\"b\"]", "\"x\"", "true", "1", "0.5", "-0", "{\"a\":1}", "{}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_buffer_format(&text, "{\"failed\":%s,\"n\":1}", texts[i]);
		check_span(bud_buffer_as_span(&text), "xxxxx");
	}
	check("{\"failed\":\"b\"}", ".x...");
	check("{\"failed\":null}", ".....");
	check("{\"failed\":false}", ".....");
	check("{\"failed\": 0 }", ".....");
}

static void test_other_members(void **state)
{
	(void)state;
	check("{\"ok\":[\"a\"],\"n\":3,\"failed\":[\"b\"],\"more\":{\"failed\":[\"c\"]}}", ".x...");
}

static void test_what_is_no_such_answer(void **state)
{
	static const char *const texts[] = {"", "ok", "{}", "[]", "[\"a\"]", "\"a\"", "null",
		"{\"Failed\":[\"a\"]}", "{\"failed\":[\"a\"]", "{\"failed\":[\"a\",]}",
		"{\"failed\":[\"a\"]} x", "{\"failed\":[\"a\" \"b\"]}", "{\"failed\":[\"a",
		"{\"failed\":[\"\\ud800\",\"a\"]}", "<html>failed</html>"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check(texts[i], ".....");
	check_span((struct bud_span){"", 0}, ".....");
}

static void test_bounds(void **state)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	(void)state;
	bud_buffer_text(&text, "{\"failed\":[\"a\"");
	while (text.len < BUD_RESPONSE_BODY_MAX - 7)
		bud_buffer_text(&text, ",\"a\"");
	bud_buffer_text(&text, "]}");
	while (text.len < BUD_RESPONSE_BODY_MAX)
		bud_buffer_byte(&text, ' ');
	check_span(bud_buffer_as_span(&text), "x.x..");
	bud_buffer_byte(&text, ' ');
	check_span(bud_buffer_as_span(&text), ".....");
	bud_buffer_clear(&text);
	for (size_t i = 0; i < 30000; i++)
		bud_buffer_byte(&text, '[');
	check_span(bud_buffer_as_span(&text), ".....");
}

/* Whatever its end may be: who was not named yet may be named there. */
static void test_what_was_cut(void **state)
{
	static const char *const within[] = {"{\"failed\":[", "{\"failed\":[\"a\"",
		"{\"failed\":[\"a\", ", "{\"failed\":[\"a\",\"b", "{\"failed\":[{\"id\":\"a\"",
		"{\"ok\":[\"c\"],\"failed\":[{\"id\":\"a\",\"source\":\"/s\"},",
		"{\"failed\":[[\"a\"]", "{\"failed\":[[\"a\"] "};
	static const char *const elsewhere[] = {"", "{", "{\"failed\"",
		"{\"failed\":", "{\"ok\":[\"a\"", "<html>", "[\"failed\",[",
		"{\"a\":{\"failed\":[\"a\""};

	(void)state;
	for (size_t i = 0; i < sizeof(within) / sizeof(*within); i++)
		check_text(bud_span(within[i]), true, "xxxxx");
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		check_text(bud_span(elsewhere[i]), true, ".....");
	check_text(bud_span("{\"failed\":[\"b\"],\"more\":\"x"), true, ".x...");
	check_text(bud_span("{\"failed\":[\"b\"]"), true, ".x...");
	check_text(bud_span("{\"failed\":[]"), true, ".....");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_what_names_nobody),
		cmocka_unit_test(test_other_members),
		cmocka_unit_test(test_what_is_no_such_answer),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_what_was_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
