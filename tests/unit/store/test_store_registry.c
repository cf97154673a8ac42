/* A stored record: what stands in front of it is read, a tombstone is an empty record, and what is
 * no stored record is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "store/registry.h"

static void reads_what_stands_beside_the_record(void **state)
{
	struct bud_registry_value value;

	(void)state;
	assert_true(bud_registry_value_parse(bud_span("12 e1 f1\n{\"a\":\"b c\"}"), &value));
	assert_int_equal(value.serial, 12);
	assert_true(bud_span_is(value.etag, "e1"));
	assert_true(bud_span_is(value.fingerprint, "f1"));
	assert_true(bud_span_is(value.record, "{\"a\":\"b c\"}"));
	assert_int_equal(value.status.len, 0);
	assert_true(
		bud_registry_value_parse(bud_span("12 e1 f1\n{}\n{\"state\":\"paused\"}"), &value));
	assert_true(bud_span_is(value.record, "{}"));
	assert_true(bud_span_is(value.status, "{\"state\":\"paused\"}"));
}

static void a_tombstone_is_empty(void **state)
{
	struct bud_registry_value value;

	(void)state;
	assert_true(bud_registry_value_parse(bud_span("9223372036854775807 e f\n"), &value));
	assert_int_equal(value.serial, INT64_MAX);
	assert_int_equal(value.record.len, 0);
}

static void refuses_the_rest(void **state)
{
	static const char *const bad[] = {"", " ", "12", "12 e1", "12 e1 f1", "x e1 f1\n{}",
		" e1 f1\n{}", "-1 e1 f1\n{}", "9223372036854775808 e1 f1\n{}", "\n", "{}"};
	struct bud_registry_value value = {.serial = 5};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (bud_registry_value_parse(bud_span(bad[i]), &value))
			fail_msg("taken: \"%s\"", bad[i]);
	assert_false(bud_registry_value_parse((struct bud_span){NULL, 0}, &value));
	assert_int_equal(value.serial, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_stands_beside_the_record),
		cmocka_unit_test(a_tombstone_is_empty),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
