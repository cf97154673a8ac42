/* Without a bound nothing is refused; with one, each owner has its own, and its share is split
 * among the nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/quota.h"

static void refuses_nothing_without_a_bound(void **state)
{
	struct bud_quota *quota = bud_quota_create(&(struct bud_quotas){0});

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(bud_quota_publish(quota, bud_span("local"), 1000000, 0), 0);
	bud_quota_destroy(quota);
}

static void bounds_each_publisher(void **state)
{
	struct bud_quota *quota = bud_quota_create(&(struct bud_quotas){.publish_per_s = 100});

	(void)state;
	assert_int_equal(bud_quota_publish(quota, bud_span("/org/a"), 200, 0), 0);
	assert_in_range(bud_quota_publish(quota, bud_span("/org/a"), 100, 0), 1000, 1001);
	assert_int_equal(bud_quota_publish(quota, bud_span("/org/a"), 0, 0), 0);
	assert_int_equal(bud_quota_publish(quota, bud_span("/org/b"), 200, 0), 0);
	bud_quota_destroy(quota);
}

static void refuses_to_park_for_those_it_was_told(void **state)
{
	struct bud_quota *quota = bud_quota_create(&(struct bud_quotas){.parked_bytes = 1});
	const struct bud_span ids[] = {bud_span("a"), bud_span("b"), bud_span("a")};

	(void)state;
	assert_false(bud_quota_refuses(NULL, bud_span("a")));
	assert_false(bud_quota_refuses(quota, bud_span("a")));
	bud_quota_set_refused(quota, ids, 3);
	assert_true(bud_quota_refuses(quota, bud_span("a")));
	assert_true(bud_quota_refuses(quota, bud_span("b")));
	assert_false(bud_quota_refuses(quota, bud_span("ab")));
	bud_quota_set_refused(quota, ids, 1);
	assert_false(bud_quota_refuses(quota, bud_span("b")));
	bud_quota_set_refused(quota, NULL, 0);
	assert_false(bud_quota_refuses(quota, bud_span("a")));
	bud_quota_destroy(quota);
}

static void is_split_among_nodes(void **state)
{
	struct bud_quota *quota = bud_quota_create(&(struct bud_quotas){.publish_per_s = 100});

	(void)state;
	bud_quota_set_nodes(quota, 4);
	assert_int_equal(bud_quota_publish(quota, bud_span("a"), 50, 0), 0);
	assert_in_range(bud_quota_publish(quota, bud_span("a"), 25, 0), 1000, 1001);
	bud_quota_set_nodes(quota, 0); /* no heartbeat seen yet: this one */
	assert_int_equal(bud_quota_publish(quota, bud_span("b"), 200, 0), 0);
	bud_quota_destroy(quota);
}

static void bounds_each_instance_token(void **state)
{
	struct bud_quota *quota = bud_quota_create(&(struct bud_quotas){.instance_reads_per_s = 5});
	int n = 0;

	(void)state;
	while (bud_quota_read_instance(quota, bud_span("id"), 0) == 0)
		n++;
	assert_int_equal(n, 10);
	assert_in_range(bud_quota_read_instance(quota, bud_span("id"), 0), 200, 201);
	assert_int_equal(bud_quota_read_instance(quota, bud_span("other"), 0), 0);
	/* A publisher's rate is another matter. */
	assert_int_equal(bud_quota_publish(quota, bud_span("id"), 1000, 0), 0);
	assert_int_equal(bud_quota_read_instance(NULL, bud_span("id"), 0), 0);
	bud_quota_destroy(quota);
}

static void knows_who_has_parked_what(void **state)
{
	const struct bud_quota_use uses[] = {
		{bud_span("/org/a"), 99}, {bud_span("/org/b"), 100}, {bud_span("/org/c"), 1000}};
	struct bud_quota *quota = bud_quota_create(&(struct bud_quotas){.parked_bytes = 100});
	struct bud_quota *free_one = bud_quota_create(&(struct bud_quotas){0});

	(void)state;
	assert_int_equal(bud_quota_set_parked(quota, uses, 3), 2);
	assert_int_equal(bud_quota_parked(quota, bud_span("/org/a")), 99);
	assert_false(bud_quota_is_full(quota, bud_span("/org/a")));
	assert_true(bud_quota_is_full(quota, bud_span("/org/b")));
	assert_true(bud_quota_is_full(quota, bud_span("/org/c")));
	assert_false(bud_quota_is_full(quota, bud_span("/org/d")));
	/* What is not told any more is gone. */
	assert_int_equal(bud_quota_set_parked(quota, uses, 1), 0);
	assert_false(bud_quota_is_full(quota, bud_span("/org/c")));
	assert_int_equal(bud_quota_parked(quota, bud_span("/org/c")), 0);
	assert_int_equal(bud_quota_set_parked(free_one, uses, 3), 0);
	assert_false(bud_quota_is_full(free_one, bud_span("/org/c")));
	assert_false(bud_quota_is_full(NULL, bud_span("/org/c")));
	bud_quota_destroy(quota);
	bud_quota_destroy(free_one);
}

static void gives_owners_their_own(void **state)
{
	const struct bud_quota_own own[] = {
		{bud_span("/org/a"), {.subscriptions = 7, .parked_bytes = -1, .publish_per_s = 0}},
		{bud_span("/org/b"), {.subscriptions = -1, .parked_bytes = 10, .publish_per_s = 5}},
	};
	const struct bud_quota_use use = {bud_span("/org/b"), 10};
	struct bud_quota *quota =
		bud_quota_create(&(struct bud_quotas){.subscriptions = 3, .publish_per_s = 100});
	struct bud_quotas quotas;

	(void)state;
	assert_false(bud_quota_bounds_parked(quota));
	bud_quota_set_own(quota, own, 2);
	assert_true(bud_quota_bounds_parked(quota));
	bud_quota_of(quota, bud_span("/org/a"), &quotas);
	assert_int_equal(quotas.subscriptions, 7);
	assert_int_equal(quotas.parked_bytes, 0);
	assert_int_equal(bud_quota_publish(quota, bud_span("/org/a"), 100000, 0), 0);
	assert_int_equal(bud_quota_publish(quota, bud_span("/org/a"), 100000, 0), 0);
	bud_quota_of(quota, bud_span("/org/b"), &quotas);
	assert_int_equal(quotas.subscriptions, 3);
	assert_int_equal(bud_quota_publish(quota, bud_span("/org/b"), 10, 0), 0);
	assert_in_range(bud_quota_publish(quota, bud_span("/org/b"), 5, 0), 1000, 1001);
	assert_int_equal(bud_quota_set_parked(quota, &use, 1), 1);
	assert_true(bud_quota_is_full(quota, bud_span("/org/b")));
	assert_false(bud_quota_is_full(quota, bud_span("/org/a")));
	bud_quota_set_own(quota, NULL, 0);
	assert_false(bud_quota_bounds_parked(quota));
	assert_false(bud_quota_is_full(quota, bud_span("/org/b")));
	bud_quota_of(quota, bud_span("/org/a"), &quotas);
	assert_int_equal(quotas.subscriptions, 3);
	bud_quota_destroy(quota);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_nothing_without_a_bound),
		cmocka_unit_test(bounds_each_publisher),
		cmocka_unit_test(refuses_to_park_for_those_it_was_told),
		cmocka_unit_test(is_split_among_nodes),
		cmocka_unit_test(bounds_each_instance_token),
		cmocka_unit_test(knows_who_has_parked_what),
		cmocka_unit_test(gives_owners_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
