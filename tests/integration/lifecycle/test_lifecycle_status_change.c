/* A status is changed by compare and swap, against a real Redis: what was written meanwhile is
 * never lost, each change is told once on the bus, nothing is written where it is as wished, and a
 * silent change leaves the owner's etag alone. Who is failing and locks, too. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "life.h"
#include "store/failing.h"
#include "store/lock.h"
#include "store/registry.h"
#include "store/status_change.h"
#include "subscription/subscription.h"

#define KEY "bud:{s0}:"

static const struct bud_status_wish pause_it = {
	.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_ACTIVE),
	.to = BUD_SUBSCRIPTION_PAUSED,
	.reason = "owner",
};
static const struct bud_status_wish resume_it = {
	.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_PAUSED) | BUD_STATUS_IS(BUD_SUBSCRIPTION_DISABLED),
	.to = BUD_SUBSCRIPTION_ACTIVE,
};

/* How the changes of a test ended. */
struct ends {
	int n;
	int err;
	enum bud_status_outcome outcome;
	enum bud_subscription_state state;
	char etag[33];
	int edits;
	struct life *rival; /* writes when `edit` is called for the first time */
};

static void on_changed(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct ends *ends = owner;

	ends->n++;
	ends->err = err;
	ends->outcome = outcome;
	assert_int_equal(subscription != NULL, err == 0 && outcome != BUD_STATUS_MISSING);
	if (!subscription)
		return;
	ends->state = subscription->status.state;
	snprintf(ends->etag, sizeof(ends->etag), "%s", subscription->etag);
}

static void change(
	struct life *life, struct ends *ends, const char *id, const struct bud_status_wish *wish)
{
	int n = ends->n;

	assert_int_equal(bud_status_change(&life->store, id, wish, on_changed, ends), 0);
	life_wait(life, ends->n > n);
	assert_int_equal(ends->n, n + 1);
	assert_int_equal(ends->err, 0);
}

/* "serial etag fingerprint\n record \n status" */
static void stored(struct life *life, char out[4096])
{
	redisReply *reply = redis_server_ask(life->server, "HGET " KEY "subs:records s1");

	snprintf(out, 4096, "%s", reply->str);
	freeReplyObject(reply);
}

static void test_is_told_once(void **state)
{
	struct life *life = *state;
	struct ends ends = {0};
	char before[4096], after[4096];

	life_put(life, "s1", false);
	change(life, &ends, "s1", &pause_it);
	assert_int_equal(ends.outcome, BUD_STATUS_DONE);
	assert_int_equal(ends.state, BUD_SUBSCRIPTION_PAUSED);
	stored(life, before);
	assert_non_null(strstr(before, ends.etag));
	assert_non_null(strstr(before, "\n{\"state\":\"paused\",\"since_ms\":"));
	assert_non_null(strstr(before, "\"reason\":\"owner\""));
	change(life, &ends, "s1", &pause_it);
	assert_int_equal(ends.outcome, BUD_STATUS_ALREADY);
	stored(life, after);
	assert_string_equal(before, after);
	assert_int_equal(life_told(life, "subscription.paused"), 1);
	change(life, &ends, "s1", &resume_it);
	assert_int_equal(ends.outcome, BUD_STATUS_DONE);
	assert_int_equal(life_told(life, "subscription.resumed"), 1);
	stored(life, after);
	assert_null(strstr(after, "\"reason\""));
}

static void test_only_from_where_it_may(void **state)
{
	struct life *life = *state;
	struct bud_status_wish disable = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_ACTIVE),
		.to = BUD_SUBSCRIPTION_DISABLED,
		.reason = "gone",
	};
	struct ends ends = {0};

	life_put(life, "s1", false);
	life_put(life, "s2", false);
	life_put(life, "s2", true);
	change(life, &ends, "s1", &pause_it);
	change(life, &ends, "s1", &disable);
	assert_int_equal(ends.outcome, BUD_STATUS_REFUSED);
	assert_int_equal(ends.state, BUD_SUBSCRIPTION_PAUSED);
	change(life, &ends, "s2", &disable);
	assert_int_equal(ends.outcome, BUD_STATUS_MISSING);
	change(life, &ends, "never", &disable);
	assert_int_equal(ends.outcome, BUD_STATUS_MISSING);
	assert_int_equal(life_told(life, "subscription.disabled"), 0);
}

static bool grant(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	struct ends *ends = owner;

	assert_string_equal(subscription->id, "s1");
	if (ends->edits++ == 0 && ends->rival) {
		struct ends rival = {0};
		struct life *life = bud_move(ends->rival);
		assert_int_equal(
			bud_status_change(&life->store, "s1", &pause_it, on_changed, &rival), 0);
		life_wait(life, rival.n == 1);
		assert_int_equal(rival.outcome, BUD_STATUS_DONE);
	}
	status->rate_per_min = 30;
	return true;
}

/* The other's pause stays, and so does our rate. */
static void test_somebody_was_faster(void **state)
{
	struct life *life = *state;
	struct bud_status_wish wish = {.from = ~0u, .keeps_state = true, .edit = grant};
	struct ends ends = {.rival = life};
	char value[4096];

	life_put(life, "s1", false);
	change(life, &ends, "s1", &wish);
	assert_int_equal(ends.outcome, BUD_STATUS_DONE);
	assert_int_equal(ends.edits, 2);
	stored(life, value);
	assert_non_null(strstr(value, "\"state\":\"paused\""));
	assert_non_null(strstr(value, "\"rate_per_min\":30"));
	assert_int_equal(life_told(life, "subscription.paused"), 1);
	assert_int_equal(life_told(life, "subscription.resumed"), 0);
}

static bool refuse(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	(void)owner;
	(void)subscription;
	status->rate_per_min = 1;
	return false;
}

static void test_silence_and_refusal(void **state)
{
	struct life *life = *state;
	struct bud_status_wish wish = {
		.from = ~0u, .keeps_state = true, .edit = grant, .is_silent = true};
	struct ends ends = {0};
	char before[4096], after[4096];
	size_t head;

	life_put(life, "s1", false);
	stored(life, before);
	change(life, &ends, "s1", &wish);
	assert_int_equal(ends.outcome, BUD_STATUS_DONE);
	stored(life, after);
	assert_string_not_equal(before, after);
	head = strcspn(before, "\n");
	assert_memory_equal(before, after, head);
	assert_non_null(strstr(before, ends.etag));
	change(life, &ends, "s1", &wish);
	assert_int_equal(ends.outcome, BUD_STATUS_ALREADY);
	wish.edit = refuse;
	change(life, &ends, "s1", &wish);
	assert_int_equal(ends.outcome, BUD_STATUS_REFUSED);
	stored(life, before);
	assert_string_equal(before, after);
}

static void test_connection_is_lost(void **state)
{
	struct life *life = *state;
	struct ends ends = {0};

	life_put(life, "s1", false);
	redis_server_pause(life->server);
	assert_int_equal(bud_status_change(&life->store, "s1", &pause_it, on_changed, &ends), 0);
	life_stays_ms(life, ends.n == 0, 50);
	redis_server_kill(life->server);
	life_wait(life, ends.n == 1);
	assert_int_equal(ends.err, -ENOTCONN);
	redis_server_restart(life->server, NULL, true);
	life_wait(life, bud_store_is_up(&life->store));
	change(life, &ends, "s1", &pause_it);
	assert_int_equal(ends.outcome, BUD_STATUS_DONE);
}

struct page {
	int n;
	long long since_ms;
};

static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_failing *failing, size_t n)
{
	struct page *page = owner;

	assert_int_equal(err, 0);
	assert_int_equal(cursor, 0);
	page->n = (int)n;
	page->since_ms = n > 0 ? failing[0].since_ms : 0;
}

static struct page failing(struct life *life)
{
	struct page page = {.n = -1};

	assert_int_equal(bud_failing_scan(&life->store, 0, on_page, &page), 0);
	life_wait(life, page.n >= 0);
	return page;
}

static void test_first_failure_counts(void **state)
{
	struct life *life = *state;

	assert_int_equal(failing(life).n, 0);
	assert_int_equal(bud_failing_note(&life->store, bud_span("s1"), 1000), 0);
	assert_int_equal(bud_failing_note(&life->store, bud_span("s1"), 2000), 0);
	assert_int_equal(failing(life).since_ms, 1000);
	assert_int_equal(bud_failing_clear(&life->store, bud_span("s1")), 0);
	assert_int_equal(failing(life).n, 0);
	assert_int_equal(bud_failing_note(&life->store, bud_span("s1"), 3000), 0);
	assert_int_equal(failing(life).since_ms, 3000);
}

static void on_lock(void *owner, int err, int64_t number)
{
	assert_int_equal(err, 0);
	*(int64_t *)owner = number;
}

static int64_t take(struct life *life, const char *what, int64_t ms)
{
	int64_t answer = -1;

	assert_int_equal(bud_lock_take(&life->store, bud_span(what), ms, on_lock, &answer), 0);
	life_wait(life, answer >= 0);
	return answer;
}

static void test_one_holder(void **state)
{
	struct life *life = *state;

	assert_int_equal(take(life, "verify:s1", 60000), 1);
	assert_int_equal(take(life, "verify:s1", 60000), 0);
	assert_int_equal(take(life, "verify:s2", 1), 1);
	life_wait(life, take(life, "verify:s2", 60000) == 1);
	assert_int_equal(bud_lock_give(&life->store, bud_span("verify:s1")), 0);
	assert_int_equal(take(life, "verify:s1", 60000), 1);
}

static int tear_down(void **state)
{
	life_close_redis(*state);
	return life_tear_down(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, life_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(is_told_once),
		TEST(only_from_where_it_may),
		TEST(somebody_was_faster),
		TEST(silence_and_refusal),
		TEST(connection_is_lost),
		TEST(first_failure_counts),
		TEST(one_holder),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
