/* An endpoint: never more attempts than its window; a waiting retry gets its quarter; cut off after
 * failures in a row, one probe at a time, longer each time it fails, up to a bound. Times are
 * given, nothing waits. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dispatch/endpoint.h"

#define WINDOW  8
#define OPEN_MS 1000

struct fixture {
	struct bud_endpoints *endpoints;
	struct bud_endpoint *endpoint;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct bud_endpoint_limits limits = {
		.window = WINDOW, .failures = 3, .open_ms = OPEN_MS, .open_ms_longest = 3500};

	fixture.endpoints = bud_endpoints_create(&limits);
	fixture.endpoint = bud_endpoints_get(
		fixture.endpoints, bud_span("local"), bud_span("https://a/b?c=d"));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	bud_endpoint_unref(fixture->endpoint);
	assert_int_equal(bud_endpoints_count(fixture->endpoints), 0);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 0);
	bud_endpoints_destroy(fixture->endpoints);
	return 0;
}

static enum bud_admit admit(struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms)
{
	int64_t wait_ms;

	return bud_endpoint_admit(endpoint, share, now_ms, &wait_ms);
}

static size_t admit_all(struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms)
{
	size_t n = 0;

	while (admit(endpoint, share, now_ms) == BUD_ADMIT_YES)
		n++;
	return n;
}

static void settle_all(struct bud_endpoint *endpoint, size_t n, enum bud_verdict verdict)
{
	while (n-- > 0)
		(void)bud_endpoint_settle(endpoint, verdict, 0);
}

/* Fails as often as it takes; returns how long it is cut off. */
static int64_t open_at(struct bud_endpoint *endpoint, int64_t now_ms)
{
	int64_t wait_ms = 0;

	while (bud_endpoint_admit(endpoint, BUD_SHARE_FRESH, now_ms, &wait_ms) == BUD_ADMIT_YES)
		(void)bud_endpoint_settle(endpoint, BUD_VERDICT_FAILED, now_ms);
	return wait_ms;
}

static void is_one_per_owner_and_sink(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *same = bud_endpoints_get(
		fixture->endpoints, bud_span("local"), bud_span("https://a/b?other"));
	struct bud_endpoint *other = bud_endpoints_get(
		fixture->endpoints, bud_span("someone"), bud_span("https://a/b?c=d"));

	assert_ptr_equal(same, fixture->endpoint);
	assert_ptr_not_equal(other, fixture->endpoint);
	assert_int_equal(bud_endpoints_count(fixture->endpoints), 2);
	bud_endpoint_unref(same);
	bud_endpoint_unref(other);
	assert_int_equal(bud_endpoints_count(fixture->endpoints), 1);
	bud_endpoint_unref(NULL);
}

static void window_is_the_limit(void **state)
{
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;

	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, 0), WINDOW);
	settle_all(endpoint, 3, BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, 0), 3);
	settle_all(endpoint, WINDOW, BUD_VERDICT_UNUSED);
}

static void a_waiting_retry_gets_its_quarter(void **state)
{
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;

	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, 5000), WINDOW);
	assert_int_equal(admit(endpoint, BUD_SHARE_RETRY, 5000), BUD_ADMIT_FULL);
	settle_all(endpoint, 4, BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, 5100), 2);
	assert_int_equal(admit_all(endpoint, BUD_SHARE_RETRY, 5100), 2);
	settle_all(endpoint, 4, BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, 6100), 4); /* nobody waits now */
	settle_all(endpoint, WINDOW, BUD_VERDICT_OK);
}

static void opens_after_failures_in_a_row(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *endpoint = fixture->endpoint;
	static const enum bud_verdict verdicts[] = {BUD_VERDICT_FAILED, BUD_VERDICT_FAILED,
		BUD_VERDICT_OK, BUD_VERDICT_FAILED, BUD_VERDICT_UNUSED, BUD_VERDICT_FAILED};

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		assert_int_equal(admit(endpoint, BUD_SHARE_FRESH, 0), BUD_ADMIT_YES);
		assert_false(bud_endpoint_settle(endpoint, verdicts[i], 0));
	}
	assert_int_equal(admit(endpoint, BUD_SHARE_FRESH, 0), BUD_ADMIT_YES);
	assert_true(bud_endpoint_settle(endpoint, BUD_VERDICT_FAILED, 0));
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 1);
	assert_int_equal(admit(endpoint, BUD_SHARE_RETRY, OPEN_MS - 1), BUD_ADMIT_OPEN);
}

static void one_probe_closes_it(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *endpoint = fixture->endpoint;
	int64_t wait_ms = open_at(endpoint, 0);

	assert_in_range(wait_ms, OPEN_MS, OPEN_MS + OPEN_MS / 10);
	assert_int_equal(admit(endpoint, BUD_SHARE_FRESH, wait_ms), BUD_ADMIT_YES);
	assert_int_equal(admit(endpoint, BUD_SHARE_FRESH, wait_ms + 50000), BUD_ADMIT_OPEN);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 1);
	assert_false(bud_endpoint_settle(endpoint, BUD_VERDICT_OK, wait_ms));
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 0);
	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, wait_ms), WINDOW);
	settle_all(endpoint, WINDOW, BUD_VERDICT_OK);
}

static void waits_longer_each_time_up_to_a_bound(void **state)
{
	static const int64_t lengths[] = {OPEN_MS, 2 * OPEN_MS, 3500, 3500};
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;
	int64_t now_ms = 0;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		int64_t wait_ms = open_at(endpoint, now_ms);
		assert_in_range(wait_ms, lengths[i], lengths[i] + lengths[i] / 10);
		now_ms += wait_ms;
	}
	/* After a success it begins from the beginning. */
	assert_int_equal(admit(endpoint, BUD_SHARE_FRESH, now_ms), BUD_ADMIT_YES);
	(void)bud_endpoint_settle(endpoint, BUD_VERDICT_OK, now_ms);
	assert_in_range(open_at(endpoint, now_ms), OPEN_MS, OPEN_MS + OPEN_MS / 10);
}

static void a_probe_that_was_not_used_passes_on(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *endpoint = fixture->endpoint;
	int64_t wait_ms = open_at(endpoint, 0);

	assert_int_equal(admit(endpoint, BUD_SHARE_RETRY, wait_ms), BUD_ADMIT_YES);
	assert_false(bud_endpoint_settle(endpoint, BUD_VERDICT_UNUSED, wait_ms));
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 1);
	assert_int_equal(admit(endpoint, BUD_SHARE_RETRY, wait_ms), BUD_ADMIT_YES);
	(void)bud_endpoint_settle(endpoint, BUD_VERDICT_OK, wait_ms);
}

static void what_ran_before_says_nothing_new(void **state)
{
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;
	int64_t wait_ms = 0;

	assert_int_equal(admit_all(endpoint, BUD_SHARE_FRESH, 0), WINDOW);
	settle_all(endpoint, WINDOW, BUD_VERDICT_FAILED);
	assert_int_equal(
		bud_endpoint_admit(endpoint, BUD_SHARE_FRESH, 0, &wait_ms), BUD_ADMIT_OPEN);
	assert_in_range(wait_ms, OPEN_MS, OPEN_MS + OPEN_MS / 10);
}

#define TURNS 20000

static void *use(void *argument)
{
	struct bud_endpoints *endpoints = argument;

	for (int i = 0; i < TURNS; i++) {
		struct bud_endpoint *endpoint = bud_endpoints_get(endpoints, bud_span("local"),
			bud_span(i % 3 ? "https://x/" : "https://y/"));
		static const enum bud_verdict verdicts[] = {BUD_VERDICT_OK, BUD_VERDICT_FAILED,
			BUD_VERDICT_FAILED, BUD_VERDICT_FAILED, BUD_VERDICT_UNUSED};
		if (admit(endpoint, i % 2 ? BUD_SHARE_FRESH : BUD_SHARE_RETRY, i * 100) ==
			BUD_ADMIT_YES)
			(void)bud_endpoint_settle(endpoint, verdicts[i % 5], i * 100);
		(void)bud_endpoints_open_count(endpoints);
		bud_endpoint_unref(endpoint);
	}
	return NULL;
}

/* Run it under the thread sanitizer, too. */
static void threads_share_it(void **state)
{
	struct fixture *fixture = *state;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, fixture->endpoints), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bud_endpoints_count(fixture->endpoints), 1);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(is_one_per_owner_and_sink),
		TEST(window_is_the_limit),
		TEST(a_waiting_retry_gets_its_quarter),
		TEST(opens_after_failures_in_a_row),
		TEST(one_probe_closes_it),
		TEST(waits_longer_each_time_up_to_a_bound),
		TEST(a_probe_that_was_not_used_passes_on),
		TEST(what_ran_before_says_nothing_new),
		TEST(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
