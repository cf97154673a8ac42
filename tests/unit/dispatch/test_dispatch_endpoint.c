/* An endpoint: never more attempts than its window, its host and its subscriptions allow; cut off
 * after failures, one probe at a time; paused when it says so, when people or other nodes say so,
 * also before it was known here; suspects never take more than their part. Times are given. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/hash.h"
#include "dispatch/endpoint.h"
#include "dispatch/endpoint_table.h"

#define WINDOW  8
#define OPEN_MS 1000
#define SINK    "https://a/b?c=d"

struct fixture {
	struct bud_hash_key key;
	struct bud_endpoints *endpoints;
	struct bud_endpoint *endpoint;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct bud_endpoint_limits limits = {.window = WINDOW,
		.failures = 3,
		.open_ms = OPEN_MS,
		.open_ms_longest = 3500,
		.window_largest = 10,
		.host = 12,
		.suspects = 9};

	bud_hash_key_init(&fixture.key, bud_span("seed"));
	fixture.endpoints = bud_endpoints_create(&limits, &fixture.key);
	fixture.endpoint = bud_endpoints_get(fixture.endpoints, bud_span("local"), bud_span(SINK));
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

/* What was admitted last is the probe; the next settlement is its. */
static bool is_probe;

static enum bud_admit admit_or_wait(struct bud_endpoint *endpoint, int64_t now_ms, int64_t *wait_ms)
{
	enum bud_admit answer = bud_endpoint_admit(endpoint, BUD_SHARE_FRESH, now_ms, wait_ms);

	if (answer != BUD_ADMIT_PROBE)
		return answer;
	is_probe = true;
	return BUD_ADMIT_YES;
}

static enum bud_admit admit(struct bud_endpoint *endpoint, int64_t now_ms)
{
	int64_t wait_ms;

	return admit_or_wait(endpoint, now_ms, &wait_ms);
}

static size_t admit_all(struct bud_endpoint *endpoint, int64_t now_ms)
{
	size_t n = 0;

	while (admit(endpoint, now_ms) == BUD_ADMIT_YES)
		n++;
	return n;
}

static int64_t wait_of(struct bud_endpoint *endpoint, int64_t now_ms)
{
	int64_t wait_ms = 0;

	assert_int_equal(
		bud_endpoint_admit(endpoint, BUD_SHARE_FRESH, now_ms, &wait_ms), BUD_ADMIT_LATER);
	return wait_ms;
}

static struct bud_endpoint_news settle(
	struct bud_endpoint *endpoint, enum bud_verdict verdict, int64_t now_ms)
{
	struct bud_settlement settlement = {.verdict = verdict, .is_probe = is_probe};

	is_probe = false;
	return bud_endpoint_settle(endpoint, &settlement, now_ms);
}

static void settle_all(struct bud_endpoint *endpoint, size_t n, enum bud_verdict verdict)
{
	while (n-- > 0)
		(void)settle(endpoint, verdict, 0);
}

/* Fails as often as it takes; returns how long it is cut off. */
static int64_t open_at(struct bud_endpoint *endpoint, int64_t now_ms)
{
	int64_t wait_ms = 0;

	while (admit_or_wait(endpoint, now_ms, &wait_ms) == BUD_ADMIT_YES)
		(void)settle(endpoint, BUD_VERDICT_FAILED, now_ms);
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

	assert_int_equal(admit_all(endpoint, 0), WINDOW);
	settle_all(endpoint, 3, BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, 0), 3);
	settle_all(endpoint, WINDOW, BUD_VERDICT_UNUSED);
}

static void it_learns_how_much_it_bears(void **state)
{
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;

	for (int64_t now_ms = 0; now_ms < 10; now_ms++)
		settle_all(endpoint, admit_all(endpoint, now_ms), BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, 100), 10);
	assert_true(settle(endpoint, BUD_VERDICT_OVERLOADED, 100).is_halved);
	assert_false(settle(endpoint, BUD_VERDICT_OVERLOADED, 100).is_halved);
	assert_true(settle(endpoint, BUD_VERDICT_BUSY, 1200).is_halved);
	settle_all(endpoint, 7, BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, 1300), 2);
	settle_all(endpoint, 2, BUD_VERDICT_OK);
}

static void failures_cut_it_off_and_a_probe_closes(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *endpoint = fixture->endpoint;
	struct bud_settlement late = {.verdict = BUD_VERDICT_FAILED};
	enum bud_admit before = admit(endpoint, 0);
	int64_t wait_ms = open_at(endpoint, 0);

	assert_int_equal(before, BUD_ADMIT_YES);
	assert_in_range(wait_ms, OPEN_MS, OPEN_MS + OPEN_MS / 10);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 1);
	assert_int_equal(admit(endpoint, wait_ms), BUD_ADMIT_YES);
	assert_true(is_probe);
	assert_false(bud_endpoint_settle(endpoint, &late, wait_ms).is_opened);
	assert_int_equal(admit(endpoint, wait_ms + 50000), BUD_ADMIT_LATER);
	(void)settle(endpoint, BUD_VERDICT_UNUSED, wait_ms); /* passes on */
	assert_int_equal(admit(endpoint, wait_ms), BUD_ADMIT_YES);
	assert_true(settle(endpoint, BUD_VERDICT_OK, wait_ms).is_closed);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 0);
	assert_int_equal(admit_all(endpoint, wait_ms), 1); /* it ramps up */
	settle_all(endpoint, 1, BUD_VERDICT_OK);
	assert_int_equal(admit_all(endpoint, wait_ms + 5000), WINDOW);
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
	/* After the ramp it begins from the beginning. */
	assert_int_equal(admit(endpoint, now_ms), BUD_ADMIT_YES);
	(void)settle(endpoint, BUD_VERDICT_OK, now_ms);
	assert_in_range(open_at(endpoint, now_ms + 60000), OPEN_MS, OPEN_MS + OPEN_MS / 10);
}

static void what_ran_before_says_nothing_new(void **state)
{
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;

	assert_int_equal(admit_all(endpoint, 0), WINDOW);
	settle_all(endpoint, WINDOW, BUD_VERDICT_FAILED);
	assert_in_range(wait_of(endpoint, 0), OPEN_MS, OPEN_MS + OPEN_MS / 10);
}

/* 429 with Retry-After: nothing for so long, and it is not a failure. */
static void it_is_left_alone_when_it_says_so(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *endpoint = fixture->endpoint;
	struct bud_settlement busy = {.verdict = BUD_VERDICT_BUSY, .pause_ms = 5000};

	for (int i = 0; i < 6; i++)
		assert_int_equal(admit(endpoint, 0), BUD_ADMIT_YES);
	assert_true(bud_endpoint_settle(endpoint, &busy, 0).is_paused);
	busy.pause_ms = 3000; /* the longest holds */
	for (int i = 0; i < 5; i++)
		assert_false(bud_endpoint_settle(endpoint, &busy, 0).is_paused);
	assert_int_equal(wait_of(endpoint, 1000), 4000);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 0);
	assert_int_equal(admit(endpoint, 5000), BUD_ADMIT_YES);
	busy.pause_ms = 24 * 3600 * 1000;
	(void)bud_endpoint_settle(endpoint, &busy, 5000);
	assert_int_equal(wait_of(endpoint, 5000), 600000); /* lanes look again */
}

static void the_lowest_wish_holds(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *endpoint = fixture->endpoint;
	struct bud_endpoint_wish few = {.max_in_flight = 4};
	struct bud_endpoint_wish fewer = {.max_in_flight = 3};

	bud_endpoint_add_wish(endpoint, &fewer);
	bud_endpoint_add_wish(endpoint, &few);
	assert_int_equal(admit_all(endpoint, 0), 3);
	bud_endpoint_remove_wish(endpoint, &fewer);
	assert_int_equal(admit_all(endpoint, 0), 1);
	settle_all(endpoint, 4, BUD_VERDICT_OK);
	bud_endpoints_set_nodes(fixture->endpoints, 2);
	assert_int_equal(admit_all(endpoint, 1000), 2);
	settle_all(endpoint, 2, BUD_VERDICT_OK);
	bud_endpoint_remove_wish(endpoint, &few);
	assert_int_equal(admit_all(endpoint, 2000), WINDOW);
	settle_all(endpoint, WINDOW, BUD_VERDICT_OK);
}

static void a_rate_is_kept(void **state)
{
	struct bud_endpoint *endpoint = ((struct fixture *)*state)->endpoint;
	struct bud_endpoint_wish wish = {.rate_per_s = 8};
	size_t n = 0;

	bud_endpoint_add_wish(endpoint, &wish);
	for (int64_t now_ms = INT32_MAX; now_ms < INT32_MAX + INT64_C(10000); now_ms += 10) {
		size_t now = admit_all(endpoint, now_ms);
		n += now;
		settle_all(endpoint, now, BUD_VERDICT_OK);
	}
	assert_in_range(n, 79, 83);
	bud_endpoint_remove_wish(endpoint, &wish);
}

static void a_host_is_shared_by_all_owners(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *other = bud_endpoints_get(
		fixture->endpoints, bud_span("someone"), bud_span("https://A:443/c"));

	/* Both have succeeded once: no suspects. */
	assert_int_equal(admit(fixture->endpoint, 0), BUD_ADMIT_YES);
	assert_int_equal(admit(other, 0), BUD_ADMIT_YES);
	settle_all(fixture->endpoint, 1, BUD_VERDICT_OK);
	settle_all(other, 1, BUD_VERDICT_OK);
	assert_int_equal(admit_all(fixture->endpoint, 0), WINDOW);
	assert_int_equal(admit_all(other, 0), 12 - WINDOW);
	settle_all(fixture->endpoint, 1, BUD_VERDICT_OK);
	assert_int_equal(admit_all(other, 0), 1);
	settle_all(fixture->endpoint, WINDOW - 1, BUD_VERDICT_OK);
	settle_all(other, 12 - WINDOW + 1, BUD_VERDICT_OK);
	bud_endpoint_unref(other);
}

static void suspects_take_no_more_than_their_part(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint *good = fixture->endpoint;
	struct bud_endpoint *bad =
		bud_endpoints_get(fixture->endpoints, bud_span("x"), bud_span("https://bad/"));
	struct bud_endpoint *new =
		bud_endpoints_get(fixture->endpoints, bud_span("x"), bud_span("https://new/"));
	struct bud_endpoint *unknown =
		bud_endpoints_get(fixture->endpoints, bud_span("x"), bud_span("https://unknown/"));
	int64_t wait_ms = 0;

	assert_int_equal(admit(good, 0), BUD_ADMIT_YES);
	(void)settle(good, BUD_VERDICT_OK, 0);
	assert_int_equal(admit_all(new, 0), WINDOW);
	assert_int_equal(admit(bad, 0), BUD_ADMIT_YES);
	(void)settle(bad, BUD_VERDICT_FAILED, 0);
	assert_int_equal(admit(bad, 0), BUD_ADMIT_YES);
	/* Nine suspects run: one that fails comes later, a new one waits, a good one goes. */
	assert_in_range(wait_of(bad, 0), 10000, 20000);
	assert_int_equal(bud_endpoint_admit(unknown, BUD_SHARE_RETRY, 0, &wait_ms), BUD_ADMIT_FULL);
	assert_in_range(wait_ms, 1000, 2000);
	assert_int_equal(admit_all(good, 0), WINDOW);
	settle_all(good, WINDOW, BUD_VERDICT_OK);
	settle_all(new, WINDOW, BUD_VERDICT_OK);
	assert_int_equal(admit(bad, 0), BUD_ADMIT_YES);
	settle_all(bad, 2, BUD_VERDICT_OK);
	bud_endpoint_unref(bad);
	bud_endpoint_unref(new);
	bud_endpoint_unref(unknown);
}

static void tell(struct fixture *fixture, const char *prefix, const char *rest,
	enum bud_pause_kind kind, int64_t for_ms)
{
	char id[80];

	snprintf(id, sizeof(id), "%s%s", prefix, rest);
	bud_endpoints_pause(fixture->endpoints,
		&(struct bud_pause){.id = bud_span(id), .kind = kind, .for_ms = for_ms}, false, 0);
}

static void people_pause_all_an_owner_or_a_host(void **state)
{
	static const char *const ids[] = {"all", "owner:local", "host:a:443"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct bud_endpoint *later;
		tell(fixture, ids[i], "", BUD_PAUSE_OPERATOR, 0);
		assert_int_equal(wait_of(fixture->endpoint, 100000), 10000);
		later = bud_endpoints_get(
			fixture->endpoints, bud_span("local"), bud_span("https://a/later"));
		assert_int_equal(wait_of(later, 100000), 10000);
		bud_endpoint_unref(later);
		tell(fixture, ids[i], "", BUD_PAUSE_ENDED, 0);
		assert_int_equal(admit(fixture->endpoint, 100000), BUD_ADMIT_YES);
		settle_all(fixture->endpoint, 1, BUD_VERDICT_OK);
	}
	tell(fixture, "owner:", "another", BUD_PAUSE_OPERATOR, 0);
	tell(fixture, "host:", "a:80", BUD_PAUSE_OPERATOR, 0);
	assert_int_equal(admit(fixture->endpoint, 0), BUD_ADMIT_YES);
	settle_all(fixture->endpoint, 1, BUD_VERDICT_OK);
	tell(fixture, "all", "", BUD_PAUSE_OPERATOR, 5000);
	assert_int_equal(wait_of(fixture->endpoint, 1000), 4000);
	assert_int_equal(admit(fixture->endpoint, 5000), BUD_ADMIT_YES);
	settle_all(fixture->endpoint, 1, BUD_VERDICT_OK);
}

/* As another node tells it, or this one before it was started again. */
static void pauses_of_others_hold_here(void **state)
{
	struct fixture *fixture = *state;
	char id[BUD_ENDPOINT_ID_BYTES];
	struct bud_endpoint *later;

	bud_endpoint_id_write(&fixture->key, bud_span("local"), bud_span(SINK), id);
	tell(fixture, "endpoint:", id, BUD_PAUSE_RETRY_AFTER, 4000);
	assert_int_equal(wait_of(fixture->endpoint, 1000), 3000);
	tell(fixture, "endpoint:", id, BUD_PAUSE_ENDED, 0);
	assert_int_equal(admit_all(fixture->endpoint, 1000), WINDOW);
	settle_all(fixture->endpoint, WINDOW, BUD_VERDICT_OK);
	tell(fixture, "endpoint:", id, BUD_PAUSE_BREAKER, 4000);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 1);
	assert_int_equal(wait_of(fixture->endpoint, 1000), 3000);
	tell(fixture, "endpoint:", id, BUD_PAUSE_ENDED, 0);
	assert_int_equal(bud_endpoints_open_count(fixture->endpoints), 0);
	assert_int_equal(admit_all(fixture->endpoint, 0), 1); /* it ramps up */
	settle_all(fixture->endpoint, 1, BUD_VERDICT_OK);

	bud_endpoint_id_write(&fixture->key, bud_span("x"), bud_span("https://x/"), id);
	tell(fixture, "endpoint:", id, BUD_PAUSE_BREAKER, 4000);
	later = bud_endpoints_get(fixture->endpoints, bud_span("x"), bud_span("https://x/"));
	assert_int_equal(wait_of(later, 1000), 3000);
	bud_endpoint_unref(later);
	bud_endpoints_forget_pauses(fixture->endpoints, 4000);
	later = bud_endpoints_get(fixture->endpoints, bud_span("x"), bud_span("https://x/"));
	assert_int_equal(admit(later, 1000), BUD_ADMIT_YES);
	settle_all(later, 1, BUD_VERDICT_OK);
	bud_endpoint_unref(later);
}

static size_t report(struct fixture *fixture, int64_t now_ms, struct bud_endpoint_report *out)
{
	size_t position = 0;
	size_t n = bud_endpoints_report(fixture->endpoints, now_ms, &position, out, 1);

	if (n > 0)
		bud_endpoint_report_finish(out);
	return n;
}

static void it_tells_what_is_new_once_a_second(void **state)
{
	struct fixture *fixture = *state;
	struct bud_endpoint_report got;
	int64_t wait_ms;

	assert_int_equal(report(fixture, 5000, &got), 0);
	wait_ms = open_at(fixture->endpoint, 5000);
	assert_int_equal(report(fixture, 5000, &got), 1);
	assert_int_equal(got.tell, BUD_ENDPOINT_TELL_PAUSE);
	assert_int_equal(got.pause_kind, BUD_PAUSE_BREAKER);
	assert_int_equal(got.pause_ms, wait_ms);
	assert_true(got.is_changed);
	assert_int_equal(got.failed, 3);
	assert_int_equal(got.breaker, BUD_BREAKER_OPEN);
	assert_int_equal(report(fixture, 5500, &got), 0);
	assert_int_equal(admit(fixture->endpoint, 5000 + wait_ms), BUD_ADMIT_YES);
	assert_int_equal(report(fixture, 5900, &got), 0);
	(void)settle(fixture->endpoint, BUD_VERDICT_OK, 5000 + wait_ms);
	assert_int_equal(report(fixture, 7000, &got), 1);
	assert_int_equal(got.tell, BUD_ENDPOINT_TELL_END);
	assert_int_equal(got.delivered, 1);
	assert_int_equal(report(fixture, 9000, &got), 0);
}

#define TURNS 20000

static void *use(void *argument)
{
	struct bud_endpoints *endpoints = argument;

	for (int i = 0; i < TURNS; i++) {
		struct bud_endpoint *endpoint = bud_endpoints_get(endpoints, bud_span("local"),
			bud_span(i % 3 ? "https://x/" : "https://y/"));
		enum bud_share share = (enum bud_share)(i % BUD_SHARES);
		struct bud_settlement settlement = {
			.share = share, .verdict = (enum bud_verdict)(i % 5)};
		struct bud_endpoint_report got;
		size_t position = 0;
		int64_t wait_ms;
		enum bud_admit answer = bud_endpoint_admit(endpoint, share, i * 100, &wait_ms);
		settlement.is_probe = answer == BUD_ADMIT_PROBE;
		if (answer == BUD_ADMIT_YES || answer == BUD_ADMIT_PROBE)
			(void)bud_endpoint_settle(endpoint, &settlement, i * 100);
		if (i % 7 == 0 && bud_endpoints_report(endpoints, i * 100, &position, &got, 1) > 0)
			bud_endpoint_report_finish(&got);
		if (i % 11 == 0)
			bud_endpoints_pause(endpoints,
				&(struct bud_pause){.id = bud_span("owner:local"),
					.kind = i % 2 ? BUD_PAUSE_OPERATOR : BUD_PAUSE_ENDED},
				false, 0);
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
		TEST(it_learns_how_much_it_bears),
		TEST(failures_cut_it_off_and_a_probe_closes),
		TEST(waits_longer_each_time_up_to_a_bound),
		TEST(what_ran_before_says_nothing_new),
		TEST(it_is_left_alone_when_it_says_so),
		TEST(the_lowest_wish_holds),
		TEST(a_rate_is_kept),
		TEST(a_host_is_shared_by_all_owners),
		TEST(suspects_take_no_more_than_their_part),
		TEST(people_pause_all_an_owner_or_a_host),
		TEST(pauses_of_others_hold_here),
		TEST(it_tells_what_is_new_once_a_second),
		TEST(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
