/* A map must hold exactly what was put and not removed, whatever the order, and through growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/map.h"

#define ITEMS 500

struct item {
	char key[16];
	bool is_in;
};

static struct bud_span key_of(const struct item *item)
{
	return bud_span(item->key);
}

static void test_empty(void **state)
{
	struct bud_map map = {0};
	size_t position = 0;

	(void)state;
	assert_null(bud_map_get(&map, bud_span("a")));
	assert_null(bud_map_remove(&map, bud_span("a")));
	assert_null(bud_map_next(&map, &position));
	bud_map_finish(&map);
}

static void test_put_returns_what_was_there(void **state)
{
	struct bud_map map = {0};
	int one;
	int two;

	(void)state;
	assert_null(bud_map_put(&map, bud_span("a"), &one));
	assert_ptr_equal(bud_map_put(&map, bud_span("a"), &two), &one);
	assert_int_equal(map.n, 1);
	assert_ptr_equal(bud_map_get(&map, bud_span("a")), &two);
	assert_ptr_equal(bud_map_remove(&map, bud_span("a")), &two);
	assert_null(bud_map_remove(&map, bud_span("a")));
	assert_int_equal(map.n, 0);
	bud_map_finish(&map);
}

static void test_keys_are_bytes(void **state)
{
	struct bud_map map = {0};
	int values[3];

	(void)state;
	bud_map_put(&map, (struct bud_span){"a\0b", 3}, &values[0]);
	bud_map_put(&map, (struct bud_span){"a\0c", 3}, &values[1]);
	bud_map_put(&map, (struct bud_span){"", 0}, &values[2]);
	assert_ptr_equal(bud_map_get(&map, (struct bud_span){"a\0b", 3}), &values[0]);
	assert_ptr_equal(bud_map_get(&map, (struct bud_span){"a\0c", 3}), &values[1]);
	assert_ptr_equal(bud_map_get(&map, (struct bud_span){"", 0}), &values[2]);
	assert_null(bud_map_get(&map, (struct bud_span){"a", 1}));
	bud_map_finish(&map);
}

static void check_all(const struct bud_map *map, const struct item *items)
{
	size_t n = 0;
	size_t walked = 0;
	size_t position = 0;
	const struct item *item;

	for (size_t i = 0; i < ITEMS; i++) {
		n += items[i].is_in;
		assert_ptr_equal(
			bud_map_get(map, key_of(&items[i])), items[i].is_in ? &items[i] : NULL);
	}
	while ((item = bud_map_next(map, &position)) != NULL) {
		assert_true(item->is_in);
		walked++;
	}
	assert_int_equal(map->n, n);
	assert_int_equal(walked, n);
}

/* Removal shifts others back; a mistake there loses a key behind the hole. */
static void test_against_a_plain_list(void **state)
{
	static struct item items[ITEMS];
	struct bud_map map = {0};
	uint32_t random = 12345;

	(void)state;
	for (size_t i = 0; i < ITEMS; i++)
		snprintf(items[i].key, sizeof(items[i].key), "key-%zu", i);
	for (size_t step = 0; step < 20000; step++) {
		struct item *item;
		random = random * 1664525u + 1013904223u;
		/* Waves: first mostly puts, then mostly removals. */
		item = &items[(random >> 8) % ITEMS];
		if ((random >> 24) % 4 < (step / 2000 % 2 ? 1 : 3)) {
			assert_ptr_equal(
				bud_map_put(&map, key_of(item), item), item->is_in ? item : NULL);
			item->is_in = true;
		} else {
			assert_ptr_equal(
				bud_map_remove(&map, key_of(item)), item->is_in ? item : NULL);
			item->is_in = false;
		}
		if (step % 500 == 0)
			check_all(&map, items);
	}
	check_all(&map, items);
	bud_map_finish(&map);
	assert_int_equal(map.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_put_returns_what_was_there),
		cmocka_unit_test(test_keys_are_bytes),
		cmocka_unit_test(test_against_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
