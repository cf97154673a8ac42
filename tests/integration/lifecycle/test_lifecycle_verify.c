/* Receivers are asked before they get events, against a real Redis and a real receiver: by the
 * letter of CloudEvents HTTP webhooks 4, once for all nodes, again by the schedule until they
 * agree; the subscription says why it waits, and who was not asked agrees to nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/error.h"
#include "followed.h"
#include "lifecycle/verify.h"
#include "subscription/consent.h"

#define GRANTED                                                                                    \
	"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: bud.example\r\nWebHook-Allowed-Rate: 60\r\n"   \
	"Allow: POST\r\nContent-Length: 0\r\n\r\n"
#define REFUSED "HTTP/1.1 405 X\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n"

static void on_changed(void *one, const struct bud_subscription *subscription)
{
	bud_verifier_on_changed(one, subscription);
}

static void on_deleted(void *one, const char *id)
{
	bud_verifier_on_deleted(one, id);
}

static void close_one(void *one)
{
	bud_verifier_close(one);
}

static const struct followed_kind kind = {on_changed, on_deleted, close_one};

static void start(struct followed *followed, int nodes, int64_t minute_ms)
{
	struct bud_verify_options options = {
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.fetch = followed->fetch,
		.config = &followed->config,
		.tick_ms = 5,
		.minute_ms = minute_ms,
	};

	for (int i = 0; i < nodes; i++)
		followed_join(followed, &kind, bud_verifier_open(&options));
	followed_start(followed);
}

static char *pending(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "{\"state\":\"pending\",\"since_ms\":%lld}",
		(long long)bud_clock_wall_ms());
	return text;
}

static bool says(const struct followed *followed, const char *text)
{
	return strstr(followed->server.last.at, text) != NULL;
}

static void test_asks_by_the_letter(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	char key[128];

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed->config.delivery.request_rate = 120;
	strcpy(followed->config.delivery.callback_url, "https://bud.example/api");
	followed_answer(followed, GRANTED);
	start(followed, 1, 0);
	followed_put(followed, "s1", "/hook?a=b", pending());
	life_wait(life, life_stored_has(life, "s1", "\"granted_ms\":"));
	assert_int_equal(followed->server.requests, 1);
	assert_true(says(followed, "OPTIONS /hook?a=b HTTP/1.1\r\n"));
	assert_true(says(followed, "\r\nWebHook-Request-Origin: bud.example\r\n"));
	assert_true(says(followed, "\r\nWebHook-Request-Rate: 120\r\n"));
	assert_true(says(followed, "\r\nX-Key: of the owner\r\n"));
	assert_int_equal(
		sscanf(strstr(followed->server.last.at, "WebHook-Request-Callback:"),
			"WebHook-Request-Callback: "
			"https://bud.example/api/subscriptions/s1/consent?key=%127[0-9a-f-]\r\n",
			key),
		1);
	assert_int_equal(strlen(key), 13 + 1 + 64);
	assert_true(life_stored_has(life, "s1", "\"state\":\"active\""));
	assert_true(life_stored_has(life, "s1", "\"rate_per_min\":60"));
	assert_int_equal(life_told(life, "subscription.activated"), 1);
}

static void test_asks_again_until_it_agrees(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed_answer(followed, REFUSED);
	start(followed, 1, 40);
	followed_put(followed, "s1", "/", pending());
	life_wait(life, life_stored_has(life, "s1", "no WebHook-Allowed-Origin"));
	assert_true(life_stored_has(life, "s1", "\"state\":\"pending\""));
	life_wait(life, followed->server.requests >= 2);
	followed_answer(followed, GRANTED);
	/* It waits 40, 200, 1200, 4800 and 28800 ms. */
	life_wait_ms(life, life_stored_has(life, "s1", "\"state\":\"active\""), 50000);
	assert_int_equal(life_told(life, "subscription.activated"), 1);
	assert_false(life_stored_has(life, "s1", "WebHook"));
}

/* Two nodes, and neither asks before the first minute is over. */
static void test_asks_once(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed_answer(followed, REFUSED);
	start(followed, 2, 0);
	for (int i = 0; i < 40; i++) {
		char id[8];
		snprintf(id, sizeof(id), "s%d", i);
		followed_put(followed, id, "/", pending());
	}
	life_wait(life, followed->server.requests >= 40);
	life_stays_ms(life, followed->server.requests == 40, 300);
}

static void test_asks_nobody_else(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed_answer(followed, GRANTED);
	followed_put(followed, "active", "/", NULL);
	followed_put(followed, "paused", "/", "{\"state\":\"paused\",\"since_ms\":1}");
	followed_put(followed, "gone", "/", pending());
	life_put(life, "gone", true);
	start(followed, 1, 20);
	life_stays_ms(life, followed->server.accepts == 0, 200);
}

static void test_low_rate(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_LOW_RATE;
	followed_answer(followed, REFUSED);
	start(followed, 1, 0);
	followed_put(followed, "s1", "/", pending());
	life_wait(life, life_stored_has(life, "s1", "\"state\":\"active\""));
	assert_true(life_stored_has(life, "s1", "\"rate_per_min\":1}"));
	assert_true(life_stored_has(life, "s1", "\"reason\":\"not granted\""));
	assert_true(life_stored_has(life, "s1", "no WebHook-Allowed-Origin"));
	assert_false(life_stored_has(life, "s1", "granted_ms"));
}

/* Who was not heard has not said no: it is asked again, and gets all when it agrees. */
static void test_low_rate_is_for_an_answer(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_LOW_RATE;
	followed->server.act = (struct scripted_act){.then = SCRIPTED_RESET};
	start(followed, 1, 20);
	followed_put(followed, "s1", "/", pending());
	life_wait(life, life_stored_has(life, "s1", "could not be asked"));
	assert_true(life_stored_has(life, "s1", "\"state\":\"pending\""));
	assert_false(life_stored_has(life, "s1", "rate_per_min"));
	followed_answer(followed, GRANTED);
	life_wait(life, life_stored_has(life, "s1", "\"state\":\"active\""));
	assert_false(life_stored_has(life, "s1", "\"rate_per_min\":1}"));
}

/* The answer comes when the owner has paused it: then it stays paused. */
static void test_changed_meanwhile(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed->server.act = (struct scripted_act){.text = GRANTED, .drip_ms = 4};
	start(followed, 1, 0);
	followed_put(followed, "s1", "/", pending());
	life_wait(life, followed->server.requests == 1);
	followed_put(followed, "s1", "/", "{\"state\":\"paused\",\"since_ms\":7}");
	life_wait(life, followed->server.answers == 1);
	life_stays_ms(life, life_stored_has(life, "s1", "\"since_ms\":7}"), 100);
	followed_answer(followed, GRANTED);
	/* Also while the first question is under way. */
	followed_put(followed, "s1", "/other", pending());
	life_wait(life, life_stored_has(life, "s1", "\"granted_ms\":"));
	assert_true(says(followed, "OPTIONS /other "));
}

/* The rule is off by now: whoever waits need not wait any more, and was not asked. */
static void test_the_rule_is_off(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	start(followed, 1, 0);
	followed_put(followed, "s1", "/", pending());
	life_wait(life, life_stored_has(life, "s1", "\"state\":\"active\""));
	assert_int_equal(followed->server.accepts, 0);
	assert_false(life_stored_has(life, "s1", "granted_ms"));
}

/* Also of one that was asked, and whose next question is due much later. */
static void test_the_rule_is_off_by_now(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	char status[128];

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed_answer(followed, REFUSED);
	start(followed, 2, 0);
	snprintf(status, sizeof(status), "%s", pending());
	followed_put(followed, "s1", "/", status);
	life_wait(life, life_stored_has(life, "s1", "no WebHook-Allowed-Origin"));
	followed->config.delivery.verify = BUD_VERIFY_RULE_OFF;
	followed_put(followed, "s1", "/", status);
	life_wait(life, life_stored_has(life, "s1", "\"state\":\"active\""));
	assert_int_equal(life_told(life, "subscription.activated"), 1);
	assert_int_equal(followed->server.requests, 1);
}

static void test_nobody_answers(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed->server.act = (struct scripted_act){.then = SCRIPTED_RESET};
	start(followed, 1, 0);
	followed_put(followed, "s1", "/", pending());
	life_wait(life, life_stored_has(life, "s1", "its receiver could not be asked: "));
	assert_true(life_stored_has(life, "s1", "\"state\":\"pending\""));
}

/* Whoever has many receivers that hang does not keep the others from being asked. */
static void test_those_that_hang_leave_room(void **state)
{
	static struct scripted_server good;
	struct followed *followed = *state;
	struct life *life = followed->life;
	int bad_port = followed->server.port;
	int64_t began_ms;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	scripted_server_open(&good, &life->loop, "127.0.0.1", 0);
	good.act.text = GRANTED;
	followed_answer(followed, REFUSED);
	start(followed, 1, 100);
	for (int i = 0; i < 150; i++) {
		char id[8];
		snprintf(id, sizeof(id), "b%d", i);
		followed_put(followed, id, "/hook", pending());
	}
	life_wait(life, followed->server.requests >= 150);
	followed->server.act = (struct scripted_act){.text = NULL};
	life_stays_ms(life, true, 300); /* they are due again, and hang */
	followed->server.port = good.port;
	followed_put(followed, "good", "/hook", pending());
	followed->server.port = bad_port;
	began_ms = bud_clock_mono_ms();
	life_wait(life, life_stored_has(life, "good", "\"granted_ms\":"));
	assert_in_range(bud_clock_mono_ms() - began_ms, 0, 8000);
	scripted_server_close(&good);
}

/* Nor does an owner who has made very many at once. */
static void test_new_ones_of_one_owner_leave_room(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	followed->server.act = (struct scripted_act){.text = NULL}; /* hangs */
	for (int i = 0; i < 40; i++) {
		char id[8];
		snprintf(id, sizeof(id), "b%d", i);
		followed_put(followed, id, "/", pending());
	}
	start(followed, 1, 0);
	life_wait(life, followed->server.requests >= 8);
	life_stays_ms(life, followed->server.requests == 8, 200);
	life->put_owner = "another";
	followed_answer(followed, GRANTED);
	followed_put(followed, "good", "/", pending());
	life_wait(life, life_stored_has(life, "good", "\"granted_ms\":"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, followed_end)
	const struct CMUnitTest tests[] = {
		TEST(asks_by_the_letter),
		TEST(asks_again_until_it_agrees),
		TEST(asks_once),
		TEST(asks_nobody_else),
		TEST(low_rate),
		TEST(low_rate_is_for_an_answer),
		TEST(changed_meanwhile),
		TEST(the_rule_is_off),
		TEST(the_rule_is_off_by_now),
		TEST(nobody_answers),
		TEST(those_that_hang_leave_room),
		TEST(new_ones_of_one_owner_leave_room),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
