/* Binary mode decodes headers exactly once and turns the body into the member its type asks for;
 * what cannot be decoded is refused under the attribute's name, and nothing is smuggled in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/binary.h"
#include "event/envelope.h"
#include "scanned.h"

#define HEAD "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

static struct bud_buffer json;

/* A good event's headers and one more; NULL for none. */
static int write_event(
	const char *name, const char *value, const char *content_type, struct bud_span body)
{
	struct bud_header headers[] = {
		{bud_span("Host"), bud_span("h")},
		{bud_span("ce-specversion"), bud_span("1.0")},
		{bud_span("CE-ID"), bud_span("1")},
		{bud_span("Ce-Source"), bud_span("/s")},
		{bud_span("ce-type"), bud_span("t")},
		{bud_span(name ? name : ""), bud_span(value ? value : "")},
	};
	struct bud_binary binary = {headers, name ? 6 : 5, bud_span(content_type), body};

	error = (struct bud_error){0};
	bud_buffer_clear(&json);
	return bud_binary_write(&binary, &json, &error);
}

static void is_json(const char *expected)
{
	if (!bud_span_is(bud_buffer_as_span(&json), expected))
		fail_msg("%s is not %s", json.at, expected);
	if (bud_envelope_scan(&envelope, bud_buffer_as_span(&json), &error) < 0)
		fail_msg("%s: %s", json.at, error.text);
}

static void decodes_headers(void **state)
{
	static const char *const cases[][2] = {
		{"x", "x"},
		{" x\t", "x"},
		{"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"Euro \xe2\x82\xac \xf0\x9f\x98\x80", "Euro \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"%c3%a5%41", "\xc3\xa5"
			      "A"},
		{"a%2520b", "a%20b"},
		{"%22q%22", "\"q\""},
		{"a \"q\" b", "a \"q\" b"},
		{"\"a \\\"b\\\" \\\\ c\"", "a \"b\" \\ c"},
		{"\"%41\\%42\"", "AB"},
		{"%5C", "\\"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (write_event("cE-SubJect", cases[i][0], "", bud_span("")) < 0)
			fail_msg("refused: %s: %s", cases[i][0], error.text);
		assert_int_equal(
			bud_envelope_scan(&envelope, bud_buffer_as_span(&json), &error), 0);
		if (!bud_span_is(envelope.subject, cases[i][1]))
			fail_msg("%s: %.*s", cases[i][0], (int)envelope.subject.len,
				envelope.subject.at);
	}
	assert_int_equal(write_event("ce-comment", "\"\"", "", bud_span("")), 0);
	is_json(HEAD ",\"comment\":\"\"}");
	/* What is no ce- header is none of ours; source goes over the wire encoded, too. */
	assert_int_equal(write_event("subject", "x", "", bud_span("")), 0);
	is_json(HEAD "}");
	assert_int_equal(write_event("ce-dataschema", "urn:a%2520b", "", bud_span("")), 0);
	is_json(HEAD ",\"dataschema\":\"urn:a%20b\"}");
}

static void refuses_bad_headers(void **state)
{
	static const char *const cases[][3] = {
		{"ce-subject", "%", "subject"},
		{"ce-subject", "100%", "subject"},
		{"ce-subject", "%4", "subject"},
		{"ce-subject", "%zz", "subject"},
		{"ce-subject", "%4g", "subject"},
		{"ce-subject", "%C0%A0", "subject"},
		{"ce-subject", "%ED%A0%80", "subject"},
		{"ce-subject", "\xff", "subject"},
		{"ce-subject", "\"", "subject"},
		{"ce-subject", "\"a", "subject"},
		{"ce-subject", "\"a\\\"", "subject"},
		{"ce-subject", "\"a\" b", "subject"},
		{"CE-DataContentType", "text/plain", "datacontenttype"},
		{"ce-id", "2", "id"},
		{"ce-Type", "t", "type"},
		{"ce-my_ext", "x", "my_ext"},
		{"ce-my-ext", "x", "my-ext"},
		{"ce-data", "x", "data"},
		{"ce-data_base64", "AAAA", "data_base64"},
		{"ce-", "x", ""},
		{"ce-a\",\"b", "x", "a\",\"b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (write_event(cases[i][0], cases[i][1], "", bud_span("")) != -EINVAL)
			fail_msg("accepted: %s: %s", cases[i][0], cases[i][1]);
		assert_string_equal(error.member, cases[i][2]);
		assert_int_equal(json.len, 0);
	}
}

/* What decodes but is no attribute falls to the envelope's scan. */
static void leaves_the_rest_to_the_scan(void **state)
{
	static const char *const cases[][3] = {
		{"ce-subject", "", "subject"},
		{"ce-subject", "%0A", "subject"},
		{"ce-subject", "%00", "subject"},
		{"ce-subject", "a\tb", "subject"},
		{"ce-time", "now", "time"},
		{"ce-dataschema", "/s", "dataschema"},
	};
	struct bud_binary none = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(write_event(cases[i][0], cases[i][1], "", bud_span("")), 0);
		assert_int_equal(
			bud_envelope_scan(&envelope, bud_buffer_as_span(&json), &error), -EINVAL);
		assert_string_equal(error.member, cases[i][2]);
	}
	bud_buffer_clear(&json);
	assert_int_equal(bud_binary_write(&none, &json, &error), 0);
	assert_int_equal(bud_envelope_scan(&envelope, bud_buffer_as_span(&json), &error), -EINVAL);
	assert_string_equal(error.member, "specversion");
	assert_int_equal(write_event(NULL, NULL, "nonsense", bud_span("x")), 0);
	assert_int_equal(bud_envelope_scan(&envelope, bud_buffer_as_span(&json), &error), -EINVAL);
	assert_string_equal(error.member, "datacontenttype");
}

static void places_data_by_its_type(void **state)
{
	static const struct {
		const char *type, *body, *written_type, *data;
	} cases[] = {
		{"", "", NULL, ""},
		{"", "x", NULL, ",\"data_base64\":\"eA==\""},
		{"application/json", "", "application/json", ""},
		{"application/json", "{\"a\" : 1.0, \"a\":1e400}", "application/json",
			",\"data\":{\"a\" : 1.0, \"a\":1e400}"},
		{" application/x+JSON;v=\"1\" ", " null\n", "application/x+JSON;v=\\\"1\\\"",
			",\"data\": null\n"},
		{"text/json; charset=utf-8", "\"s\"", "text/json; charset=utf-8",
			",\"data\":\"s\""},
		{"text/json; charset=utf-16", "ab", "text/json; charset=utf-16",
			",\"data_base64\":\"YWI=\""},
		{"text/plain", "a \"b\"\n\xc3\xa5\x01", "text/plain",
			",\"data\":\"a \\\"b\\\"\\u000a\xc3\xa5\\u0001\""},
		{"text/plain", "\xff", "text/plain", ",\"data_base64\":\"/w==\""},
		{"text/plain;charset=latin1", "abc", "text/plain;charset=latin1",
			",\"data_base64\":\"YWJj\""},
		{"application/soap+xml", "<x/>", "application/soap+xml", ",\"data\":\"<x/>\""},
		{"image/png", "foobar!", "image/png", ",\"data_base64\":\"Zm9vYmFyIQ==\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer expected = {0};

		if (write_event(NULL, NULL, cases[i].type, bud_span(cases[i].body)) < 0)
			fail_msg("refused: %s: %s", cases[i].body, error.text);
		bud_buffer_text(&expected, HEAD);
		if (cases[i].written_type)
			bud_buffer_format(
				&expected, ",\"datacontenttype\":\"%s\"", cases[i].written_type);
		bud_buffer_format(&expected, "%s}", cases[i].data);
		is_json(expected.at);
	}
}

static void refuses_bad_json(void **state)
{
	static const char *const cases[] = {"{", " ", "1 2", "1,\"subject\":\"x\"", "1}",
		"\"\xff\"", "\xef\xbb\xbf{}", "[1,]", "\"\\ud800\""};
	bud_auto(buffer) struct bud_buffer deep = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			write_event(NULL, NULL, "application/json", bud_span(cases[i])), -EINVAL);
		assert_string_equal(error.member, "data");
	}
	for (size_t i = 0; i < BUD_JSON_DEPTH_MAX; i++)
		bud_buffer_text(&deep, "[");
	for (size_t i = 0; i < BUD_JSON_DEPTH_MAX; i++)
		bud_buffer_text(&deep, "]");
	assert_int_equal(
		write_event(NULL, NULL, "application/json", bud_buffer_as_span(&deep)), -EINVAL);
	assert_int_equal(write_event(NULL, NULL, "application/json",
				 (struct bud_span){deep.at + 1, deep.len - 2}),
		0);
	assert_int_equal(bud_envelope_scan(&envelope, bud_buffer_as_span(&json), &error), 0);
}

static void keeps_within_the_limits(void **state)
{
	struct bud_header headers[BUD_ATTRIBUTES_MAX + 1];
	char names[BUD_ATTRIBUTES_MAX + 1][8];
	struct bud_binary binary = {.headers = headers};
	size_t len = BUD_EVENT_BYTES_MAX + 1;
	char *body = malloc(len);

	(void)state;
	memset(body, 'x', len);
	assert_int_equal(
		write_event(NULL, NULL, "text/plain", (struct bud_span){body, len}), -E2BIG);
	assert_int_equal(
		write_event(NULL, NULL, "text/plain", (struct bud_span){body, len - 10}), -E2BIG);
	assert_int_equal(json.len, 0);
	assert_int_equal(
		write_event(NULL, NULL, "a/b", (struct bud_span){body, len * 3 / 4}), -E2BIG);
	assert_int_equal(
		write_event(NULL, NULL, "text/plain", (struct bud_span){body, len - 200}), 0);
	free(body);
	for (size_t i = 0; i <= BUD_ATTRIBUTES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "ce-x%zu", i);
		headers[i] = (struct bud_header){bud_span(names[i]), bud_span("v")};
	}
	binary.headers_n = BUD_ATTRIBUTES_MAX + 1;
	assert_int_equal(bud_binary_write(&binary, &json, &error), -EINVAL);
	binary.headers_n = BUD_ATTRIBUTES_MAX;
	assert_int_equal(bud_binary_write(&binary, &json, &error), 0);
}

/* `out` may hold something already: it stays. */
static void appends(void **state)
{
	struct bud_header header = {bud_span("ce-id"), bud_span("%")};
	struct bud_binary binary = {&header, 1, {0}, {0}};
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	bud_buffer_text(&out, "before");
	assert_int_equal(bud_binary_write(&binary, &out, &error), -EINVAL);
	assert_string_equal(out.at, "before");
	header.value = bud_span("1");
	assert_int_equal(bud_binary_write(&binary, &out, NULL), 0);
	assert_string_equal(out.at, "before{\"id\":\"1\"}");
}

static int stop(void **state)
{
	bud_buffer_finish(&json);
	return envelope_finish(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_headers),
		cmocka_unit_test(refuses_bad_headers),
		cmocka_unit_test(leaves_the_rest_to_the_scan),
		cmocka_unit_test(places_data_by_its_type),
		cmocka_unit_test(refuses_bad_json),
		cmocka_unit_test(keeps_within_the_limits),
		cmocka_unit_test(appends),
	};

	return cmocka_run_group_tests(tests, envelope_start, stop);
}
