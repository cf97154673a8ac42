/* The index: over growth and removal in any order, exactly the links that are in it are found. */
#include "subscription/make.h"

#include "core/random.h"
#include "subscription/index.h"

#define LINKS 20000

struct thing {
	struct bud_index_link link;
	uint64_t hash;
	bool is_in;
};

static bool is_found(const struct bud_index *index, const struct thing *thing)
{
	struct bud_index_link *link = bud_index_first(index, thing->hash);

	while (link && link != &thing->link)
		link = bud_index_next(link);
	return link;
}

static void finds_exactly_what_is_in(void **state)
{
	struct thing *things = bud_alloc_zero(LINKS * sizeof(*things));
	struct bud_index index = {0};
	size_t n = 0;

	(void)state;
	assert_null(bud_index_first(&index, 1));
	for (size_t i = 0; i < LINKS;
		i++) /* every fourth hash is shared, and the low bits are few */
		things[i].hash = i % 4 ? i * 0x9e3779b97f4a7c15u : (i / 64) << 20;
	for (size_t step = 0; step < 5 * LINKS; step++) {
		struct thing *thing = &things[bud_random_below(LINKS)];
		if (thing->is_in)
			bud_index_remove(&index, &thing->link);
		else
			bud_index_add(&index, &thing->link, thing->hash);
		n = thing->is_in ? n - 1 : n + 1;
		thing->is_in = !thing->is_in;
		assert_int_equal(is_found(&index, thing), thing->is_in);
	}
	assert_int_equal(index.n, n);
	for (size_t i = 0; i < LINKS; i++)
		assert_int_equal(is_found(&index, &things[i]), things[i].is_in);
	for (size_t position = 0; bud_index_take(&index, &position);)
		n--;
	assert_int_equal(n, 0);
	assert_int_equal(index.n, 0);
	bud_index_finish(&index);
	free(things);
}

/* What keeps every addition short: no bucket has more than a few links of different hashes. */
static void spreads_links_over_buckets(void **state)
{
	struct thing *things = bud_alloc_zero(LINKS * sizeof(*things));
	struct bud_index index = {0};
	size_t longest = 0;

	(void)state;
	for (size_t i = 0; i < LINKS; i++)
		bud_index_add(&index, &things[i].link, (i + 1) * 0x9e3779b97f4a7c15u >> 7);
	for (size_t i = 0; i < LINKS; i++) {
		size_t chain = 0;
		for (struct bud_index_link *link = &things[i].link; link; link = link->next)
			chain++;
		longest = chain > longest ? chain : longest;
	}
	assert_in_range(longest, 1, 12);
	assert_in_range(index.buckets, LINKS - 64, LINKS + 64);
	bud_index_finish(&index);
	free(things);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_exactly_what_is_in),
		cmocka_unit_test(spreads_links_over_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
