/* The count of an event that came in again: read with care, written into the event without touching
 * anything else, raised and never lowered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "event/envelope.h"
#include "event/event.h"
#include "event/hops.h"

#define REST                                                                                       \
	"\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","                   \
	"\"data\":{\"webhookhops\":9}"

static void reads_a_small_number(void **state)
{
	static const char *const bad[] = {
		"", "x", "-1", "+1", "1.0", "0x1", "1 2", "99999999999999999999"};
	struct bud_error error;
	unsigned hops = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bud_hops_parse(bud_span(bad[i]), &hops, &error), -EINVAL);
	assert_string_equal(error.member, "webhook-hops");
	assert_int_equal(bud_hops_parse(bud_span("4"), &hops, &error), -ELOOP);
	assert_non_null(strstr(error.text, "4 times"));
	assert_int_equal(hops, 77);
	assert_int_equal(bud_hops_parse(bud_span("0"), &hops, &error), 0);
	assert_int_equal(hops, 0);
	assert_int_equal(bud_hops_parse(bud_span("3"), &hops, &error), 0);
	assert_int_equal(hops, 3);
}

static int write_hops(const char *json, unsigned hops, struct bud_buffer *out)
{
	struct bud_envelope envelope;
	struct bud_error error;
	int r;

	bud_envelope_init(&envelope);
	assert_int_equal(bud_envelope_scan(&envelope, bud_span(json), &error), 0);
	r = bud_hops_write(&envelope, hops, out, &error);
	bud_envelope_finish(&envelope);
	return r;
}

static void assert_hops(struct bud_span json, unsigned hops)
{
	struct bud_event *event = bud_event_create(bud_span("o"), json);

	assert_non_null(event);
	assert_int_equal(event->hops, hops);
	bud_event_unref(event);
}

static void writes_it_into_the_event(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		unsigned hops;
	} cases[] = {
		{" {" REST "} ", "{\"webhookhops\":2," REST "}", 2},
		{"{" REST ",\"webhookhops\" : 1 }", "{" REST ",\"webhookhops\" : 2 }", 2},
		{"{\"webhookhops\":\"1\"," REST "}", "{\"webhookhops\":\"2\"," REST "}", 2},
		{"{\"webhookhops\":\"none\"," REST "}", "{\"webhookhops\":\"2\"," REST "}", 2},
		{"{\"webhookhops\":3," REST "}", "{\"webhookhops\":3," REST "}", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer out = {0};
		assert_int_equal(write_hops(cases[i].from, 2, &out), 0);
		assert_string_equal(out.at, cases[i].to);
		assert_true(out.len <= strlen(cases[i].from) + BUD_HOPS_ROOM);
		assert_hops(bud_buffer_as_span(&out), cases[i].hops);
	}
	assert_hops(bud_span("{" REST "}"), 0);
}

static void finds_no_room(void **state)
{
	bud_auto(buffer) struct bud_buffer json = {0}, out = {0};

	(void)state;
	assert_int_equal(write_hops("{\"webhookhops\":\"\\u0031\"," REST "}", 2, &out), -EINVAL);
	bud_buffer_text(&json, "{" REST);
	for (int i = 4; i < (int)BUD_ATTRIBUTES_MAX - 1; i++)
		bud_buffer_format(&json, ",\"a%d\":1", i);
	bud_buffer_text(&json, "}");
	assert_int_equal(write_hops(json.at, 2, &out), 0);
	assert_hops(bud_buffer_as_span(&out), 2);
	json.len--;
	bud_buffer_text(&json, ",\"last\":1}");
	assert_int_equal(write_hops(json.at, 2, &out), -EINVAL);
}

static void sends_one_more(void **state)
{
	(void)state;
	assert_string_equal(bud_hops_line(0), "webhook-hops: 1");
	assert_string_equal(bud_hops_line(3), "webhook-hops: 4");
	assert_string_equal(bud_hops_line(9), "webhook-hops: 4");
	assert_int_equal(bud_hops_of(bud_span("3")), 3);
	assert_int_equal(bud_hops_of(bud_span("4")), 0);
	assert_int_equal(bud_hops_of(bud_span("x")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_small_number),
		cmocka_unit_test(writes_it_into_the_event),
		cmocka_unit_test(finds_no_room),
		cmocka_unit_test(sends_one_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
