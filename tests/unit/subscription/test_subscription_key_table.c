/* The key table: over growth, removal and shrinking in any order, exactly the keys that are in it
 * are found, with their words, each once in a walk; no addition moves many. */
#include "subscription/make.h"

#include "core/clock.h"
#include "core/random.h"
#include "subscription/key_table.h"

#define KEYS 60000

struct item {
	uint64_t key;
	uintptr_t word; /* 0: not in */
};

static struct item *make_items(void)
{
	struct item *items = bud_alloc_zero(KEYS * sizeof(*items));

	/* Some fall into one of two segments and near its start or its end. */
	for (size_t i = 0; i < KEYS; i++) {
		uint64_t key = (i + 1) * 0x9e3779b97f4a7c15u;
		key ^= key >> 31;
		if (i % 64 == 0)
			key = (i & 64) << 46 | (i & 128 ? 0xffffff00u : 0) | i << 32;
		items[i].key = key;
	}
	return items;
}

static void check_all(const struct bud_key_table *table, const struct item *items, size_t n_in)
{
	size_t position = 0;
	size_t n = 0;

	assert_int_equal(table->n, n_in);
	for (size_t i = 0; i < KEYS; i++) {
		const uintptr_t *word = bud_key_table_find(table, items[i].key);
		assert_int_equal(word ? *word : 0, items[i].word);
		bud_key_table_prefetch(table, items[i].key);
	}
	while (bud_key_table_next(table, &position))
		n++;
	assert_int_equal(n, n_in);
}

static void finds_exactly_what_is_in(void **state)
{
	struct item *items = make_items();
	struct bud_key_table table = {0};
	size_t n = 0;

	(void)state;
	assert_null(bud_key_table_find(&table, 1));
	for (size_t step = 0; step < 8 * KEYS; step++) {
		struct item *item = &items[bud_random_below(KEYS)];
		bool add = bud_random_below(100) < (step / (2 * KEYS) % 2 ? 15 : 85);
		uintptr_t *word;
		if (add) {
			word = bud_key_table_add(&table, item->key);
			assert_int_equal(*word, item->word);
			n += item->word == 0;
			*word = item->word = step + 1;
		} else if (item->word) {
			bud_key_table_remove(&table, bud_key_table_find(&table, item->key));
			item->word = 0;
			n--;
		}
		if (step % (2 * KEYS) == 0)
			check_all(&table, items, n);
	}
	check_all(&table, items, n);
	for (size_t i = 0; i < KEYS; i++)
		if (items[i].word)
			bud_key_table_remove(&table, bud_key_table_find(&table, items[i].key));
	assert_int_equal(table.n, 0);
	bud_key_table_finish(&table);
	free(items);
}

static void is_filled_well(void **state)
{
	enum { N = 1000000 };
	struct bud_key_table table = {0};
	int64_t us = bud_clock_mono_us();
	size_t bytes;

	(void)state;
	for (uint64_t i = 1; i <= N; i++) {
		uint64_t key = i * 0x9e3779b97f4a7c15u;
		*bud_key_table_add(&table, key ^ key >> 32) = i;
	}
	us = bud_clock_mono_us() - us;
	bytes = bud_key_table_bytes(&table);
	print_message("%.1f bytes a key, %.0f ns to add one of a million\n", (double)bytes / N,
		(double)us * 1000 / N);
	assert_true(bytes <= (size_t)N * 30); /* 16 at two thirds mostly, and the segments */
	bud_key_table_finish(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_exactly_what_is_in),
		cmocka_unit_test(is_filled_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
