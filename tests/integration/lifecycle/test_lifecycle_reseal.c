/* After a change of secrets.key every secret of a subscription, of its record and of its status, is
 * sealed with the new key, the number of those left is known, and whoever has only the new key
 * reads them all; nobody's etag changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "crypto/seal.h"
#include "followed.h"
#include "lifecycle/reseal.h"
#include "store/registry.h"
#include "subscription/sealing.h"

#define OLD_KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NEW_KEY "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NODES   2
#define MANY    10

static struct bud_resealer *resealers[NODES];
static struct bud_metrics metrics[NODES];
static struct bud_sealer *old_sealer, *both_sealer, *new_sealer;

static void on_changed(void *owner, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	(void)owner;
	(void)before;
	for (int i = 0; i < NODES; i++)
		bud_resealer_on_changed(resealers[i], subscription);
}

static void on_deleted(void *owner, const char *id)
{
	(void)owner;
	for (int i = 0; i < NODES; i++)
		bud_resealer_on_deleted(resealers[i], id);
}

static struct bud_sealer *make(const char *newest, const char *other)
{
	struct bud_span keys[] = {bud_span(newest), bud_span(other)};
	struct bud_sealer *sealer;

	assert_int_equal(bud_sealer_create(keys, 2, &sealer, NULL), 0);
	return sealer;
}

static int set_up(void **state)
{
	old_sealer = make(OLD_KEY, OLD_KEY);
	both_sealer = make(NEW_KEY, OLD_KEY);
	new_sealer = make(NEW_KEY, NEW_KEY);
	memset(metrics, 0, sizeof(metrics));
	return followed_set_up(state);
}

static void start(struct followed *followed)
{
	followed->life->shard.sealer = both_sealer;
	for (int i = 0; i < NODES; i++)
		resealers[i] = bud_resealer_open(&(struct bud_reseal_options){
			.loop = &followed->life->loop,
			.store = &followed->life->store,
			.metrics = &metrics[i],
			.each_ms = 10,
		});
	followed->on_changed = on_changed;
	followed->on_deleted = on_deleted;
	followed_start(followed);
}

static int tear_down(void **state)
{
	int r;

	followed_stop(*state);
	for (int i = 0; i < NODES; i++)
		bud_resealer_close(bud_move(resealers[i]));
	r = followed_tear_down(state);
	bud_sealer_destroy(old_sealer);
	bud_sealer_destroy(both_sealer);
	bud_sealer_destroy(new_sealer);
	return r;
}

static int64_t left(int node)
{
	return bud_metrics_gauge(&metrics[node], BUD_GAUGE_SEALED_OLD);
}

/* As whoever has only the new key reads it. */
static struct bud_subscription *read_new(struct life *life, const char *id, char etag[64])
{
	redisReply *reply = redis_server_ask(life->server, "HGET bud:{s0}:subs:records %s", id);
	struct bud_subscription_defaults defaults = {.timeout_ms = 1000, .sealer = new_sealer};
	struct bud_subscription *subscription = NULL;
	struct bud_registry_value value;
	struct bud_error error;

	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	assert_true(bud_registry_value_parse((struct bud_span){reply->str, reply->len}, &value));
	snprintf(etag, 64, "%.*s", (int)value.etag.len, value.etag.at);
	if (bud_subscription_load(value.record, &defaults, &subscription, &error) == 0)
		bud_subscription_set_beside(subscription,
			&(struct bud_subscription_beside){value.serial, value.etag, value.status});
	freeReplyObject(reply);
	return subscription;
}

static void test_all_are_sealed_anew(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	struct bud_subscription *subscription;
	char etags[MANY][64], etag[64], id[8];

	life->shard.sealer = old_sealer;
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		if (i == MANY / 2)
			life->shard.sealer = NULL; /* never sealed: as old as any */
		followed_put(followed, id, "/", NULL);
		subscription = read_new(life, id, etags[i]);
		assert_true(i < MANY / 2 ? !subscription : subscription->is_sealed_old);
		bud_subscription_destroy(subscription);
	}
	life_put(life, "gone", false);
	start(followed);
	life_wait(life, left(0) > 0 && left(1) > 0);
	life_put(life, "gone", true);
	life_wait_ms(life, left(0) == 0 && left(1) == 0, 20000);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		assert_true(life_stored_has(life, id, "sealed:v1:"));
		assert_false(life_stored_has(life, id, "whsec_"));
		subscription = read_new(life, id, etag);
		assert_non_null(subscription);
		assert_false(subscription->is_sealed_old);
		assert_string_equal(etag, etags[i]);
		bud_subscription_destroy(subscription);
	}
}

static void test_what_a_status_keeps(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	struct bud_subscription *subscription;
	struct bud_subscription like = {
		.id = (char[]){"s1"}, .owner = (char[]){"local"}, .sealer = old_sealer};
	char *token = bud_sealing_close_text(&like, "access_token", "of-the-issuer");
	char status[512], etag[64];

	snprintf(status, sizeof(status),
		"{\"state\":\"active\",\"access_token\":\"%s\",\"token_since_ms\":1,"
		"\"token_expires_ms\":2,\"refresh_token\":\"plain\"}",
		token);
	free(token);
	life->shard.sealer = new_sealer; /* the record is well */
	followed_put(followed, "s1", "/", status);
	start(followed);
	life_wait(life, !life_stored_has(life, "s1", "plain"));
	life_wait(life, left(0) == 0 && left(1) == 0);
	subscription = read_new(life, "s1", etag);
	assert_non_null(subscription);
	token = bud_sealing_open_text(
		subscription, "access_token", subscription->status.access_token);
	assert_string_equal(token, "of-the-issuer");
	free(token);
	token = bud_sealing_open_text(
		subscription, "refresh_token", subscription->status.refresh_token);
	assert_string_equal(token, "plain");
	free(token);
	bud_subscription_destroy(subscription);
}

/* Nobody writes what is well, and who seals nothing leaves all as it is. */
static void test_leaves_the_rest(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	long long changes;

	life->shard.sealer = new_sealer;
	followed_put(followed, "s1", "/", NULL);
	start(followed);
	changes = life_number(life, "XLEN bud:{s0}:subs:changes");
	life_stays_ms(life, left(0) == 0 && left(1) == 0, 200);
	life->shard.sealer = NULL;
	followed_put(followed, "s2", "/", NULL);
	life_stays_ms(life, left(0) == 0 && left(1) == 0, 200);
	assert_true(life_stored_has(life, "s2", "whsec_"));
	assert_int_equal(life_number(life, "XLEN bud:{s0}:subs:changes"), changes + 1);
	life->shard.sealer = both_sealer;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_are_sealed_anew),
		TEST(what_a_status_keeps),
		TEST(leaves_the_rest),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
