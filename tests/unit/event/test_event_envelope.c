/* The full scan accepts every event CloudEvents 1.0 allows and finds its members; each rule refuses
 * its violation under the name of the member at fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/envelope.h"
#include "scanned.h"

/* A good event's required members; a case goes on behind them. */
#define HEAD       "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""
#define PLUS(more) HEAD "," more "}"

static int scan(const char *json)
{
	error = (struct bud_error){0};
	return bud_envelope_scan(&envelope, bud_span(json), &error);
}

static void accepts(const char *json)
{
	if (scan(json) < 0)
		fail_msg("refused: %s\n%s: %s", json, error.member, error.text);
}

static void refuses(const char *json, const char *member)
{
	if (scan(json) != -EINVAL)
		fail_msg("accepted: %s", json);
	if (strcmp(error.member, member) != 0)
		fail_msg("%s: member \"%s\" (%s)", json, error.member, error.text);
	assert_true(error.text[0] != '\0');
}

static void is(struct bud_span span, const char *text)
{
	if (!bud_span_is(span, text))
		fail_msg("\"%.*s\" is not \"%s\"", (int)span.len, span.at, text);
}

static void finds_everything(void **state)
{
	(void)state;
	accepts(" \n{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"urn:s\",\"type\":\"t.v1\","
		"\"subject\":\"sub\",\"time\":\"2026-02-28T13:05:00Z\","
		"\"datacontenttype\":\"text/xml\","
		"\"dataschema\":\"urn:d\",\"partitionkey\":\"p\",\"traceparent\":\"00-1\","
		"\"gone\":null,"
		"\"expirytime\":\"2026-03-01T00:00:00Z\",\"flag\":true,\"off\":false,"
		"\"n\":-2147483648,"
		"\"m\":2147483647,\"data\" : \"<x/>\" } \t");
	is(envelope.id, "i");
	is(envelope.source, "urn:s");
	is(envelope.type, "t.v1");
	is(envelope.subject, "sub");
	is(envelope.specversion, "1.0");
	is(envelope.datacontenttype, "text/xml");
	is(envelope.time, "2026-02-28T13:05:00Z");
	is(envelope.partitionkey, "p");
	is(envelope.expirytime, "2026-03-01T00:00:00Z");
	is(envelope.traceparent, "00-1");
	is(envelope.data, "\"<x/>\"");
	assert_int_equal(envelope.data_kind, BUD_DATA_KIND_JSON);
	assert_int_equal(envelope.attributes_n, 15);
	is(bud_envelope_find(&envelope, bud_span("flag"))->value, "true");
	is(bud_envelope_find(&envelope, bud_span("off"))->value, "false");
	is(bud_envelope_find(&envelope, bud_span("n"))->value, "-2147483648");
	is(bud_envelope_find(&envelope, bud_span("m"))->value, "2147483647");
	assert_null(bud_envelope_find(&envelope, bud_span("gone")));
	assert_null(bud_envelope_find(&envelope, bud_span("data")));
	assert_int_equal(envelope.json.at[0], '{');
	assert_int_equal(envelope.json.at[envelope.json.len - 1], '}');
}

static void forgets_the_event_before(void **state)
{
	(void)state;
	accepts(PLUS("\"subject\":\"\\u0041\",\"data\":1"));
	is(envelope.subject, "A");
	accepts(HEAD "}");
	assert_null(envelope.subject.at);
	assert_int_equal(envelope.data_kind, BUD_DATA_KIND_NONE);
	assert_null(envelope.data.at);
	assert_int_equal(envelope.attributes_n, 4);
}

/* Many values with escapes: none moves when the next one is written. */
static void undoes_escapes(void **state)
{
	(void)state;
	accepts("{\"spec\\u0076ersion\":\"1\\u002e0\",\"\\u0069d\":\"\\\"\\\\\\/\","
		"\"source\":\"\\/s\","
		"\"type\":\"\\u00e5\\ud83d\\ude00\",\"sub\\u006aect\":\"a\\u0062c\","
		"\"d\\u0061ta\":{}}");
	is(envelope.specversion, "1.0");
	is(envelope.id, "\"\\/");
	is(envelope.source, "/s");
	is(envelope.type, "\xc3\xa5\xf0\x9f\x98\x80");
	is(envelope.subject, "abc");
	is(envelope.data, "{}");
}

/* The side buffer starts small and empty, yet no value moves when the next one is written. */
static void keeps_values_in_place(void **state)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	char expected[32];

	(void)state;
	bud_envelope_finish(&envelope);
	bud_buffer_text(&json, HEAD);
	for (int i = 0; i < 50; i++)
		bud_buffer_format(&json, ",\"x%d\":\"value \\u0041 number %d\"", i, i);
	bud_buffer_text(&json, "}");
	accepts(json.at);
	for (int i = 0; i < 50; i++) {
		snprintf(expected, sizeof(expected), "value A number %d", i);
		is(envelope.attributes[4 + i].value, expected);
		assert_true(envelope.attributes[4 + i].value.at >= envelope.side.at);
		assert_true(
			envelope.attributes[4 + i].value.at < envelope.side.at + envelope.side.len);
	}
}

/* -0 is 0: filters compare numbers by their text. */
static void writes_numbers_in_one_way(void **state)
{
	static const char json[] = PLUS("\"n\":-0,\"m\":0,\"text\":\"-0\"");

	(void)state;
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			accepts(json);
		else
			assert_int_equal(bud_envelope_scan_stored(&envelope, bud_span(json)), 0);
		is(bud_envelope_find(&envelope, bud_span("n"))->value, "0");
		is(bud_envelope_find(&envelope, bud_span("m"))->value, "0");
		is(bud_envelope_find(&envelope, bud_span("text"))->value, "-0");
	}
}

static void keeps_data_as_it_came(void **state)
{
	static const char *const values[] = {"null", "true", "0", "1e400", "12345678901234567890",
		"1.0", "\"a \\u00e5 \\u0000 \\ud83d\\ude00\"", "[ 1 , 2 ]",
		"{ \"b\" : 1,\"a\":{\"id\":2}, \"a\":3 }", "\"\"", "\"\xef\xbf\xbf\""};
	static const char head[] = HEAD;
	char json[300];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(json, sizeof(json), PLUS("\"data\": %s "), values[i]);
		accepts(json);
		is(envelope.data, values[i]);
		snprintf(json, sizeof(json), "{\"data\":%s,%s}", values[i], &head[1]);
		accepts(json);
		is(envelope.data, values[i]);
	}
}

static void reads_base64(void **state)
{
	static const char *const good[] = {"", "AA==", "AAA=", "AAAA", "+/+/", "Zm9vYmFy"};
	static const char *const bad[] = {"A", "AA", "AAA", "AAAAA", "A===", "====", "AA=A", "=AAA",
		"AA==AAAA", "AA-_", "AA A", "AA==\\n", "AAA\xc3\xa5"};
	char json[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(json, sizeof(json), PLUS("\"data_base64\":\"%s\""), good[i]);
		accepts(json);
		is(envelope.data, good[i]);
		assert_int_equal(envelope.data_kind, BUD_DATA_KIND_BASE64);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(json, sizeof(json), PLUS("\"data_base64\":\"%s\""), bad[i]);
		refuses(json, "data_base64");
	}
	accepts(PLUS("\"data_base64\":\"\\/\\u0041==\""));
	is(envelope.data, "/A==");
	accepts(PLUS("\"data_base64\":null"));
	assert_int_equal(envelope.data_kind, BUD_DATA_KIND_NONE);
	accepts(PLUS("\"data_base64\":null,\"data\":1"));
	refuses(PLUS("\"data_base64\":1"), "data_base64");
	refuses(PLUS("\"data_base64\":{}"), "data_base64");
	refuses(PLUS("\"data_base64\":nul"), "data_base64");
}

static void asks_for_required_members(void **state)
{
	(void)state;
	refuses("{}", "specversion");
	refuses("{\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", "specversion");
	refuses("{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\"}", "id");
	refuses("{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", "source");
	refuses("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\"}", "type");
	refuses("{\"specversion\":\"1.0\",\"id\":null,\"source\":\"/s\",\"type\":\"t\"}", "id");
	refuses("{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"/s\",\"type\":\"t\"}", "id");
	refuses("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"\",\"type\":\"t\"}", "source");
	refuses("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"\"}", "type");
	refuses("{\"specversion\":\"1.0\",\"id\":1,\"source\":\"/s\",\"type\":\"t\"}", "id");
	refuses("{\"specversion\":1.0,\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}",
		"specversion");
	refuses("{\"specversion\":\"1.1\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}",
		"specversion");
	refuses("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a b\",\"type\":\"t\"}",
		"source");
}

/* Members to add to a good event, and the name at fault. */
static void refuses_each(const char *const cases[][2], size_t n)
{
	char json[300];

	for (size_t i = 0; i < n; i++) {
		snprintf(json, sizeof(json), PLUS("%s"), cases[i][0]);
		refuses(json, cases[i][1]);
	}
}

static void checks_attributes(void **state)
{
	static const char *const cases[][2] = {
		{"\"subject\":\"\"", "subject"},
		{"\"subject\":1", "subject"},
		{"\"subject\":true", "subject"},
		{"\"subject\":\"a\\nb\"", "subject"},
		{"\"subject\":\"a\nb\"", "subject"},
		{"\"subject\":\"\x7f\"", "subject"},
		{"\"subject\":\"\\u007f\"", "subject"},
		{"\"subject\":\"\\u0085\"", "subject"},
		{"\"subject\":\"\\ufdd0\"", "subject"},
		{"\"subject\":\"\\uffff\"", "subject"},
		{"\"subject\":\"\\ud83f\\udfff\"", "subject"},
		{"\"subject\":\"\\uDEAD\"", "subject"},
		{"\"subject\":\"\\ud800\"", "subject"},
		{"\"subject\":\"\\ud800\\u0041\"", "subject"},
		{"\"subject\":\"\xed\xa0\x80\"", "subject"},
		{"\"subject\":\"\xc0\xa0\"", "subject"},
		{"\"subject\":\"\\q\"", "subject"},
		{"\"time\":\"yesterday\"", "time"},
		{"\"time\":\"\"", "time"},
		{"\"time\":1767225600", "time"},
		{"\"expirytime\":\"2026-01-01\"", "expirytime"},
		{"\"recordedtime\":\"2026-01-01T24:00:00Z\"", "recordedtime"},
		{"\"dataschema\":\"/relative\"", "dataschema"},
		{"\"dataschema\":\"\"", "dataschema"},
		{"\"datacontenttype\":\"json\"", "datacontenttype"},
		{"\"datacontenttype\":\"\"", "datacontenttype"},
		{"\"partitionkey\":\"\"", "partitionkey"},
		{"\"traceparent\":\"\"", "traceparent"},
		{"\"sequence\":\"\"", "sequence"},
		{"\"n\":2147483648", "n"},
		{"\"n\":-2147483649", "n"},
		{"\"n\":99999999999999999999", "n"},
		{"\"n\":5.0", "n"},
		{"\"n\":5e0", "n"},
		{"\"n\":5E0", "n"},
		{"\"n\":05", "n"},
		{"\"n\":-", "n"},
		{"\"n\":[1]", "n"},
		{"\"n\":{}", "n"},
		{"\"n\":truE", "n"},
		{"\"n\":nil", "n"},
		{"\"n\":", "n"},
	};

	(void)state;
	refuses_each(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Names, duplicates in any spelling, and what members must be to each other. */
static void checks_members(void **state)
{
	static const char *const cases[][2] = {
		{"\"traceParent\":\"x\"", "traceParent"},
		{"\"my_ext\":\"x\"", "my_ext"},
		{"\"my-ext\":null", "my-ext"},
		{"\"Data\":1", "Data"},
		{"\"\":1", ""},
		{"\"id\":\"2\"", "id"},
		{"\"i\\u0064\":\"2\"", "id"},
		{"\"x\":null,\"x\":null", "x"},
		{"\"x\":null,\"\\u0078\":1", "x"},
		{"\"x\":1,\"x\":null", "x"},
		{"\"data\":1,\"d\\u0061ta\":1", "data"},
		{"\"data_base64\":null,\"data_base64\":\"\"", "data_base64"},
		{"\"data\":1,\"data_base64\":\"\"", "data_base64"},
		{"\"data_base64\":\"\",\"data\":null", "data"},
		{"\"data\":{\"a\":01}", "data"},
		{"\"data\":\"\\ud800\"", "data"},
		{"\"data\":\"\xff\"", "data"},
		{"\"data\":[1,]", "data"},
		{"\"datacontenttype\":\"text/plain\",\"data\":{}", "data"},
		{"\"data\":1,\"datacontenttype\":\"application/xml\"", "data"},
		{"\"data\":null,\"datacontenttype\":\"text/plain\"", "data"},
	};

	(void)state;
	refuses_each(cases, sizeof(cases) / sizeof(cases[0]));
}

static void accepts_what_is_legal(void **state)
{
	static const char *const cases[] = {"\"subject\":null", "\"time\":\"2016-12-31t23:59:60z\"",
		"\"x\":\"\"", "\"1st\":1", "\"averyveryverylongnameofmorethantwenty\":\"x\"",
		"\"n\":-0", "\"sampledrate\":\"5\"", "\"subject\":\"\\uD83D\\uDE00 \xc3\xa5\"",
		"\"source2\":\"a b\"",
		"\"datacontenttype\":\"TEXT/Plain; CharSet=utf-8\",\"data\":\"x\"",
		"\"datacontenttype\":\"application/vnd.x+JSON; a=b\",\"data\":[1]",
		"\"datacontenttype\":\"text/json\",\"data\":null",
		"\"datacontenttype\":\"application/json\",\"data\":\"{\\\"a\\\":1}\"",
		"\"datacontenttype\":\"application/json\",\"data_base64\":\"e30=\"",
		"\"datacontenttype\":null,\"data\":{}"};
	char json[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(json, sizeof(json), PLUS("%s"), cases[i]);
		accepts(json);
	}
}

static void refuses_what_is_no_event(void **state)
{
	static const char *const cases[] = {"", " ", "null", "1", "\"x\"", "[]", "[" HEAD "}]", "{",
		HEAD, HEAD ",", HEAD ",}", HEAD "]", HEAD "}}", HEAD "} x", HEAD "}" HEAD "}",
		"{1:2}", "{\"id\"", "{\"id\" \"1\"}", HEAD " \"x\":1}", HEAD ",\"x",
		HEAD ",\"\xff\":1}", "\xef\xbb\xbf" HEAD "}", HEAD "}\xef\xbb\xbf", HEAD ",\"x\"",
		HEAD ",\"x\":", HEAD ",x:1}", "{\x01}", HEAD ",\"x\":1 2}"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuses(cases[i], "");
	assert_int_equal(bud_envelope_scan(&envelope, (struct bud_span){NULL, 0}, &error), -EINVAL);
	/* Without somebody to tell it to, an error is still one. */
	assert_int_equal(bud_envelope_scan(&envelope, bud_span("{}"), NULL), -EINVAL);
	assert_int_equal(bud_envelope_scan(&envelope, bud_span("{\"A\":1}"), NULL), -EINVAL);
}

static void bounds_depth_and_attributes(void **state)
{
	(void)state;
	for (size_t depth = 60; depth < 70; depth++) {
		bud_auto(buffer) struct bud_buffer json = {0};
		bud_buffer_text(&json, HEAD ",\"data\":");
		for (size_t i = 1; i < depth; i++)
			bud_buffer_text(&json, "[");
		for (size_t i = 1; i < depth; i++)
			bud_buffer_text(&json, "]");
		bud_buffer_text(&json, "}");
		if (depth <= BUD_JSON_DEPTH_MAX)
			accepts(json.at);
		else
			refuses(json.at, "data");
	}
	for (size_t n = 60; n < 70; n++) {
		bud_auto(buffer) struct bud_buffer json = {0};
		bud_buffer_text(&json, HEAD);
		for (size_t i = 4; i < n; i++)
			bud_buffer_format(&json, ",\"x%zu\":%s", i, i % 2 ? "null" : "\"\"");
		bud_buffer_text(&json, "}");
		if (n <= BUD_ATTRIBUTES_MAX)
			accepts(json.at);
		else
			refuses(json.at, "");
	}
}

/* Whatever stands where the limit cuts, the answer is "too long". */
static void bounds_the_size(void **state)
{
	static const char *const fillers[] = {"x", "\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++) {
		for (size_t over = 0; over < 14; over++) {
			bud_auto(buffer) struct bud_buffer json = {0};
			bud_buffer_text(&json, HEAD ",\"data\":\"");
			for (size_t n = over; n > 0; n--)
				bud_buffer_text(&json, "y");
			while (json.len < BUD_EVENT_BYTES_MAX)
				bud_buffer_text(&json, fillers[i]);
			bud_buffer_text(&json, "\"}");
			assert_int_equal(scan(json.at), -E2BIG);
		}
	}
	for (size_t len = BUD_EVENT_BYTES_MAX - 2; len < BUD_EVENT_BYTES_MAX + 3; len++) {
		bud_auto(buffer) struct bud_buffer json = {0};
		bud_buffer_text(&json, "  " HEAD ",\"data\":\"");
		while (json.len < len)
			bud_buffer_text(&json, "x");
		bud_buffer_text(&json, "\"} ");
		assert_int_equal(scan(json.at), len <= BUD_EVENT_BYTES_MAX ? 0 : -E2BIG);
	}
}

static void stored_scan_refuses_what_it_cannot_read(void **state)
{
	static const char *const cases[] = {"", "{", "}", "{}", "[]", "{\"id\":\"1\"}", HEAD,
		HEAD ",}", HEAD "} ", HEAD ",\"data\":[", HEAD ",\"data\":\"\\\"}", HEAD ",\"x\":}",
		HEAD ",\"x\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bud_envelope_scan_stored(&envelope, bud_span(cases[i])) != -EINVAL)
			fail_msg("accepted: %s", cases[i]);
	assert_int_equal(bud_envelope_scan_stored(&envelope, bud_span(HEAD "}")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_everything),
		cmocka_unit_test(forgets_the_event_before),
		cmocka_unit_test(undoes_escapes),
		cmocka_unit_test(keeps_values_in_place),
		cmocka_unit_test(writes_numbers_in_one_way),
		cmocka_unit_test(keeps_data_as_it_came),
		cmocka_unit_test(reads_base64),
		cmocka_unit_test(asks_for_required_members),
		cmocka_unit_test(checks_attributes),
		cmocka_unit_test(checks_members),
		cmocka_unit_test(accepts_what_is_legal),
		cmocka_unit_test(refuses_what_is_no_event),
		cmocka_unit_test(bounds_depth_and_attributes),
		cmocka_unit_test(bounds_the_size),
		cmocka_unit_test(stored_scan_refuses_what_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, envelope_start, envelope_finish);
}
