/* Tokens of credentials are fetched ahead of their end by one node, against a real Redis and a real
 * token endpoint; a refresh token that was replaced is never lost; a failure is told and tried
 * again, and the owner's etag stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "followed.h"
#include "lifecycle/tokens.h"
#include "lifecycle/verify.h"

#define KEY     "bud:{s0}:"
#define PACE_MS 300
#define TOKENS(tokens)                                                                             \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" tokens
#define INVALID "HTTP/1.1 400 X\r\nContent-Length: 25\r\n\r\n{\"error\":\"invalid_grant\"}"

static void on_changed(void *one, const struct bud_subscription *subscription)
{
	bud_keeper_on_changed(one, subscription);
}

static void on_deleted(void *one, const char *id)
{
	bud_keeper_on_deleted(one, id);
}

static void close_one(void *one)
{
	bud_keeper_close(one);
}

static const struct followed_kind kind = {on_changed, on_deleted, close_one};

static void verifier_on_changed(void *one, const struct bud_subscription *subscription)
{
	bud_verifier_on_changed(one, subscription);
}

static void close_verifier(void *one)
{
	bud_verifier_close(one);
}

/* In one test. */
static const struct followed_kind verifier_kind = {verifier_on_changed, NULL, close_verifier};

static void start(struct followed *followed, int nodes)
{
	struct bud_keeper_options options = {
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.fetch = followed->fetch,
		.config = &followed->config,
		.tick_ms = 5,
		.again_ms = nodes == 1 ? 40 : 4000, /* the lock is for so long */
		.pace_ms = PACE_MS,
	};

	for (int i = 0; i < nodes; i++)
		followed_join(followed, &kind, bud_keeper_open(&options));
	followed_start(followed);
}

static void answer(struct followed *followed, const char *text)
{
	followed->server.act = (struct scripted_act){.text = text, .then = SCRIPTED_CLOSE};
}

static void put_client(struct followed *followed, const char *id, const char *secret)
{
	char json[512];

	snprintf(json, sizeof(json),
		"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\",\"sinkcredential\":{"
		"\"credentialtype\":\"CLIENT\",\"identifier\":\"me\",\"secret\":\"%s\","
		"\"tokenendpoint\":\"http://127.0.0.1:%d/token\",\"scope\":\"x\"}}",
		secret, followed->server.port);
	life_put_json(followed->life, id, json, NULL);
}

static void put_refresh_with(struct followed *followed, const char *more, const char *status)
{
	char json[512];

	snprintf(json, sizeof(json),
		"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\",\"sinkcredential\":{"
		"\"credentialtype\":\"REFRESHTOKEN\",\"accesstoken\":\"a0\","
		"\"refreshtoken\":\"r0\",%s\"refreshtokenendpoint\":\"http://127.0.0.1:%d/r\"}}",
		more, followed->server.port);
	life_put_json(followed->life, "s1", json, status);
}

static void put_refresh(struct followed *followed, const char *status)
{
	put_refresh_with(followed, "", status);
}

static bool says(const struct followed *followed, const char *text)
{
	return followed->server.last.at && strstr(followed->server.last.at, text) != NULL;
}

static void head_of(struct life *life, char out[128])
{
	redisReply *reply = redis_server_ask(life->server, "HGET " KEY "subs:records s1");

	snprintf(out, 128, "%.*s", (int)strcspn(reply->str, "\n"), reply->str);
	freeReplyObject(reply);
}

static void test_client_credentials(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	char before[128], after[128];

	answer(followed, TOKENS("{\"access_token\":\"a1\",\"expires_in\":600}"));
	put_client(followed, "s1", "mine");
	head_of(life, before);
	start(followed, 1);
	life_wait(life, life_stored_has(life, "s1", "\"access_token\":\"a1\""));
	assert_true(says(followed, "POST /token HTTP/1.1\r\n"));
	assert_true(says(followed, "\r\nAuthorization: Basic bWU6bWluZQ==\r\n"));
	assert_true(says(followed, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_true(says(followed, "\r\n\r\ngrant_type=client_credentials&scope=x"));
	head_of(life, after);
	assert_string_equal(before, after); /* the etag is in it */
	life_stays_ms(life, followed->server.requests == 1, 300);
}

/* What waits for a token may be all that fills Redis. */
static void test_at_the_memory_limit(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	answer(followed, TOKENS("{\"access_token\":\"a1\",\"expires_in\":600}"));
	put_client(followed, "s1", "mine");
	redis_server_do(life->server, "CONFIG SET maxmemory 1");
	start(followed, 1);
	life_wait(life, life_stored_has(life, "s1", "\"access_token\":\"a1\""));
	redis_server_do(life->server, "CONFIG SET maxmemory 0");
}

/* What the status of a token looks like that has a tenth of its life left. */
static const char *old_token(const char *refresh_token)
{
	static char text[256];
	long long now_ms = bud_clock_wall_ms();

	snprintf(text, sizeof(text),
		"{\"state\":\"active\",\"access_token\":\"old\",\"token_since_ms\":%lld,"
		"\"token_expires_ms\":%lld,\"refresh_token\":\"%s\"}",
		now_ms - 90000, now_ms + 10000, refresh_token);
	return text;
}

static void test_refreshes_with_the_newest(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	answer(followed, TOKENS("{\"access_token\":\"a1\",\"refresh_token\":\"r1\"}"));
	put_refresh(followed, NULL);
	start(followed, 1);
	life_wait(life, life_stored_has(life, "s1", "\"refresh_token\":\"r1\""));
	assert_true(says(followed, "grant_type=refresh_token&refresh_token=r0"));
	answer(followed, TOKENS("{\"access_token\":\"a2\"}"));
	put_refresh(followed, old_token("r7"));
	life_wait(life, life_stored_has(life, "s1", "\"access_token\":\"a2\""));
	assert_true(says(followed, "grant_type=refresh_token&refresh_token=r7"));
	assert_true(life_stored_has(life, "s1", "\"refresh_token\":\"r7\""));
	assert_int_equal(followed->server.requests, 2);
}

/* What the issuer says of a token's life is believed, and its token fetched anew ahead of its end.
 */
static void test_a_short_life(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	int64_t began_ms = bud_clock_mono_ms();
	unsigned asked;

	answer(followed, TOKENS("{\"access_token\":\"a1\",\"expires_in\":1}"));
	put_client(followed, "s1", "mine");
	start(followed, 1);
	life_wait(life, followed->server.requests >= 4);
	asked = (unsigned)followed->server.requests;
	assert_in_range(bud_clock_mono_ms() - began_ms, (asked - 1) * 700, 10000);
}

/* One that has ended when it comes is asked for at a pace, by all nodes together; the status says
 * why nothing is sent, and a new refresh token that came along is kept. */
static void test_no_life(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	answer(followed, TOKENS("{\"access_token\":\"a1\",\"expires_in\":0,"
				"\"refresh_token\":\"r1\"}"));
	put_refresh(followed, NULL);
	start(followed, 2);
	life_wait(
		life, life_stored_has(life, "s1", "\"detail\":\"the token endpoint gave a token"));
	assert_true(life_stored_has(life, "s1", "\"refresh_token\":\"r1\""));
	life_stays_ms(life, followed->server.requests <= 5, 4 * PACE_MS);
	assert_in_range(followed->server.requests, 2, 5);
	answer(followed, TOKENS("{\"access_token\":\"a2\"}"));
	life_wait(life, life_stored_has(life, "s1", "\"access_token\":\"a2\""));
	assert_false(life_stored_has(life, "s1", "\"reason\""));
}

static void test_one_node_asks(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	answer(followed, TOKENS("{\"access_token\":\"a1\",\"expires_in\":600}"));
	start(followed, 2);
	for (int i = 0; i < 30; i++) {
		char id[8];
		snprintf(id, sizeof(id), "s%d", i);
		put_client(followed, id, "mine");
	}
	life_wait(life, followed->server.requests >= 30);
	life_stays_ms(life, followed->server.requests == 30, 400);
}

static void test_only_who_needs_one(void **state)
{
	struct followed *followed = *state;
	char fresh[200];

	snprintf(fresh, sizeof(fresh),
		"{\"state\":\"active\",\"access_token\":\"a\",\"token_since_ms\":%lld,"
		"\"token_expires_ms\":%lld}",
		(long long)bud_clock_wall_ms(), (long long)bud_clock_wall_ms() + 100000);
	put_refresh(followed, fresh);
	followed_put(followed, "plain", "/", NULL);
	start(followed, 1);
	life_stays_ms(followed->life, followed->server.accepts == 0, 200);
	put_refresh(followed, "{\"state\":\"paused\",\"since_ms\":1}");
	life_stays_ms(followed->life, followed->server.accepts == 0, 200);
}

static void test_failures_are_told(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	answer(followed, INVALID);
	put_client(followed, "s1", "mine");
	start(followed, 1);
	life_wait(life, life_stored_has(life, "s1",
				"\"detail\":\"the token endpoint answered 400 (invalid_grant)\""));
	assert_true(life_stored_has(life, "s1", "{\"state\":\"active\",\"reason\":\"credential\""));
	life_wait(life, followed->server.requests >= 3);
	answer(followed, TOKENS("{\"access_token\":\"a1\"}"));
	life_wait(life, life_stored_has(life, "s1", "\"access_token\":\"a1\""));
	assert_false(life_stored_has(life, "s1", "\"reason\""));
	assert_int_equal(life_told(life, "subscription.activated"), 0);
}

/* The issuer has replaced the refresh token, and Redis is away: ours is of no use any more. */
static void test_an_answer_is_never_lost(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->server.act = (struct scripted_act){
		.text = TOKENS("{\"access_token\":\"a1\",\"refresh_token\":\"r1\"}"),
		.then = SCRIPTED_CLOSE,
		.drip_ms = 1};
	put_refresh(followed, NULL);
	start(followed, 1);
	life_wait(life, followed->server.requests == 1);
	redis_server_kill(life->server);
	life_stays_ms(life, true, 500);
	redis_server_restart(life->server, NULL, true);
	life_wait(life, life_stored_has(life, "s1", "\"refresh_token\":\"r1\""));
	assert_int_equal(followed->server.requests, 1);
}

/* The same when its owner paused it meanwhile: the token is needed again when it is resumed. */
static void test_an_answer_outlives_a_pause(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	const struct bud_subscription *subscription = NULL;

	followed->server.act = (struct scripted_act){
		.text = TOKENS("{\"access_token\":\"a1\",\"refresh_token\":\"r1\"}"),
		.then = SCRIPTED_CLOSE,
		.drip_ms = 10};
	put_refresh(followed, NULL);
	start(followed, 1);
	life_wait(life, followed->server.requests == 1);
	put_refresh(followed, "{\"state\":\"paused\",\"since_ms\":1}");
	life_wait(life, bud_table_find(followed->table, "s1", &subscription) == BUD_TABLE_LIVE &&
				subscription->status.state == BUD_SUBSCRIPTION_PAUSED);
	redis_server_kill(life->server);
	life_stays_ms(life, true, 2500);
	redis_server_restart(life->server, NULL, true);
	life_wait(life, life_stored_has(life, "s1", "\"refresh_token\":\"r1\""));
	assert_true(life_stored_has(life, "s1", "\"state\":\"paused\""));
	assert_int_equal(followed->server.requests, 1);
}

/* What the old credential brought is not sent in the name of the new one. */
static void test_another_credential(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->server.act =
		(struct scripted_act){.text = TOKENS("{\"access_token\":\"of-old\"}"),
			.then = SCRIPTED_CLOSE,
			.drip_ms = 1};
	put_client(followed, "s1", "old");
	start(followed, 1);
	life_wait(life, followed->server.requests == 1);
	put_client(followed, "s1", "new");
	life_stays_ms(life, !life_stored_has(life, "s1", "of-old"), 400);
	answer(followed, TOKENS("{\"access_token\":\"of-new\"}"));
	life_wait(life, life_stored_has(life, "s1", "of-new"));
}

/* Nor is the issuer's new refresh token lost when only what is said beside it changes meanwhile. */
static void test_other_words_about_the_same(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->server.act = (struct scripted_act){
		.text = TOKENS("{\"access_token\":\"a1\",\"refresh_token\":\"r1\"}"),
		.then = SCRIPTED_CLOSE,
		.drip_ms = 5};
	put_refresh(followed, NULL);
	start(followed, 1);
	life_wait(life, followed->server.requests == 1);
	put_refresh_with(followed, "\"accesstokenexpiresutc\":\"2020-01-01T00:00:00Z\",", NULL);
	life_wait(life, life_stored_has(life, "s1", "\"refresh_token\":\"r1\""));
	assert_int_equal(followed->server.requests, 1);
}

/* A receiver that wants a token with each request is asked with one, and not before there is one;
 * meanwhile the subscription says what it waits for. */
static void test_a_question_waits_for_its_token(void **state)
{
	static struct scripted_server receiver;
	struct followed *followed = *state;
	struct life *life = followed->life;
	struct bud_verify_options options = {.loop = &life->loop,
		.store = &life->store,
		.fetch = followed->fetch,
		.config = &followed->config,
		.tick_ms = 5};
	char json[512];

	followed->config.delivery.verify = BUD_VERIFY_RULE_REQUIRE;
	scripted_server_open(&receiver, &life->loop, "127.0.0.1", 0);
	receiver.act.text = "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: bud.example\r\n"
			    "Content-Length: 0\r\n\r\n";
	answer(followed, INVALID);
	followed_join(followed, &verifier_kind, bud_verifier_open(&options));
	start(followed, 1);
	snprintf(json, sizeof(json),
		"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1:%d/\",\"sinkcredential\":{"
		"\"credentialtype\":\"CLIENT\",\"identifier\":\"me\",\"secret\":\"mine\","
		"\"tokenendpoint\":\"http://127.0.0.1:%d/token\"}}",
		receiver.port, followed->server.port);
	life_put_json(life, "s1", json,
		"{\"state\":\"pending\",\"since_ms\":1,\"reason\":\"consent\","
		"\"detail\":\"its receiver has not been asked yet\"}");
	life_wait(life, life_stored_has(life, "s1", "\"reason\":\"credential\""));
	life_wait(life, followed->server.requests >= 2);
	assert_true(life_stored_has(life, "s1", "\"state\":\"pending\""));
	assert_int_equal(receiver.requests, 0);
	answer(followed, TOKENS("{\"access_token\":\"a1\"}"));
	life_wait(life, life_stored_has(life, "s1", "\"granted_ms\":"));
	assert_int_equal(receiver.requests, 1);
	assert_non_null(strstr(receiver.last.at, "OPTIONS / HTTP/1.1\r\n"));
	assert_non_null(strstr(receiver.last.at, "\r\nAuthorization: Bearer a1\r\n"));
	assert_true(life_stored_has(life, "s1", "\"state\":\"active\""));
	assert_false(life_stored_has(life, "s1", "\"reason\""));
	scripted_server_close(&receiver);
}

/* Whoever has many credentials with issuers that hang does not keep the others from theirs. */
static void test_those_that_hang_leave_room(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	static struct scripted_server good;
	int bad_port = followed->server.port;
	int64_t began_ms;

	scripted_server_open(&good, &life->loop, "127.0.0.1", 0);
	good.act.text = TOKENS("{\"access_token\":\"a1\",\"expires_in\":600}");
	good.act.then = SCRIPTED_CLOSE;
	answer(followed, INVALID);
	for (int i = 0; i < 20; i++) {
		char id[8];
		snprintf(id, sizeof(id), "b%d", i);
		put_client(followed, id, "mine");
	}
	start(followed, 1);
	life_wait(life, followed->server.requests >= 20);
	followed->server.act = (struct scripted_act){.text = NULL};
	life_stays_ms(life, true, 500); /* all of them are due again, and hang */
	followed->server.port = good.port;
	put_client(followed, "good", "mine");
	followed->server.port = bad_port;
	began_ms = bud_clock_mono_ms();
	life_wait(life, life_stored_has(life, "good", "\"access_token\":\"a1\""));
	assert_in_range(bud_clock_mono_ms() - began_ms, 0, 8000);
	scripted_server_close(&good);
}

/* Nor does an owner who has made very many at once. */
static void test_new_ones_of_one_owner_leave_room(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed->server.act = (struct scripted_act){.text = NULL}; /* hangs */
	for (int i = 0; i < 20; i++) {
		char id[8];
		snprintf(id, sizeof(id), "b%d", i);
		put_client(followed, id, "mine");
	}
	start(followed, 1);
	life_wait(life, followed->server.requests >= 4);
	life_stays_ms(life, followed->server.requests == 4, 300);
	life->put_owner = "another";
	answer(followed, TOKENS("{\"access_token\":\"a1\"}"));
	put_client(followed, "good", "mine");
	life_wait(life, life_stored_has(life, "good", "\"access_token\":\"a1\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, followed_end)
	const struct CMUnitTest tests[] = {
		TEST(client_credentials),
		TEST(at_the_memory_limit),
		TEST(refreshes_with_the_newest),
		TEST(a_short_life),
		TEST(no_life),
		TEST(one_node_asks),
		TEST(only_who_needs_one),
		TEST(failures_are_told),
		TEST(an_answer_is_never_lost),
		TEST(an_answer_outlives_a_pause),
		TEST(another_credential),
		TEST(other_words_about_the_same),
		TEST(a_question_waits_for_its_token),
		TEST(those_that_hang_leave_room),
		TEST(new_ones_of_one_owner_leave_room),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
