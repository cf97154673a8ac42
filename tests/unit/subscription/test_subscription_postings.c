/* Postings: whatever is put in and taken out in whatever order, a walk from any serial gives what
 * is in, in order, each once. */
#include "subscription/make.h"

#include "core/random.h"
#include "subscription/postings.h"

#define MANY 3000

static struct bud_subscription *make_many(void)
{
	struct bud_subscription *many = bud_alloc_zero(MANY * sizeof(*many));

	for (uint32_t i = 0; i < MANY; i++) {
		many[i].serial = i / 2 + 1; /* two of each, told apart by slot */
		many[i].slot = i;
	}
	return many;
}

static void check_walk(const struct bud_postings *postings, const struct bud_subscription *many,
	const bool *is_in, uint64_t after)
{
	struct bud_postings_cursor cursor = bud_postings_seek(postings, after);

	for (size_t i = 0; i < MANY; i++) {
		if (!is_in[i] || many[i].serial <= after)
			continue;
		assert_ptr_equal(bud_postings_current(&cursor), &many[i]);
		bud_postings_advance(&cursor);
	}
	assert_null(bud_postings_current(&cursor));
}

static void walks_in_order_after_any_changes(void **state)
{
	struct bud_subscription *many = make_many();
	struct bud_postings postings = {0};
	bool is_in[MANY] = {false};

	(void)state;
	check_walk(&postings, many, is_in, 0);
	for (size_t step = 0; step < 20 * MANY; step++) {
		size_t i = bud_random_below(MANY);
		bool add = bud_random_below(100) < (step / MANY % 2 ? 20 : 80);
		if (add)
			bud_postings_add(&postings, &many[i]);
		else
			bud_postings_remove(&postings, &many[i]);
		is_in[i] = add;
		if (step % 500 == 0)
			check_walk(&postings, many, is_in, bud_random_below(MANY / 2 + 2));
	}
	check_walk(&postings, many, is_in, 0);
	for (size_t i = 0; i < MANY; i++)
		bud_postings_remove(&postings, &many[i]);
	assert_int_equal(postings.n_blocks, 0);
	bud_postings_finish(&postings);
	free(many);
}

static void filled_in_order_its_blocks_are_full(void **state)
{
	struct bud_subscription *many = make_many();
	struct bud_postings postings = {0};
	bool is_in[MANY];

	(void)state;
	memset(is_in, true, sizeof(is_in));
	for (size_t i = 0; i < MANY; i++)
		bud_postings_add(&postings, &many[i]);
	assert_int_equal(postings.n_blocks, (MANY + 127) / 128);
	for (uint64_t after = 0; after <= MANY / 2 + 1; after += 7)
		check_walk(&postings, many, is_in, after);
	check_walk(&postings, many, is_in, UINT64_MAX);
	bud_postings_finish(&postings);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_in_order_after_any_changes),
		cmocka_unit_test(filled_in_order_its_blocks_are_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
