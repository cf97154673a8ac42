/* Grants are found by who got them; one that is put again is replaced, one that is removed is
 * gone; lists go by serial over those one gave or got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "auth/grants.h"

static struct bud_grant *grant_of(
	const char *id, const char *owner, const char *to, uint64_t serial)
{
	struct bud_grant *grant = bud_new(struct bud_grant);

	snprintf(grant->id, sizeof(grant->id), "%s", id);
	grant->owner = bud_strdup(owner);
	grant->to = bud_strdup(to);
	grant->serial = serial;
	return grant;
}

static size_t count_to(const struct bud_grants *grants, const char *to)
{
	size_t position = 0;
	size_t n = 0;

	while (bud_grants_next_to(grants, bud_span(to), &position))
		n++;
	return n;
}

/* In order; `first` is the serial of the first. */
static void check_list(const struct bud_grants *grants, const char *owner, uint64_t after,
	uint64_t first, size_t n)
{
	size_t found_n = 99;
	const struct bud_grant **list = bud_grants_list(grants, bud_span(owner), after, &found_n);

	assert_int_equal(found_n, n);
	if (n > 0)
		assert_int_equal(list[0]->serial, first);
	for (size_t i = 1; i < n; i++)
		assert_true(list[i]->serial > list[i - 1]->serial);
	free(list);
}

static size_t count_between(const struct bud_grants *grants, const char *owner, const char *to)
{
	size_t position = 0;
	size_t n = 0;

	while (bud_grants_next_between(grants, bud_span(owner), bud_span(to), &position))
		n++;
	return n;
}

static void finds_them(void **state)
{
	struct bud_grants grants = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		char id[8];
		snprintf(id, sizeof(id), "%d", i);
		bud_grants_put(&grants, grant_of(id, i % 2 ? "odd" : "even",
						i % 10 ? "many" : "few", (uint64_t)(200 - i)));
	}
	assert_int_equal(count_to(&grants, "many"), 90);
	assert_int_equal(count_to(&grants, "few"), 10);
	assert_int_equal(count_to(&grants, "none"), 0);
	bud_grants_put(&grants, grant_of("10", "even", "one", 190));
	assert_int_equal(count_to(&grants, "few"), 9);
	assert_int_equal(count_to(&grants, "one"), 1);
	bud_grants_remove(&grants, bud_span("10"));
	bud_grants_remove(&grants, bud_span("10"));
	assert_int_equal(count_to(&grants, "one"), 0);
	assert_int_equal(count_between(&grants, "odd", "many"), 50);
	assert_int_equal(count_between(&grants, "even", "many"), 40);
	assert_int_equal(count_between(&grants, "even", "few"), 9);
	assert_int_equal(count_between(&grants, "even", "one"), 0);
	assert_int_equal(count_between(&grants, "odd", "few"), 0);
	assert_int_equal(bud_grants_count(&grants, bud_span("odd"), 1000), 50);
	assert_int_equal(bud_grants_count(&grants, bud_span("odd"), 7), 7);
	check_list(&grants, "odd", 0, 101, 50);
	check_list(&grants, "odd", 101, 103, 49);
	check_list(&grants, "few", 0, 110, 9);
	check_list(&grants, "odd", 199, 0, 0);
	bud_grants_finish(&grants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
