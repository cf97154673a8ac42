/* All notices of a subscription go to one partition, under their subscription's owner, and one that
 * is given an id is the same event again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/notice.h"
#include "store/note.h"

static struct bud_shard shard = {.partitions = 16};

static int set_up(void **state)
{
	(void)state;
	bud_hash_key_init(&shard.key, bud_span("seed"));
	return 0;
}

static void stays_in_its_partition(void **state)
{
	struct bud_notice notice = {.subscription = "s1", .owner = "anna", .now_ms = 1};
	bud_auto(buffer) struct bud_buffer bytes = {0};
	bool is_spread = false;
	struct bud_note note, first;

	(void)state;
	bud_note_make(&shard, &notice, &bytes, &first);
	assert_true(bud_span_is(first.owner, "anna"));
	for (int i = 0; i < 20; i++) {
		notice.kind = (enum bud_notice_kind)(i % 6);
		bud_note_make(&shard, &notice, &bytes, &note);
		assert_int_equal(note.partition, first.partition);
		assert_true(bud_span_equals(note.bytes, bud_buffer_as_span(&bytes)));
	}
	for (int i = 0; i < 20; i++) {
		char id[] = {'t', (char)('a' + i), '\0'};
		notice.subscription = id;
		bud_note_make(&shard, &notice, &bytes, &note);
		is_spread |= note.partition != first.partition;
	}
	assert_true(is_spread);
}

static void is_the_same_event_again(void **state)
{
	struct bud_notice notice = {
		.id = "x.dead", .subscription = "s1", .owner = "anna", .now_ms = 1};
	bud_auto(buffer) struct bud_buffer bytes = {0};
	struct bud_append_event event, again, other;

	(void)state;
	bud_note_prepare(&shard, &notice, &bytes, &event);
	notice.now_ms = 2;
	bud_note_prepare(&shard, &notice, &bytes, &again);
	assert_memory_equal(event.seen, again.seen, sizeof(event.seen));
	notice.id = NULL;
	bud_note_prepare(&shard, &notice, &bytes, &other);
	assert_memory_not_equal(event.seen, other.seen, sizeof(event.seen));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_in_its_partition),
		cmocka_unit_test(is_the_same_event_again),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
