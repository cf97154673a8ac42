/* A filter wants exactly what it says: patterns as SQL's LIKE has them, prefixes, exact texts, the
 * event's own time; a pattern made to be slow is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "event/event.h"
#include "read/filter.h"

static void test_patterns(void **state)
{
	static const struct {
		enum bud_read_mode mode;
		const char *pattern;
		const char *text;
		bool is_match;
	} cases[] = {
		{BUD_READ_EXACT, "a.b", "a.b", true},
		{BUD_READ_EXACT, "a.b", "a.B", false},
		{BUD_READ_EXACT, "a*", "ab", false},
		{BUD_READ_EXACT, "", "", true},
		{BUD_READ_PREFIX, "a.*", "a.b", true},
		{BUD_READ_PREFIX, "a.*", "a.", true},
		{BUD_READ_PREFIX, "a.*", "a", false},
		{BUD_READ_PREFIX, "a.*.c", "a.b.c", false},
		{BUD_READ_PREFIX, "a.b", "a.b", true},
		{BUD_READ_PREFIX, "a.b", "a.bc", false},
		{BUD_READ_PREFIX, "*", "anything", true},
		{BUD_READ_LIKE, "app.%", "app.instance.created", true},
		{BUD_READ_LIKE, "%created", "app.instance.created", true},
		{BUD_READ_LIKE, "%instance%", "app.instance.created", true},
		{BUD_READ_LIKE, "%Instance%", "app.instance.created", false},
		{BUD_READ_LIKE, "app", "app.instance", false},
		{BUD_READ_LIKE, "a_c", "abc", true},
		{BUD_READ_LIKE, "a_c", "aæc", true},
		{BUD_READ_LIKE, "a_c", "ac", false},
		{BUD_READ_LIKE, "a__c", "aæc", false},
		{BUD_READ_LIKE, "a\\_c", "a_c", true},
		{BUD_READ_LIKE, "a\\_c", "abc", false},
		{BUD_READ_LIKE, "100\\%", "100%", true},
		{BUD_READ_LIKE, "100\\%", "1000", false},
		{BUD_READ_LIKE, "a\\", "a\\", true},
		{BUD_READ_LIKE, "%", "", true},
		{BUD_READ_LIKE, "", "", true},
		{BUD_READ_LIKE, "", "a", false},
		{BUD_READ_LIKE, "_", "", false},
		{BUD_READ_LIKE, "%%a", "bba", true},
		{BUD_READ_LIKE, "a%b%c", "aXbYbZc", true},
		{BUD_READ_LIKE, "a%b%c", "aXcYb", false},
		{BUD_READ_LIKE, "%aab", "aaab", true},
		{BUD_READ_LIKE_NOCASE, "HTTPS://ttd.APPS.altinn.no/%",
			"https://ttd.apps.altinn.no/ttd/a", true},
		{BUD_READ_LIKE_NOCASE, "A_C", "aBc", true},
		{BUD_READ_LIKE_NOCASE, "[", "{", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_read_pattern pattern = {cases[i].mode, bud_span(cases[i].pattern)};
		if (bud_read_pattern_match(&pattern, bud_span(cases[i].text)) != cases[i].is_match)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
	}
}

static void test_no_pattern_is_slow(void **state)
{
	char pattern[2000];
	char text[4000];
	struct bud_read_pattern like = {BUD_READ_LIKE, {pattern, sizeof(pattern)}};

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i += 2)
		memcpy(pattern + i, "%a", 2);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'b';
	assert_false(bud_read_pattern_match(&like, (struct bud_span){text, sizeof(text)}));
}

#define EVENT(more)                                                                                \
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t.x\"" more "}"
#define NOON 1795003200000 /* 2026-11-18T12:00:00Z */

static bool wants(const struct bud_read_filter *filter, const char *json, int64_t stored_ms)
{
	struct bud_event *event = bud_event_create(bud_span("local"), bud_span(json));
	bool is_wanted;

	assert_non_null(event);
	is_wanted = bud_read_filter_match(filter, event, stored_ms);
	bud_event_unref(event);
	return is_wanted;
}

static void test_words(void **state)
{
	const struct bud_read_pattern types[] = {
		{BUD_READ_EXACT, bud_span("other")}, {BUD_READ_PREFIX, bud_span("t.*")}};
	const struct bud_read_pattern sources[] = {{BUD_READ_EXACT, bud_span("/s")}};
	struct bud_read_filter filter = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};

	(void)state;
	assert_true(wants(&filter, EVENT(""), 0));
	filter.types = types;
	filter.types_n = 1;
	assert_false(wants(&filter, EVENT(""), 0));
	filter.types_n = 2;
	assert_true(wants(&filter, EVENT(""), 0));
	filter.sources = sources;
	filter.sources_n = 1;
	assert_true(wants(&filter, EVENT(""), 0));
	filter.attributes[BUD_INDEX_RESOURCE] = bud_span("urn:r");
	assert_false(wants(&filter, EVENT(""), 0));
	assert_false(wants(&filter, EVENT(",\"resource\":\"urn:r2\""), 0));
	assert_true(wants(&filter, EVENT(",\"resource\":\"urn:r\""), 0));
	filter.attributes[BUD_INDEX_SUBJECT] = bud_span("a");
	assert_false(wants(&filter, EVENT(",\"resource\":\"urn:r\""), 0));
	assert_true(wants(&filter, EVENT(",\"resource\":\"urn:r\",\"subject\":\"a\""), 0));
}

static void test_times(void **state)
{
	struct bud_read_filter filter = {.from_ms = NOON, .to_ms = NOON + 1000};
	static const char *const inside[] = {EVENT(",\"time\":\"2026-11-18T12:00:00Z\""),
		EVENT(",\"time\":\"2026-11-18T13:00:00.999+01:00\"")};
	static const char *const outside[] = {EVENT(",\"time\":\"2026-11-18T11:59:59.999Z\""),
		EVENT(",\"time\":\"2026-11-18T12:00:01Z\""),
		EVENT(",\"time\":\"2026-11-18T12:00:00+01:00\"")};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_true(wants(&filter, inside[i], 0));
	for (size_t i = 0; i < 3; i++)
		assert_false(wants(&filter, outside[i], NOON));
	assert_true(wants(&filter, EVENT(""), NOON)); /* when it was stored */
	assert_false(wants(&filter, EVENT(""), NOON + 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_no_pattern_is_slow),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
