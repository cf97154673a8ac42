/* Postings: whatever is put in and taken out in whatever order, a walk from any serial gives what
 * is in, in order, each once, and says truly whether a filter is that of the one before and whether
 * there may be an expiry. */
#include "subscription/make.h"

#include <malloc.h>

#include "core/random.h"
#include "subscription/postings.h"

#define MANY 3000

/* A sanitizer's allocator keeps no such books; then there is nothing to assert. */
static size_t heap_in_use(void)
{
	return mallinfo2().uordblks;
}

static struct bud_subscription *make_many(void)
{
	struct bud_subscription *many = bud_alloc_zero(MANY * sizeof(*many));

	for (uint32_t i = 0; i < MANY; i++) {
		many[i].serial = i / 2 + 1; /* two of each, told apart by slot */
		many[i].slot = i;
		/* Runs of equal filters, which nobody looks into here. */
		many[i].filter = (struct bud_filter *)(uintptr_t)(8 * (i / 3 % 5));
		many[i].expires_ms = i % 11 == 0;
	}
	return many;
}

static bool is_in_all(const bool *is_in)
{
	return !memchr(is_in, false, MANY * sizeof(*is_in));
}

static void check_walk(const struct bud_postings *postings, const struct bud_subscription *many,
	const bool *is_in, uint64_t after)
{
	struct bud_postings_cursor cursor = bud_postings_seek(postings, after);
	const struct bud_subscription *before = NULL;
	size_t n_same = 0;

	for (size_t i = 0; i < MANY; i++) {
		if (!is_in[i] || many[i].serial <= after)
			continue;
		assert_ptr_equal(cursor.subscription, &many[i]);
		assert_int_equal(cursor.serial, many[i].serial);
		assert_true(cursor.may_expire || !many[i].expires_ms);
		assert_true(!cursor.is_same || (before && before->filter == many[i].filter));
		n_same += cursor.is_same;
		before = &many[i];
		bud_postings_advance(&cursor);
	}
	assert_null(cursor.subscription);
	if (is_in_all(is_in) && after == 0)
		assert_true(n_same > MANY / 2);
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
			assert_int_equal(bud_postings_add(&postings, &many[i]), !is_in[i]);
		else
			assert_int_equal(bud_postings_remove(&postings, &many[i]), is_in[i]);
		is_in[i] = add;
		if (step % 500 == 0)
			check_walk(&postings, many, is_in, bud_random_below(MANY / 2 + 2));
	}
	check_walk(&postings, many, is_in, 0);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(bud_postings_remove(&postings, &many[i]), is_in[i]);
	assert_true(bud_postings_are_empty(&postings));
	bud_postings_finish(&postings);
	free(many);
}

/* A few, where one becomes a block, a block a list, and back. */
static void changes_its_form_and_back(void **state)
{
	enum { FEW = 260 };
	struct bud_subscription *many = make_many();
	struct bud_postings postings = {0};
	bool is_in[MANY] = {false};

	(void)state;
	for (size_t turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < FEW; i++) {
			size_t at = turn == 1 ? FEW - 1 - i : i;
			assert_true(bud_postings_add(&postings, &many[at]));
			is_in[at] = true;
			check_walk(&postings, many, is_in, i % 7);
		}
		for (size_t i = 0; i < FEW; i++) {
			size_t at = turn == 2 ? FEW - 1 - i : i;
			assert_true(bud_postings_remove(&postings, &many[at]));
			is_in[at] = false;
			check_walk(&postings, many, is_in, 0);
		}
		assert_true(bud_postings_are_empty(&postings));
	}
	bud_postings_finish(&postings);
	free(many);
}

static void filled_in_order_its_blocks_are_full(void **state)
{
	struct bud_subscription *many = make_many();
	struct bud_postings postings = {0};
	size_t before = heap_in_use();
	bool is_in[MANY];

	(void)state;
	memset(is_in, true, sizeof(is_in));
	for (size_t i = 0; i < MANY; i++)
		assert_true(bud_postings_add(&postings, &many[i]));
	assert_true(heap_in_use() - before <= MANY * 20); /* 16 each, and a block's head */
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
		cmocka_unit_test(changes_its_form_and_back),
		cmocka_unit_test(filled_in_order_its_blocks_are_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
