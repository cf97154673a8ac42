/* A batch gives its events' exact bytes in order; an error names the event, a limit is told apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "event/batch.h"
#include "event/envelope.h"
#include "scanned.h"

#define GOOD "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}"

/* How many events came before the end (then *out_result is 0) or the error. */
static size_t count(struct bud_span body, int *out_result)
{
	struct bud_batch batch;
	size_t n = 0;

	error = (struct bud_error){0};
	bud_batch_init(&batch, body);
	while ((*out_result = bud_batch_next(&batch, &envelope, &error)) == 1)
		n++;
	return n;
}

static void gives_exact_bytes(void **state)
{
	static const char *const events[] = {GOOD,
		"{ \"id\":\"\\u0031\" ,\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\" }",
		GOOD};
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_batch batch;

	(void)state;
	bud_buffer_format(&body, "\n [ %s\t,%s ,\r\n%s ] \n", events[0], events[1], events[2]);
	bud_batch_init(&batch, bud_buffer_as_span(&body));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(bud_batch_next(&batch, &envelope, &error), 1);
		assert_true(bud_span_is(envelope.json, events[i]));
		assert_true(bud_span_is(envelope.id, "1"));
		assert_int_equal(batch.n, i + 1);
	}
	assert_int_equal(bud_batch_next(&batch, &envelope, &error), 0);
	assert_int_equal(bud_batch_next(&batch, &envelope, &error), 0);
}

static void accepts_an_empty_batch(void **state)
{
	static const char *const cases[] = {"[]", " [ ] ", "[\n]\n"};
	int r;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(count(bud_span(cases[i]), &r), 0);
		assert_int_equal(r, 0);
	}
}

static void names_the_fault(void **state)
{
	static const struct {
		const char *body, *member;
		size_t n;
	} cases[] = {
		{"", "", 0},
		{GOOD, "", 0},
		{"\xef\xbb\xbf[]", "", 0},
		{"[] x", "", 0},
		{"[]]", "", 0},
		{"[", "events[0]", 0},
		{"[,]", "events[0]", 0},
		{"[null]", "events[0]", 0},
		{"[1]", "events[0]", 0},
		{"[[]]", "events[0]", 0},
		{"[{}]", "events[0].specversion", 0},
		{"[" GOOD, "events[1]", 1},
		{"[" GOOD ",", "events[1]", 1},
		{"[" GOOD ",]", "events[1]", 1},
		{"[" GOOD " " GOOD "]", "events[1]", 1},
		{"[" GOOD "}", "events[1]", 1},
		{"[" GOOD "]" GOOD, "", 1},
		{"[" GOOD "," GOOD ",{\"subject\":\"\"}]", "events[2].subject", 2},
		{"[" GOOD ",{\"data\":[01]}]", "events[1].data", 1},
		{"[" GOOD ",{\"A\":1}]", "events[1].A", 1},
	};
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = count(bud_span(cases[i].body), &r);
		if (r != -EINVAL || n != cases[i].n || strcmp(error.member, cases[i].member) != 0)
			fail_msg("%s: %d after %zu, member %s: %s", cases[i].body, r, n,
				error.member, error.text);
		assert_true(error.text[0] != '\0');
	}
}

static void works_without_an_error(void **state)
{
	struct bud_batch batch;

	(void)state;
	bud_batch_init(&batch, bud_span("[" GOOD ",{}]"));
	assert_int_equal(bud_batch_next(&batch, &envelope, NULL), 1);
	assert_int_equal(bud_batch_next(&batch, &envelope, NULL), -EINVAL);
}

static void tells_limits_apart(void **state)
{
	int r;

	(void)state;
	for (size_t n = BUD_BATCH_EVENTS_MAX - 1; n < BUD_BATCH_EVENTS_MAX + 2; n++) {
		bud_auto(buffer) struct bud_buffer body = {0};
		bud_buffer_text(&body, "[" GOOD);
		for (size_t i = 1; i < n; i++)
			bud_buffer_text(&body, "," GOOD);
		bud_buffer_text(&body, "]");
		count(bud_buffer_as_span(&body), &r);
		assert_int_equal(r, n <= BUD_BATCH_EVENTS_MAX ? 0 : -E2BIG);
	}
	for (size_t len = BUD_BATCH_BYTES_MAX - 1; len < BUD_BATCH_BYTES_MAX + 2; len++) {
		bud_auto(buffer) struct bud_buffer body = {0};
		memset(bud_buffer_reserve(&body, len), ' ', len);
		body.len = len;
		memcpy(body.at, "[]", 2);
		count(bud_buffer_as_span(&body), &r);
		assert_int_equal(r, len <= BUD_BATCH_BYTES_MAX ? 0 : -E2BIG);
	}
}

static void tells_which_event_is_too_long(void **state)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	int r;

	(void)state;
	bud_buffer_text(&body, "[" GOOD ",{\"data\":\"");
	memset(bud_buffer_reserve(&body, BUD_EVENT_BYTES_MAX), 'x', BUD_EVENT_BYTES_MAX);
	body.len += BUD_EVENT_BYTES_MAX;
	bud_buffer_text(&body, "\"}]");
	assert_int_equal(count(bud_buffer_as_span(&body), &r), 1);
	assert_int_equal(r, -E2BIG);
	assert_string_equal(error.member, "events[1]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_exact_bytes),
		cmocka_unit_test(accepts_an_empty_batch),
		cmocka_unit_test(names_the_fault),
		cmocka_unit_test(works_without_an_error),
		cmocka_unit_test(tells_limits_apart),
		cmocka_unit_test(tells_which_event_is_too_long),
	};

	return cmocka_run_group_tests(tests, envelope_start, envelope_finish);
}
