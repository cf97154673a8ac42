/* Events broken at random: no scan reads outside of the bytes, an event that the full scan accepts
 * is the same to the stored scan, and what jansson cannot read is never accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "event/envelope.h"
#include "event/event.h"
#include "mutate.h"

static const char plain[] =
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}";
static const char full_text[] =
	"{\"specversion\":\"1.0\",\"id\":\"8d1f\",\"source\":\"https://h:80/a%20b?x=y#z\","
	"\"type\":\"t.v1\",\"subject\":\"s\",\"time\":\"2026-02-28T13:05:00.123+01:00\","
	"\"datacontenttype\":\"text/plain\",\"n\":12,\"b\":true,\"gone\":null,"
	"\"data\":\"text \\u00e9 \\ud83d\\ude00 \xc3\xa9 \\\"quoted\\\"\"}";
static const char escaped[] =
	"{ \"specversion\" : \"1.0\" , \"id\" : \"\\\"1\\\"\" , \"source\":\"\\/s\","
	"\"type\":\"\\u0074\",\"data\" : {\"a\":[1,-2.5e+10,{\"}\":\"]\"}],\"b\":\"\\\\\"} ,"
	"\"expirytime\":\"2026-02-28T13:05:00Z\"}";
static const char binary[] =
	"{\"data_base64\":\"AAEC\\/w==\",\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
	"\"type\":\"t\"}";
static const char *const seeds[] = {plain, full_text, escaped, binary};

static void assert_same(const struct bud_envelope *a, const struct bud_envelope *b)
{
	assert_int_equal(a->attributes_n, b->attributes_n);
	assert_int_equal(a->data_kind, b->data_kind);
	assert_true(bud_span_equals(a->data, b->data));
	for (size_t i = 0; i < a->attributes_n; i++) {
		assert_true(bud_span_equals(a->attributes[i].name, b->attributes[i].name));
		assert_true(bud_span_equals(a->attributes[i].value, b->attributes[i].value));
	}
	assert_true(bud_span_equals(a->id, b->id) && bud_span_equals(a->source, b->source));
	assert_true(bud_span_equals(a->type, b->type) && bud_span_equals(a->subject, b->subject));
	assert_true(bud_span_equals(a->expirytime, b->expirytime));
}

/* jansson's idea of the attributes must be ours: strings, integers, booleans. */
static void assert_as_jansson(const struct bud_envelope *envelope)
{
	json_error_t error;
	json_t *json = json_loadb(envelope->json.at, envelope->json.len, JSON_ALLOW_NUL, &error);

	/* Numbers in data may be too big for it. */
	if (!json && (json_error_code(&error) == json_error_numeric_overflow ||
			     json_error_code(&error) == json_error_null_byte_in_key))
		return;
	if (!json)
		fail_msg("jansson: %s: %.*s", error.text, (int)envelope->json.len,
			envelope->json.at);
	for (size_t i = 0; i < envelope->attributes_n; i++) {
		const struct bud_attribute *attribute = &envelope->attributes[i];
		json_t *value = json_object_getn(json, attribute->name.at, attribute->name.len);

		assert_non_null(value);
		if (json_is_string(value))
			assert_true(bud_span_equals(
				attribute->value, (struct bud_span){json_string_value(value),
							  json_string_length(value)}));
		else if (json_is_integer(value))
			assert_int_equal(
				strtol(attribute->value.at, NULL, 10), json_integer_value(value));
		else
			assert_true(bud_span_is(
				attribute->value, json_is_true(value) ? "true" : "false"));
	}
	json_decref(json);
}

static struct bud_envelope full, stored;

/* 1 when the event is accepted. */
static size_t check(struct bud_span text)
{
	/* Its own memory, so that a sanitizer sees one byte too far. */
	char *copy = malloc(text.len + (text.len == 0));
	struct bud_span json = {memcpy(copy, text.at, text.len), text.len};
	struct bud_event *event;
	bool is_good = bud_envelope_scan(&full, json, NULL) == 0;

	if (is_good) {
		assert_int_equal(bud_envelope_scan_stored(&stored, full.json), 0);
		assert_same(&full, &stored);
		assert_as_jansson(&full);
	}
	event = bud_event_create(bud_span("local"), is_good ? full.json : json);
	assert_true(event || !is_good);
	bud_event_unref(event);
	free(copy);
	return is_good;
}

static void holds_for_broken_events(void **state)
{
	unsigned seed = 7;
	size_t accepted = 0;

	(void)state;
	bud_envelope_init(&full);
	bud_envelope_init(&stored);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(check(bud_span(seeds[i])), 1);
	for (int round = 0; round < 60000; round++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_buffer_text(&text, seeds[round % 4]);
		mutate(&text, &seed);
		accepted += check(bud_buffer_as_span(&text));
	}
	bud_envelope_finish(&full);
	bud_envelope_finish(&stored);
	/* Both sides were seen often. */
	assert_in_range(accepted, 3000, 57000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_for_broken_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
