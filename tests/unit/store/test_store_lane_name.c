/* A lane's name says whose it is, and of an ordered one where its events come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store/lane_name.h"

static const struct bud_shard shard = {.partitions = 16};

static void the_key_says_the_partition(void **state)
{
	char lane[BUD_LANE_TEXT_BYTES];
	char same[BUD_LANE_TEXT_BYTES];
	char other[BUD_LANE_TEXT_BYTES];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct bud_member id = {1000 + i, i, i};
		struct bud_member later = {2000, 0, i};
		unsigned partition = 99;

		bud_lane_ordered_write(&shard, bud_span("sub"), bud_span("key"), &id, lane);
		bud_lane_ordered_write(&shard, bud_span("sub"), bud_span("key"), &later, same);
		assert_string_equal(lane, same);
		assert_true(bud_lane_partition(&shard, bud_span(lane), &partition));
		assert_int_equal(partition, i);
		bud_lane_ordered_write(&shard, bud_span("sub"), bud_span("other"), &id, other);
		assert_string_not_equal(lane, other);
		/* Without a key it is alone. */
		bud_lane_ordered_write(&shard, bud_span("sub"), bud_span(""), &id, same);
		bud_lane_ordered_write(&shard, bud_span("sub"), bud_span(""), &later, other);
		assert_string_not_equal(same, other);
		assert_true(bud_lane_partition(&shard, bud_span(same), &partition));
		assert_int_equal(partition, i);
	}
}

static void the_longest_id_fits(void **state)
{
	char id[BUD_SUBSCRIPTION_ID_MAX + 1];
	char lane[BUD_LANE_TEXT_BYTES];
	struct bud_member member = {1, 1, 1};

	(void)state;
	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	bud_lane_ordered_write(&shard, bud_span(id), bud_span("key"), &member, lane);
	assert_int_equal(strlen(lane), sizeof(id) - 1 + 17);
	assert_true(bud_span_is(bud_lane_subscription(bud_span(lane)), id));
	bud_lane_replay_write(bud_span(id), lane);
	assert_true(bud_span_is(bud_lane_subscription(bud_span(lane)), id));
}

static void whose_it_is(void **state)
{
	unsigned partition;

	(void)state;
	assert_true(bud_span_is(bud_lane_subscription(bud_span("a-b_1")), "a-b_1"));
	assert_true(bud_span_is(bud_lane_subscription(bud_span("s/00")), "s"));
	assert_true(bud_span_is(bud_lane_subscription(bud_span("s~replay")), "s"));
	assert_true(bud_lane_is_replay(bud_span("s~replay")));
	assert_false(bud_lane_is_replay(bud_span("s")));
	assert_false(bud_lane_is_replay(bud_span("s/0000000000000000")));
	assert_false(bud_lane_partition(&shard, bud_span("s"), &partition));
	assert_false(bud_lane_partition(&shard, bud_span("s~replay"), &partition));
	assert_false(bud_lane_partition(&shard, bud_span("s/00"), &partition));
	assert_false(bud_lane_partition(&shard, bud_span("s/000000000000000g"), &partition));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_says_the_partition),
		cmocka_unit_test(the_longest_id_fits),
		cmocka_unit_test(whose_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
