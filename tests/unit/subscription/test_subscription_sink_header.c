/* Sink headers: nothing that frames the request, that we set, or that smuggles a line gets in. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "core/limits.h"
#include "subscription/sink_header.h"

static int parse(const char *text, struct bud_sink_header **headers, size_t *n)
{
	struct bud_error error = {0};
	char *json = make_json(text);
	json_t *root = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	int r = bud_sink_headers_parse(root, headers, n, &error);

	assert_non_null(root);
	if (r < 0)
		assert_int_equal(strncmp(error.member, "protocolsettings.headers",
					 strlen("protocolsettings.headers")),
			0);
	json_decref(root);
	free(json);
	return r;
}

static void accepts_ordinary_fields(void **state)
{
	struct bud_sink_header *headers = NULL;
	size_t n = 9;

	(void)state;
	assert_int_equal(parse("{}", &headers, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(parse("{'Authorization':'Bearer x','X-Key':'a\\tb c','User-Agent':'me'}",
				 &headers, &n),
		0);
	assert_int_equal(n, 3);
	assert_string_equal(headers[0].name, "Authorization");
	assert_string_equal(headers[1].value, "a\tb c");
	bud_sink_headers_destroy(headers, n);
}

static void refuses_the_rest(void **state)
{
	static const char *const bad[] = {"[]", "'x'", "{'Host':'a'}", "{'content-length':'1'}",
		"{'Transfer-Encoding':'chunked'}", "{'CONNECTION':'close'}",
		"{'Content-Type':'a/b'}", "{'Content-Encoding':'gzip'}", "{'ce-id':'1'}",
		"{'CE-Anything':'1'}", "{'webhook-id':'1'}", "{'WebHook-Request-Origin':'a'}",
		"{'Expect':'100-continue'}", "{'Proxy-Authorization':'a'}", "{'traceparent':'a'}",
		"{'':'a'}", "{'a b':'c'}", "{'a:':'c'}", "{'a\\r\\nb':'c'}", "{'\xc3\xa6':'c'}",
		"{'a':''}", "{'a':' b'}", "{'a':'b '}", "{'a':'b\\r\\nHost: c'}", "{'a':'b\\nc'}",
		"{'a':'b\\u0000c'}", "{'a':'\xc3\xa6'}", "{'a':1}", "{'a':null}",
		"{'X-A':'1','x-a':'2'}"};
	struct bud_sink_header *headers = NULL;
	size_t n = 9;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse(bad[i], &headers, &n) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
	assert_null(headers);
	assert_int_equal(n, 9);
}

static int parse_many(size_t fields, size_t value_len)
{
	struct bud_sink_header *headers = NULL;
	struct bud_buffer text = {0};
	size_t n = 0;
	int r;

	for (size_t i = 0; i < fields; i++) {
		bud_buffer_format(&text, "%c'f%03zu':'", i ? ',' : '{', i);
		for (size_t j = 0; j < value_len; j++)
			bud_buffer_byte(&text, 'v');
		bud_buffer_byte(&text, '\'');
	}
	bud_buffer_byte(&text, '}');
	r = parse(text.at, &headers, &n);
	bud_sink_headers_destroy(headers, n);
	bud_buffer_finish(&text);
	return r;
}

static void keeps_its_limits(void **state)
{
	(void)state;
	assert_int_equal(parse_many(BUD_SINK_HEADERS_MAX, 1), 0);
	assert_int_equal(parse_many(BUD_SINK_HEADERS_MAX + 1, 1), -EINVAL);
	assert_int_equal(parse_many(1, BUD_SINK_HEADER_BYTES - 4), 0);
	assert_int_equal(parse_many(1, BUD_SINK_HEADER_BYTES - 3), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_ordinary_fields),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(keeps_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
