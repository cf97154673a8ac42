/* The names of events: what is written is read back, members of one partition sort as text in the
 * order of their ids, and nothing else is taken for a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "store/member.h"

static const struct bud_member members[] = {
	{0, 0, 0},
	{1700000000000, 0, 7},
	{1700000000000, 1, 7},
	{1700000000000, 2, 7},
	{1700000000000, 10, 7},
	{1700000000000, 4294967295, 7},
	{1700000000001, 0, 15},
	{UINT64_MAX, UINT64_MAX, 99},
};

#define N (sizeof(members) / sizeof(*members))

static void round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++) {
		char text[BUD_MEMBER_TEXT_BYTES];
		struct bud_member read = {0};
		bud_member_write(&members[i], text);
		assert_true(strlen(text) < BUD_MEMBER_TEXT_BYTES);
		assert_true(bud_member_parse(bud_span(text), &read));
		assert_int_equal(read.partition, members[i].partition);
		assert_int_equal(bud_stream_id_compare(&read, &members[i]), 0);
		bud_stream_id_write(&members[i], text);
		read = (struct bud_member){.partition = 3};
		assert_true(bud_stream_id_parse(bud_span(text), &read));
		assert_int_equal(bud_stream_id_compare(&read, &members[i]), 0);
		assert_int_equal(read.partition, 3);
	}
}

static void is_written_padded(void **state)
{
	char text[BUD_MEMBER_TEXT_BYTES];

	(void)state;
	bud_member_write(&members[4], text);
	assert_string_equal(text, "07-1700000000000-0000000010");
	bud_stream_id_write(&members[4], text);
	assert_string_equal(text, "1700000000000-10");
}

static void sorts_as_text(void **state)
{
	(void)state;
	for (size_t i = 2; i < 6; i++) {
		char before[BUD_MEMBER_TEXT_BYTES];
		char text[BUD_MEMBER_TEXT_BYTES];
		bud_member_write(&members[i - 1], before);
		bud_member_write(&members[i], text);
		assert_true(strcmp(before, text) < 0);
	}
}

static void compares_by_time_then_sequence(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < N; j++) {
			int sign = bud_stream_id_compare(&members[i], &members[j]);
			assert_int_equal(sign, i < j ? -1 : i > j);
		}
}

static void refuses_the_rest(void **state)
{
	static const char *const bad[] = {"", "-", "07", "07-", "07-1", "7-1-1", "007-1-1", "07-1-",
		"07--1", "07-1-x", "x7-1-1", "07-1-1-1", "07 1-1", "07-18446744073709551616-1",
		"07- 1-1", "07-+1-1"};
	struct bud_member member = {5, 6, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (bud_member_parse(bud_span(bad[i]), &member))
			fail_msg("taken: \"%s\"", bad[i]);
	assert_false(bud_member_parse((struct bud_span){NULL, 0}, &member));
	assert_false(bud_stream_id_parse((struct bud_span){NULL, 0}, &member));
	assert_false(bud_stream_id_parse(bud_span("12"), &member));
	assert_int_equal(member.ms, 5);
	assert_int_equal(member.seq, 6);
	assert_int_equal(member.partition, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(is_written_padded),
		cmocka_unit_test(sorts_as_text),
		cmocka_unit_test(compares_by_time_then_sequence),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
