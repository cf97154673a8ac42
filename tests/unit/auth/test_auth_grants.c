/* Grants are found by who got them; one that is put again is replaced, one that is removed is
 * gone; lists go by serial over those one gave or got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static void finds_them(void **state)
{
	struct bud_grants grants = {0};
	const struct bud_grant *grant;

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
	assert_int_equal(bud_grants_count(&grants, bud_span("odd"), 1000), 50);
	assert_int_equal(bud_grants_count(&grants, bud_span("odd"), 7), 7);
	grant = bud_grants_next(&grants, bud_span("odd"), 0);
	assert_int_equal(grant->serial, 101);
	grant = bud_grants_next(&grants, bud_span("odd"), 101);
	assert_int_equal(grant->serial, 103);
	grant = bud_grants_next(&grants, bud_span("few"), 0);
	assert_int_equal(grant->serial, 110);
	assert_null(bud_grants_next(&grants, bud_span("odd"), 199));
	bud_grants_finish(&grants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
