/* Turns: everybody comes when it is due and not before; one owner never has more than a quarter,
 * and those that were asked before leave half of the room; owners take turns; and what waits for
 * long costs nothing. */
#include "lifecycle/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/alloc.h"

#define MAX  16
#define TICK 10

static int set_up(void **state)
{
	struct bud_turns *turns = bud_new(struct bud_turns);

	bud_turns_init(turns, MAX, TICK, 1000);
	*state = turns;
	return 0;
}

static int tear_down(void **state)
{
	struct bud_turns *turns = *state;

	assert_int_equal(turns->running, 0);
	bud_turns_finish(turns);
	free(*state);
	return 0;
}

static void join(struct bud_turns *turns, struct bud_turn *list, int n, const char *owner)
{
	for (int i = 0; i < n; i++)
		bud_turn_join(turns, &list[i], owner);
}

static void leave(struct bud_turns *turns, struct bud_turn *list, int n)
{
	for (int i = 0; i < n; i++)
		bud_turn_leave(turns, &list[i]);
}

/* How many of all begin now. */
static int begin(struct bud_turns *turns, int64_t now_ms)
{
	int n = 0;

	while (bud_turns_next(turns, now_ms))
		n++;
	return n;
}

static void comes_when_it_is_due(void **state)
{
	static const int64_t dues[] = {
		1001, 1010, 1011, 1234, 1000 + TICK * BUD_TURNS_SLOTS + 3, 90000, 3600000};
	struct bud_turns *turns = *state;
	struct bud_turn turn;

	bud_turn_join(turns, &turn, "a");
	assert_ptr_equal(bud_turns_next(turns, 1000), &turn);
	assert_null(bud_turns_next(turns, 1000));
	for (size_t i = 0; i < sizeof(dues) / sizeof(dues[0]); i++) {
		int64_t now_ms = turns->looked * TICK;
		bud_turn_wait(turns, &turn, dues[i], true);
		while (now_ms < dues[i]) {
			assert_null(bud_turns_next(turns, now_ms));
			now_ms += TICK;
		}
		assert_ptr_equal(bud_turns_next(turns, now_ms), &turn);
	}
	bud_turn_wait(turns, &turn, 0, true); /* at once */
	assert_ptr_equal(bud_turns_next(turns, 3600000), &turn);
	/* Nobody looked for long. */
	bud_turn_wait(turns, &turn, 3700000, true);
	assert_ptr_equal(bud_turns_next(turns, 9000000), &turn);
	bud_turn_wait(turns, &turn, INT64_MAX, true);
	assert_null(bud_turns_next(turns, 99000000));
	leave(turns, &turn, 1);
}

static void one_owner_has_a_quarter(void **state)
{
	struct bud_turns *turns = *state;
	struct bud_turn many[40], few[2];

	join(turns, many, 40, "many");
	assert_int_equal(begin(turns, 1000), MAX / 4);
	join(turns, few, 2, "few");
	assert_int_equal(begin(turns, 1000), 2);
	for (int i = 0; i < 2; i++)
		assert_true(few[i].is_running);
	/* Whoever is done makes room for the next of the same owner. */
	bud_turn_wait(turns, &many[0], 9000, true);
	assert_int_equal(begin(turns, 1000), 1);
	leave(turns, many, 40);
	leave(turns, few, 2);
}

static void repeats_leave_half(void **state)
{
	struct bud_turns *turns = *state;
	struct bud_turn owned[10][4], fresh;
	char owner[2] = "a";

	for (int i = 0; i < 10; i++, owner[0]++) {
		join(turns, owned[i], 4, owner);
		for (int k = 0; k < 4; k++)
			bud_turn_wait(turns, &owned[i][k], 1020, true);
	}
	assert_int_equal(begin(turns, 1019), 0);
	assert_int_equal(begin(turns, 1020), MAX / 2);
	/* An owner whose repeats hang has room for what is new of it. */
	bud_turn_join(turns, &fresh, "a");
	assert_ptr_equal(bud_turns_next(turns, 1020), &fresh);
	bud_turn_leave(turns, &fresh);
	for (int i = 0; i < 10; i++)
		for (int k = 0; k < 4; k++)
			bud_turn_leave(turns, &owned[i][k]);
}

static void repeats_of_one_owner_have_an_eighth(void **state)
{
	struct bud_turns *turns = *state;
	struct bud_turn many[20];

	join(turns, many, 20, "many");
	for (int i = 0; i < 20; i++)
		bud_turn_wait(turns, &many[i], 0, true);
	assert_int_equal(begin(turns, 1000), MAX / 8);
	leave(turns, many, 20);
}

static void owners_take_turns(void **state)
{
	struct bud_turns *turns = *state;
	struct bud_turn a[3], b[3];

	join(turns, a, 3, "a");
	join(turns, b, 3, "b");
	assert_ptr_equal(bud_turns_next(turns, 1000), &a[0]);
	assert_ptr_equal(bud_turns_next(turns, 1000), &b[0]);
	assert_ptr_equal(bud_turns_next(turns, 1000), &a[1]);
	assert_ptr_equal(bud_turns_next(turns, 1000), &b[1]);
	bud_turn_leave(turns, &a[2]);
	assert_ptr_equal(bud_turns_next(turns, 1000), &b[2]);
	assert_null(bud_turns_next(turns, 1000));
	leave(turns, a, 2);
	leave(turns, b, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(comes_when_it_is_due),
		TEST(one_owner_has_a_quarter),
		TEST(repeats_leave_half),
		TEST(repeats_of_one_owner_have_an_eighth),
		TEST(owners_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
