/* An event owns a copy of everything, its attributes point into that copy, and it lives until its
 * last reference is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "event/event.h"

static const char json[] =
	"{\"specversion\":\"1.0\",\"id\":\"a\\/b\",\"source\":\"urn:s\",\"type\":\"t.v1\","
	"\"subject\":\"sub\","
	"\"expirytime\":\"1970-01-01T00:00:01Z\",\"\\u0078\":\"\\u0041\",\"n\":7,"
	"\"gone\":null,\"data\":{\"id\":2}}";

static void owns_its_bytes(void **state)
{
	char *copy = strdup(json);
	char *owner = strdup("local");
	struct bud_event *event = bud_event_create(bud_span(owner), bud_span(copy));

	(void)state;
	/* The caller's memory goes; a sanitizer sees who still reads it. */
	memset(copy, '#', strlen(copy));
	free(copy);
	memset(owner, '#', strlen(owner));
	free(owner);
	assert_non_null(event);
	assert_true(bud_span_is(event->owner, "local"));
	assert_true(bud_span_is(event->bytes, json));
	assert_true(bud_span_is(event->id, "a/b"));
	assert_true(bud_span_is(event->source, "urn:s"));
	assert_true(bud_span_is(event->type, "t.v1"));
	assert_true(bud_span_is(event->subject, "sub"));
	assert_true(bud_span_is(event->expirytime, "1970-01-01T00:00:01Z"));
	assert_int_equal(event->expires_wall_ms, 1000);
	assert_int_equal(event->attributes_n, 8);
	assert_true(bud_span_is(bud_event_find(event, bud_span("x"))->value, "A"));
	assert_true(bud_span_is(bud_event_find(event, bud_span("n"))->value, "7"));
	assert_null(bud_event_find(event, bud_span("gone")));
	assert_null(bud_event_find(event, bud_span("data")));
	bud_event_unref(event);
}

static void counts_references(void **state)
{
	struct bud_event *event = bud_event_create(bud_span(""), bud_span(json));

	(void)state;
	assert_int_equal(event->refs, 1);
	assert_ptr_equal(bud_event_ref(event), event);
	assert_int_equal(event->refs, 2);
	bud_event_unref(event);
	assert_int_equal(event->refs, 1);
	assert_true(bud_span_is(event->id, "a/b"));
	bud_event_unref(event);
	bud_event_unref(NULL);
}

static void absent_is_null(void **state)
{
	struct bud_event *event = bud_event_create(bud_span("o"),
		bud_span(
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}"));

	(void)state;
	assert_null(event->subject.at);
	assert_null(event->expirytime.at);
	assert_true(event->expires_wall_ms == INT64_MAX);
	assert_int_equal(event->attributes_n, 4);
	bud_event_unref(event);
}

static void refuses_what_is_no_event(void **state)
{
	static const char *const cases[] = {"", "{}", "[]", "{\"id\":\"1\"", "x"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_null(bud_event_create(bud_span("o"), bud_span(cases[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owns_its_bytes),
		cmocka_unit_test(counts_references),
		cmocka_unit_test(absent_is_null),
		cmocka_unit_test(refuses_what_is_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
