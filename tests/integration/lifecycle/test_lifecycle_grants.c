/* Grants are followed like subscriptions: in force on a node as soon as its table has the version
 * of the change, gone with the change that takes them back, and whole again after a reload. What
 * ended long ago is taken back for its owner. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "auth/authorize.h"
#include "auth/grant.h"
#include "core/random.h"
#include "followed.h"
#include "lifecycle/clean.h"
#include "store/grants.h"

#define KEY "bud:{s0}:"

static struct bud_put_result put_result;
static bool is_put;
static struct bud_cleaner *cleaner; /* of one test */

static int set_up(void **state)
{
	struct followed *followed;
	int r = followed_set_up(state);

	followed = *state;
	followed->authority = bud_authority_create(&(struct bud_authority_options){0});
	return r;
}

static int tear_down(void **state)
{
	struct followed *followed = *state;
	struct bud_authority *authority = followed->authority;
	int r;

	followed_stop(followed);
	bud_cleaner_close(bud_move(cleaner));
	r = followed_tear_down(state);
	bud_authority_destroy(authority);
	return r;
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	(void)owner;
	assert_int_equal(err, 0);
	put_result = *result;
	is_put = true;
}

/* Ends in so many days; 0: never. Returns when Redis has answered. */
static void give_for(struct followed *followed, char digit, int days)
{
	bud_auto(grant) struct bud_grant *grant = bud_new(struct bud_grant);
	char etag[17];

	bud_random_hex(etag, 8);
	memset(grant->id, digit, sizeof(grant->id) - 1);
	grant->owner = bud_strdup("/org/own");
	grant->to = bud_strdup(digit == 'a' ? "/org/a" : "/org/b");
	grant->actions = 1u << BUD_ACTION_SUBSCRIBE;
	if (days != 0) {
		grant->until_ms = bud_clock_wall_ms() + days * 86400000LL;
		grant->until = bud_alloc_zero(25);
		bud_clock_write(grant->until_ms, grant->until);
	}
	is_put = false;
	assert_int_equal(bud_grant_put(&followed->life->store, grant, etag, on_put, NULL), 0);
	life_wait(followed->life, is_put);
}

static void give(struct followed *followed, char digit)
{
	give_for(followed, digit, 0);
}

static void take_back(struct followed *followed, char digit)
{
	char id[BUD_GRANT_ID_BYTES] = "";
	char etag[17];

	bud_random_hex(etag, 8);
	memset(id, digit, sizeof(id) - 1);
	is_put = false;
	assert_int_equal(bud_grant_put_end(&followed->life->store, id, etag, on_put, NULL), 0);
	life_wait(followed->life, is_put);
	assert_int_equal(put_result.outcome, BUD_PUT_OK);
}

static bool may(struct followed *followed, const char *who)
{
	struct bud_question question = {.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span(who),
		.publisher = bud_span("/org/own"),
		.resource = bud_span(""),
		.type = bud_span("t"),
		.subject = bud_span("")};

	return bud_authorize(followed->authority, &question, NULL) == BUD_DECISION_PERMIT;
}

static bool has_reached(struct followed *followed, struct bud_member version)
{
	struct bud_table_version have = bud_table_version(followed->table);

	return have.ms > version.ms || (have.ms == version.ms && have.seq >= version.seq);
}

static void are_in_force_with_their_version(void **state)
{
	struct followed *followed = *state;

	followed_start(followed);
	for (int i = 0; i < 20; i++) {
		give(followed, 'a');
		assert_int_equal(put_result.outcome, BUD_PUT_OK);
		life_wait(followed->life, has_reached(followed, put_result.version));
		assert_true(may(followed, "/org/a"));
		assert_false(may(followed, "/org/b"));
		take_back(followed, 'a');
		life_wait(followed->life, has_reached(followed, put_result.version));
		assert_false(may(followed, "/org/a"));
		/* Its id is taken by the tombstone. */
		redis_server_do(followed->life->server,
			"HDEL " KEY "subs:records grant:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	}
}

static void an_identical_one_is_found(void **state)
{
	struct followed *followed = *state;

	give(followed, 'b');
	assert_int_equal(put_result.outcome, BUD_PUT_OK);
	give(followed, 'c');
	assert_int_equal(put_result.outcome, BUD_PUT_SAME);
	followed_start(followed);
	assert_true(may(followed, "/org/b"));
}

static void a_reload_knows_what_there_is(void **state)
{
	struct followed *followed = *state;

	followed_start(followed);
	life_put(followed->life, "s1", false);
	give(followed, 'a');
	give(followed, 'b');
	life_wait(followed->life, may(followed, "/org/a") && may(followed, "/org/b"));
	/* Behind our back, and the stream of changes begins anew. */
	redis_server_do(followed->life->server,
		"HDEL " KEY "subs:records grant:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	redis_server_do(followed->life->server, "SET " KEY "subs:version 1-1");
	life_wait(followed->life, !may(followed, "/org/a"));
	assert_true(may(followed, "/org/b"));
	life_wait(followed->life, bud_table_count(followed->table) == 1);
}

static void what_cannot_be_read_permits_nothing(void **state)
{
	struct followed *followed = *state;

	give(followed, 'a');
	redis_server_do(followed->life->server,
		"HSET " KEY "subs:records grant:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb %s",
		"9 e f\n{\"id\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"owner\":\"/org/own\","
		"\"to\":\"/org/b\",\"actions\":[\"subscribe\"]}");
	followed_start(followed);
	assert_true(may(followed, "/org/a"));
	assert_false(may(followed, "/org/b"));
	assert_int_equal(bud_table_count(followed->table), 0);
}

/* Whether its record is there still, and no tombstone. */
static bool is_stored(struct followed *followed, char digit)
{
	char key[] = BUD_GRANT_KEY "................................";

	memset(key + strlen(BUD_GRANT_KEY), digit, BUD_GRANT_ID_BYTES - 1);
	return life_stored_has(followed->life, key, "\"owner\"");
}

static void what_ended_long_ago_is_taken_back(void **state)
{
	struct followed *followed = *state;
	struct bud_clean_options options = {
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.table = followed->table,
		.authority = followed->authority,
		.metrics = &followed->life->metrics,
		.retention_ms = 1000000,
		.each_ms = 20,
	};

	give_for(followed, 'a', -8);
	give_for(followed, 'b', -6);
	give_for(followed, 'c', 1);
	give(followed, 'd');
	followed_start(followed);
	cleaner = bud_cleaner_open(&options);
	life_wait(followed->life, !is_stored(followed, 'a'));
	life_wait(followed->life,
		bud_authority_count_grants(followed->authority, bud_span("/org/own"), 10) == 3);
	for (char digit = 'b'; digit <= 'd'; digit++)
		assert_true(is_stored(followed, digit));
	assert_true(may(followed, "/org/b"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(are_in_force_with_their_version),
		TEST(an_identical_one_is_found),
		TEST(a_reload_knows_what_there_is),
		TEST(what_cannot_be_read_permits_nothing),
		TEST(what_ended_long_ago_is_taken_back),
	};
	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
