/* Each mode must send what its specification says: structured, batch, Altinn and Slack the event's
 * own bytes, binary the table of CloudEvents' JSON format and HTTP binding; and what binary mode
 * cannot carry must go structured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "event/content.h"
#include "event/event.h"

#define HEAD       "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""
#define STRUCTURED "Content-Type: application/cloudevents+json"
#define TEXT_PLAIN ",\"datacontenttype\":\"text/plain\""

static struct bud_event *event;
static struct bud_content content;

static void make(const char *json, enum bud_content_mode mode)
{
	event = bud_event_create(bud_span("local"), bud_span(json));
	assert_non_null(event);
	bud_content_init(&content, event, mode);
	assert_true(content.lines_n > 0 && content.body.len > 0);
	assert_string_equal(content.lines[0] + strlen("Content-Type: "), content.type.at);
	assert_int_equal(content.type.len, strlen(content.type.at));
}

static void finish(void)
{
	bud_content_finish(&content);
	bud_event_unref(event);
}

static void body_is(const char *expected)
{
	if (!bud_span_is(content.body, expected))
		fail_msg("%.*s is not %s", (int)content.body.len, content.body.at, expected);
}

/* `line` NULL: nothing but Content-Type and the four required ones. */
static void check_binary(const char *members, const char *type, const char *body, const char *line)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	bud_auto(buffer) struct bud_buffer type_line = {0};

	bud_buffer_format(&json, HEAD "%s}", members);
	bud_buffer_format(&type_line, "Content-Type: %s", type);
	make(json.at, BUD_CONTENT_BINARY);
	assert_int_equal(content.mode, BUD_CONTENT_BINARY);
	assert_string_equal(content.lines[0], type_line.at);
	assert_int_equal(content.lines_n, line ? 6 : 5);
	assert_string_equal(content.lines[1], "ce-specversion: 1.0");
	assert_string_equal(content.lines[2], "ce-id: 1");
	assert_string_equal(content.lines[3], "ce-source: /s");
	assert_string_equal(content.lines[4], "ce-type: t");
	if (line)
		assert_string_equal(content.lines[5], line);
	body_is(body);
	finish();
}

static void check_falls_back(const char *members)
{
	bud_auto(buffer) struct bud_buffer json = {0};

	bud_buffer_format(&json, HEAD "%s}", members);
	make(json.at, BUD_CONTENT_BINARY);
	assert_int_equal(content.mode, BUD_CONTENT_STRUCTURED);
	assert_int_equal(content.lines_n, 1);
	assert_string_equal(content.lines[0], STRUCTURED);
	assert_ptr_equal(content.body.at, event->bytes.at);
	assert_int_equal(content.body.len, event->bytes.len);
	finish();
}

static void test_structured_copies_nothing(void **state)
{
	(void)state;
	make(HEAD ",\"data\":{ \"a\" : 1.0 }}", BUD_CONTENT_STRUCTURED);
	assert_ptr_equal(content.body.at, event->bytes.at);
	assert_int_equal(content.body.len, event->bytes.len);
	assert_int_equal(content.lines_n, 1);
	assert_string_equal(content.lines[0], STRUCTURED);
	assert_null(content.text.at);
	assert_null(content.table);
	finish();
	bud_content_finish(&content);
	bud_content_finish(NULL);
}

static void test_altinn(void **state)
{
	(void)state;
	make(HEAD "}", BUD_CONTENT_ALTINN);
	assert_int_equal(content.lines_n, 1);
	assert_string_equal(content.lines[0], "Content-Type: application/json; charset=utf-8");
	assert_ptr_equal(content.body.at, event->bytes.at);
	body_is(HEAD "}");
	assert_null(content.text.at);
	finish();
}

static void test_slack(void **state)
{
	static const char json[] =
		"{ \"specversion\":\"1.0\",\n\t\"id\":\"\\\"1\\\\\",\"source\":\"/s\","
		"\"type\":\"\xc3\xa6\", \"data\":\"\\u0000\\n\"\r\n}";
	json_error_t error;
	json_t *answer;

	(void)state;
	make(json, BUD_CONTENT_SLACK);
	assert_string_equal(content.lines[0], "Content-Type: application/json");
	answer = json_loadb(content.body.at, content.body.len, 0, &error);
	assert_non_null(answer);
	assert_int_equal(json_object_size(answer), 1);
	assert_string_equal(json_string_value(json_object_get(answer, "text")), json);
	json_decref(answer);
	finish();
	make(HEAD "}", BUD_CONTENT_SLACK);
	body_is("{\"text\":\"{\\\"specversion\\\":\\\"1.0\\\",\\\"id\\\":\\\"1\\\","
		"\\\"source\\\":\\\"/s\\\",\\\"type\\\":\\\"t\\\"}\"}");
	finish();
}

static void test_batch(void **state)
{
	const struct bud_event *events[3];
	struct bud_content batch;

	(void)state;
	make(HEAD ",\"data\":1.50}", BUD_CONTENT_BATCH);
	assert_string_equal(content.lines[0], "Content-Type: application/cloudevents-batch+json");
	assert_int_equal(content.lines_n, 1);
	body_is("[" HEAD ",\"data\":1.50}]");
	events[0] = events[1] = events[2] = event;
	bud_content_init_batch(&batch, events, 3);
	assert_int_equal(batch.mode, BUD_CONTENT_BATCH);
	assert_true(bud_span_is(batch.body,
		"[" HEAD ",\"data\":1.50}," HEAD ",\"data\":1.50}," HEAD ",\"data\":1.50}]"));
	assert_int_equal(batch.body.len, 3 * bud_content_batch_bytes(event) + 1);
	bud_content_finish(&batch);
	finish();
}

/* JSON data goes as it stands; without a type it is application/json. */
static void test_binary_json(void **state)
{
	(void)state;
	check_binary(",\"data\":{ \"b\":1.0, \"a\":[12345678901234567890]}", "application/json",
		"{ \"b\":1.0, \"a\":[12345678901234567890]}", NULL);
	check_binary(",\"data\":\"te\\u0078t\"", "application/json", "\"te\\u0078t\"", NULL);
	check_binary(",\"data\":null", "application/json", "null", NULL);
	check_binary(",\"data\":1e400", "application/json", "1e400", NULL);
	check_binary(",\"datacontenttype\":\"application/vnd.x+JSON; charset=UTF-8\",\"data\":[]",
		"application/vnd.x+JSON; charset=UTF-8", "[]", NULL);
	check_binary(
		",\"datacontenttype\":\"text/json\",\"data\":\"1\"", "text/json", "\"1\"", NULL);
	check_binary(",\"datacontenttype\":null,\"data\":false", "application/json", "false", NULL);
}

static void test_binary_text(void **state)
{
	(void)state;
	check_binary(TEXT_PLAIN ",\"data\":\"a \\\"b\\\" \\u00e9 \\ud83d\\ude00\\n\"", "text/plain",
		"a \"b\" \xc3\xa9 \xf0\x9f\x98\x80\n", NULL);
	check_binary(TEXT_PLAIN ",\"data\":\"as it \xc3\xa9 stands\"", "text/plain",
		"as it \xc3\xa9 stands", NULL);
	check_binary(",\"datacontenttype\":\"application/xml\",\"data\":\"<a b=\\\"c\\\"/>\"",
		"application/xml", "<a b=\"c\"/>", NULL);
	check_binary(",\"datacontenttype\":\"application/x\",\"data\":\"{}\"", "application/x",
		"{}", NULL);
	check_binary(",\"datacontenttype\":\"text/plain;charset=us-ascii\",\"data\":\"abc\"",
		"text/plain;charset=us-ascii", "abc", NULL);
}

static void test_binary_bytes(void **state)
{
	(void)state;
	check_binary(",\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"YQ==\"",
		"application/octet-stream", "a", NULL);
	check_binary(",\"datacontenttype\":\"image/png\",\"data_base64\":\"YWI=\"", "image/png",
		"ab", NULL);
	check_binary(",\"datacontenttype\":\"x/y; charset=utf-16\",\"data_base64\":\"\\u0059WJj\"",
		"x/y; charset=utf-16", "abc", NULL);
	check_binary(",\"datacontenttype\":\"application/json\",\"data_base64\":\"e30=\"",
		"application/json", "{}", NULL);
	make(HEAD TEXT_PLAIN ",\"data_base64\":\"AAEC/+/7\"}", BUD_CONTENT_BINARY);
	assert_int_equal(content.body.len, 6);
	assert_memory_equal(content.body.at, "\x00\x01\x02\xff\xef\xfb", 6);
	finish();
}

/* HTTP binding, 3.1.3.2. */
static void test_binary_attributes(void **state)
{
	(void)state;
	check_binary(",\"x\":\"Euro \xe2\x82\xac \xf0\x9f\x98\x80\",\"data\":1", "application/json",
		"1", "ce-x: Euro%20%E2%82%AC%20%F0%9F%98%80");
	check_binary(",\"dataref\":\"/a%20b\",\"data\":1", "application/json", "1",
		"ce-dataref: /a%2520b");
	check_binary(",\"x\":\" \\\"q\\\"~!\",\"data\":1", "application/json", "1",
		"ce-x: %20%22q%22~!");
	check_binary(",\"n\":-12,\"data\":1", "application/json", "1", "ce-n: -12");
	check_binary(",\"b\":true,\"data\":1", "application/json", "1", "ce-b: true");
	check_binary(",\"gone\":null,\"data\":1", "application/json", "1", NULL);
	check_binary(",\"data\":1,\"subject\":\"behind\"", "application/json", "1",
		"ce-subject: behind");
}

static void test_falls_back(void **state)
{
	static const char *const members[] = {
		"",
		TEXT_PLAIN,
		",\"data_base64\":null",
		TEXT_PLAIN ",\"data\":\"\"",
		TEXT_PLAIN ",\"data_base64\":\"\"",
		",\"data_base64\":\"YQ==\"",
		",\"datacontenttype\":\"application/cloudevents+json\",\"data\":{}",
		",\"datacontenttype\":\"APPLICATION/CloudEvents-batch+json\",\"data\":[]",
		",\"datacontenttype\":\"text/plain; charset=iso-8859-1\",\"data\":\"a\"",
		",\"datacontenttype\":\"application/json; charset=utf-16\",\"data\":{}",
		",\"datacontenttype\":\"text/plain; charset=us-ascii\",\"data\":\"\xc3\xa9\"",
		",\"datacontenttype\":\"text/plain; charset=us-ascii\",\"data\":\"\\u00e9\"",
		",\"datacontenttype\":\"text/plain; x=\\\"\xc3\xa9\\\"\",\"data\":\"a\"",
		",\"x\":\"\",\"data\":1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		check_falls_back(members[i]);
}

static size_t head_bytes(void)
{
	size_t bytes = 0;

	for (size_t i = 0; i < content.lines_n; i++)
		bytes += strlen(content.lines[i]) + 1;
	return bytes;
}

static void make_wide(size_t len)
{
	bud_auto(buffer) struct bud_buffer json = {0};

	bud_buffer_text(&json, HEAD ",\"data\":1,\"x\":\"");
	for (size_t i = 0; i < len; i++)
		bud_buffer_byte(&json, i % 2 ? 'x' : ' ');
	bud_buffer_text(&json, "\"}");
	make(json.at, BUD_CONTENT_BINARY);
}

static void test_long_heads_fall_back(void **state)
{
	size_t len;

	(void)state;
	make_wide(2);
	len = (BUD_BINARY_HEAD_MAX - head_bytes()) / 2 + 2;
	finish();
	make_wide(len);
	assert_int_equal(content.mode, BUD_CONTENT_BINARY);
	assert_in_range(head_bytes(), BUD_BINARY_HEAD_MAX - 3, BUD_BINARY_HEAD_MAX);
	finish();
	make_wide(len + 2);
	assert_int_equal(content.mode, BUD_CONTENT_STRUCTURED);
	finish();
	make_wide(500000);
	assert_int_equal(content.mode, BUD_CONTENT_STRUCTURED);
	finish();
}

/* The store is trusted, but nothing is read outside of its bytes. */
static void test_damaged_events(void **state)
{
	static const struct {
		const char *members;
		enum bud_content_mode mode;
	} cases[] = {
		{TEXT_PLAIN ",\"data\":12", BUD_CONTENT_STRUCTURED},
		{TEXT_PLAIN ",\"data\":{}", BUD_CONTENT_STRUCTURED},
		{TEXT_PLAIN ",\"data\":\"\\u12\"", BUD_CONTENT_BINARY},
		{TEXT_PLAIN ",\"data_base64\":\"?===\"", BUD_CONTENT_STRUCTURED},
		{TEXT_PLAIN ",\"data_base64\":\"====\"", BUD_CONTENT_STRUCTURED},
		{",\"datacontenttype\":\"json\",\"data\":1", BUD_CONTENT_STRUCTURED},
		{",\"a\\r\\nb\":\"x\",\"data\":1", BUD_CONTENT_STRUCTURED},
		{",\"a b\":\"x\",\"data\":1", BUD_CONTENT_STRUCTURED},
		{TEXT_PLAIN TEXT_PLAIN ",\"data\":\"x\"", BUD_CONTENT_BINARY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bud_auto(buffer) struct bud_buffer json = {0};
		bud_buffer_format(&json, HEAD "%s}", cases[i].members);
		make(json.at, BUD_CONTENT_BINARY);
		assert_int_equal(content.mode, cases[i].mode);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structured_copies_nothing),
		cmocka_unit_test(test_altinn),
		cmocka_unit_test(test_slack),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_binary_json),
		cmocka_unit_test(test_binary_text),
		cmocka_unit_test(test_binary_bytes),
		cmocka_unit_test(test_binary_attributes),
		cmocka_unit_test(test_falls_back),
		cmocka_unit_test(test_long_heads_fall_back),
		cmocka_unit_test(test_damaged_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
