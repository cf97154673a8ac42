/* A list must keep its order through appends and removals, and removing twice be harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/list.h"

struct item {
	int number;
	struct bud_list link;
};

static void check(const struct bud_list *list, const int *numbers, size_t n)
{
	struct item *item;
	size_t i = 0;

	bud_list_each (item, list, link) {
		assert_true(i < n);
		assert_int_equal(item->number, numbers[i++]);
	}
	assert_int_equal(i, n);
	assert_int_equal(bud_list_is_empty(list), n == 0);
}
#define CHECK(list, ...)                                                                           \
	check(list, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void test_append_and_remove(void **state)
{
	struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
	struct bud_list list;

	(void)state;
	bud_list_init(&list);
	check(&list, NULL, 0);
	for (size_t i = 0; i < 3; i++)
		bud_list_append(&list, &items[i].link);
	CHECK(&list, 1, 2, 3);
	assert_ptr_equal(bud_list_first(&list, struct item, link), &items[0]);
	bud_list_remove(&items[1].link);
	CHECK(&list, 1, 3);
	bud_list_remove(&items[1].link);
	CHECK(&list, 1, 3);
	bud_list_append(&list, &items[1].link);
	CHECK(&list, 1, 3, 2);
	bud_list_remove(&items[0].link);
	bud_list_remove(&items[2].link);
	bud_list_remove(&items[1].link);
	check(&list, NULL, 0);
}

static void test_remove_while_walking(void **state)
{
	struct item items[5];
	struct item *item;
	struct item *after;
	struct bud_list odd;
	struct bud_list all;

	(void)state;
	bud_list_init(&all);
	bud_list_init(&odd);
	for (int i = 0; i < 5; i++) {
		items[i].number = i;
		bud_list_append(&all, &items[i].link);
	}
	bud_list_each_safe (item, after, &all, link) {
		if (item->number % 2 == 0)
			continue;
		bud_list_remove(&item->link);
		bud_list_append(&odd, &item->link);
	}
	CHECK(&all, 0, 2, 4);
	CHECK(&odd, 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_and_remove),
		cmocka_unit_test(test_remove_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
