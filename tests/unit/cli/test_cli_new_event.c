/* An event from a command line is a valid one or refused with the member at fault; its binary form
 * turned back into JSON is the same event. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cli/new_event.h"
#include "core/error.h"
#include "event/binary.h"
#include "event/envelope.h"

#define NOW_MS INT64_C(1772439330000)

static struct bud_error error;

static void test_writes(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_new_event event = {.id = "1",
		.source = "/s",
		.type = "t",
		.subject = "\"Blåbær\"",
		.data = "{\"n\": 1.50}",
		.wall_ms = NOW_MS};

	(void)state;
	assert_int_equal(0, bud_new_event_write(&event, &out, &error));
	assert_string_equal(
		"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
		"\"subject\":\"\\\"Blåbær\\\"\",\"time\":\"2026-03-02T08:15:30.000Z\","
		"\"datacontenttype\":\"application/json\",\"data\":{\"n\": 1.50}}",
		out.at);
	bud_buffer_clear(&out);
	event.subject = event.data = NULL;
	assert_int_equal(0, bud_new_event_write(&event, &out, &error));
	assert_string_equal(
		"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
		"\"time\":\"2026-03-02T08:15:30.000Z\"}",
		out.at);
}

static void refuses(const struct bud_new_event *event, const char *member)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	bud_buffer_text(&out, "before");
	assert_int_equal(-EINVAL, bud_new_event_write(event, &out, &error));
	assert_string_equal(member, error.member);
	assert_int_equal(strlen("before"), out.len);
}

static void test_refuses(void **state)
{
	struct bud_new_event event = {.id = "1", .source = "/s", .type = "t", .wall_ms = NOW_MS};
	struct bud_new_event bad = event;

	(void)state;
	bad.id = "";
	refuses(&bad, "id");
	bad = event;
	bad.type = "\xff";
	refuses(&bad, "type");
	bad = event;
	bad.source = "no uri";
	refuses(&bad, "source");
	bad = event;
	bad.data = "{},\"subject\":\"smuggled\"";
	refuses(&bad, "data");
	bad.data = "";
	refuses(&bad, "data");
}

/* There and back again. */
static void binary_is(const char *json, const char *body, const char *back)
{
	bud_auto(binary_form) struct bud_binary_form form = {0};
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_header headers[16];
	struct bud_span content_type = {NULL, 0};
	struct bud_envelope envelope;

	bud_envelope_init(&envelope);
	assert_int_equal(0, bud_envelope_scan(&envelope, bud_span(json), &error));
	assert_int_equal(0, bud_binary_form_make(&envelope, &form, &error));
	bud_envelope_finish(&envelope);
	assert_true(bud_span_is(bud_buffer_as_span(&form.body), body));
	assert_true(form.headers_n <= 16);
	for (size_t i = 0; i < form.headers_n; i++) {
		/* As libcurl reads them: "name: value", or "name;" for one without. */
		const char *end = form.headers[i] + strcspn(form.headers[i], ":;");
		assert_true(*end == ';' ? end[1] == '\0' : end[1] == ' ' && end[2] != '\0');
		headers[i].name =
			(struct bud_span){form.headers[i], (size_t)(end - form.headers[i])};
		headers[i].value = bud_span(*end == ';' ? "" : end + 2);
		if (bud_span_is(headers[i].name, "Content-Type"))
			content_type = headers[i].value;
	}
	struct bud_binary binary = {
		headers, form.headers_n, content_type, bud_buffer_as_span(&form.body)};
	assert_int_equal(0, bud_binary_write(&binary, &out, &error));
	assert_string_equal(back, out.at);
}

#define CORE "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

static void test_binary_form(void **state)
{
	(void)state;
	binary_is(CORE "}", "", CORE "}");
	binary_is(CORE ",\"subject\":\"100 % \\\"å\\\"\",\"data\":{\"a\": 1}}", "{\"a\": 1}",
		CORE ",\"subject\":\"100 % \\\"å\\\"\",\"datacontenttype\":\"application/json\","
		     "\"data\":{\"a\": 1}}");
	binary_is(CORE ",\"datacontenttype\":\"text/plain\",\"data\":\"a\\\"\\u00e5\"}", "a\"å",
		CORE ",\"datacontenttype\":\"text/plain\",\"data\":\"a\\\"å\"}");
	binary_is(CORE ",\"datacontenttype\":\"application/json\",\"data\":\"a\"}", "\"a\"",
		CORE ",\"datacontenttype\":\"application/json\",\"data\":\"a\"}");
	binary_is(CORE ",\"datacontenttype\":\"image/png\",\"data_base64\":\"AQID\"}",
		"\x01\x02\x03",
		CORE ",\"datacontenttype\":\"image/png\",\"data_base64\":\"AQID\"}");
	binary_is(CORE ",\"ext\":\"\"}", "", CORE ",\"ext\":\"\"}");
	binary_is(CORE ",\"datacontenttype\":\"text/plain; charset=iso-8859-1\","
		       "\"data_base64\":\"5Q==\"}",
		"\xe5",
		CORE ",\"datacontenttype\":\"text/plain; charset=iso-8859-1\","
		     "\"data_base64\":\"5Q==\"}");
}

/* What would arrive as another event, or as other text. */
static void test_binary_cannot(void **state)
{
	static const char *const events[] = {
		CORE ",\"datacontenttype\":\"application/cloudevents+json\",\"data\":{}}",
		CORE ",\"datacontenttype\":\"Application/CloudEvents-Batch+json\"}",
		CORE ",\"datacontenttype\":\"text/plain; charset=iso-8859-1\",\"data\":\"å\"}",
		CORE ",\"datacontenttype\":\"application/json; charset=utf-16\",\"data\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		bud_auto(binary_form) struct bud_binary_form form = {0};
		struct bud_envelope envelope;

		bud_envelope_init(&envelope);
		assert_int_equal(0, bud_envelope_scan(&envelope, bud_span(events[i]), &error));
		assert_int_equal(-EINVAL, bud_binary_form_make(&envelope, &form, &error));
		assert_string_equal("datacontenttype", error.member);
		bud_envelope_finish(&envelope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_binary_form),
		cmocka_unit_test(test_binary_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
