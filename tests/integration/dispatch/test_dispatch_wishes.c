/* A push is as its subscription wishes: the mode, the signatures, also by a secret that is being
 * changed, the credential, the rules for statuses; never with a credential whose time has passed.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "crypto/keyring.h"
#include "crypto/signing_key.h"
#include "dispatch/endpoint.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

#define OTHER_SECRET "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

/* Publishes one event and waits until it came. */
static void push_one(struct rig *rig)
{
	rig->sink.takes_anything = true;
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 1);
	rig_wait(rig, rig_is_clean(rig));
}

static void altinn_is_plain_json(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "'mode':'altinn'", "");
	push_one(rig);
	assert_true(sink_had(&rig->sink, "content-type: application/json"));
	assert_non_null(strstr(rig->sink.body.at, "\"specversion\":\"1.0\""));
}

static void binary_has_its_attributes_in_headers(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "'mode':'binary'", "");
	push_one(rig);
	assert_true(sink_had(&rig->sink, "ce-id: e0"));
	assert_true(sink_had(&rig->sink, "ce-type: t"));
	assert_true(sink_had(&rig->sink, "content-type: application/json"));
	assert_string_equal(rig->sink.body.at, "0");
}

static void slack_is_a_text(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "'mode':'slack'", "");
	push_one(rig);
	assert_true(strncmp(rig->sink.body.at, "{\"text\":", 8) == 0);
}

/* Where nobody looks at signatures, none need be made. */
static void may_be_without_a_signature(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "'mode':'slack','signing':{'schemes':[]}", "");
	push_one(rig);
	assert_null(strstr(rig->sink.head.at, "signature"));
	assert_true(sink_had(&rig->sink, "content-type: application/json"));
}

static void its_own_headers_go_with_it(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "",
		",'protocolsettings':{'headers':{'X-Tenant':'north 1','X-Key':'k'}}");
	push_one(rig);
	assert_true(sink_had(&rig->sink, "x-tenant: north 1\n"));
	assert_true(sink_had(&rig->sink, "x-key: k\n"));
}

static void a_password_goes_with_it(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "",
		",'sinkcredential':{'credentialtype':'PLAIN','identifier':'us','secret':'pa:ss'}");
	push_one(rig);
	assert_true(sink_had(&rig->sink, "authorization: Basic dXM6cGE6c3M="));
	assert_true(sink_had(&rig->sink, "content-type: application/cloudevents+json"));
}

static void a_token_goes_with_it(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "",
		",'sinkcredential':{'credentialtype':'ACCESSTOKEN','accesstoken':'abc',"
		"'accesstokentype':'bearer','accesstokenexpiresutc':'2999-01-01T00:00:00Z'}");
	push_one(rig);
	assert_true(sink_had(&rig->sink, "authorization: Bearer abc\n"));
}

static void not_with_a_token_whose_time_has_passed(void **state)
{
	struct rig *rig = *state;

	rig_subscribe_wishing(rig, "s1", "/a", "",
		",'sinkcredential':{'credentialtype':'ACCESSTOKEN','accesstoken':'abc',"
		"'accesstokentype':'bearer','accesstokenexpiresutc':'2001-01-01T00:00:00Z'}");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	assert_int_equal(sink_count(&rig->sink, NULL, NULL), 0);
}

static void grant(struct bud_subscription *subscription)
{
	subscription->status.granted_ms = 1;
}

static void who_agreed_is_told_who_asks(void **state)
{
	struct rig *rig = *state;

	strcpy(rig->config.delivery.origin, "events.example.org");
	rig->on_made = grant;
	rig_subscribe_wishing(rig, "s1", "/a", "", "");
	push_one(rig);
	assert_true(sink_had(&rig->sink, "webhook-request-origin: events.example.org"));
}

/* The sink knows the old secret only, and checks each signature. */
static void rotate(struct bud_subscription *subscription)
{
	struct bud_push_config *config = malloc(sizeof(*config));

	*config = *subscription->config;
	config->previous[0].secret = strdup(SINK_SECRET);
	config->previous[0].until_ms = INT64_MAX;
	config->previous_n = 1;
	subscription->config = config;
}

static void a_changed_secret_signs_beside_the_new_one(void **state)
{
	struct rig *rig = *state;

	rig->on_made = rotate;
	rig_subscribe_wishing(rig, "s1", "/a", "'signing':{'secret':'" OTHER_SECRET "'}", "");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 1);
	assert_int_equal(rig->sink.n_bad, 0);
	rig_wait(rig, rig_is_clean(rig));
}

/* The server's key cannot be opened as yet: nothing is sent under another, and nothing is lost. */
static void without_a_key_it_waits(void **state)
{
	static const char schemes[] = "'signing':{'schemes':['v1','v1a']}";
	struct rig *rig = *state;
	struct bud_signing_key *key = bud_signing_key_generate();
	int64_t before_ms = bud_clock_wall_ms();
	long long due_ms;

	rig->sink.takes_anything = true;
	rig_set_schedule(rig, 0, NULL);
	rig_subscribe_wishing(rig, "s1", "/a", schemes, "");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	redisReply *reply = redis_server_ask(rig->server, "ZSCORE bud:{s0}:due s1");
	due_ms = strtoll(reply->str, NULL, 10);
	freeReplyObject(reply);
	assert_in_range(due_ms - before_ms, 1, 65000);
	rig_pass_ms(rig, 300);
	assert_int_equal(sink_count(&rig->sink, NULL, NULL), 0);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:dead:%s", "s1"), 0);
	assert_int_equal(rig_number(rig, "LLEN bud:{s0}:attempts:%s", "s1"), 0);

	assert_true(bud_keyring_put(rig->keyring, &key, 1, 1));
	rig_subscribe_wishing(rig, "s1", "/a", schemes, ""); /* or after ten seconds */
	redis_server_do(rig->server, "ZADD bud:{s0}:due XX 0 s1");
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 1);
	assert_non_null(strstr(rig->sink.head.at, "v1a,"));
	rig_wait(rig, rig_is_clean(rig));
}

static void its_rules_decide(struct bud_subscription *subscription)
{
	struct bud_push_config *config = malloc(sizeof(*config));

	*config = *subscription->config;
	config->retry.rules[0] = (struct bud_retry_rule){409, 409, BUD_RETRY_DELIVERED};
	config->retry.rules[1] = (struct bud_retry_rule){500, 599, BUD_RETRY_DEAD};
	config->retry.rules_n = 2;
	subscription->config = config;
}

static void a_rule_goes_before_the_table(void **state)
{
	struct rig *rig = *state;

	rig->sink.takes_anything = true;
	sink_tell(&rig->sink, "/a", 0, (int[]){409, 500, 0});
	rig->on_made = its_rules_decide;
	rig_subscribe_wishing(rig, "s1", "/a", "", "");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_is_clean(rig) && rig_count(rig, BUD_COUNTER_ATTEMPTS_OK) == 1);
	rig_publish(rig, "t", "f", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 1);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 2);
}

static void a_success_is_tried_again(struct bud_subscription *subscription)
{
	struct bud_push_config *config = malloc(sizeof(*config));

	*config = *subscription->config;
	config->retry.rules[0] = (struct bud_retry_rule){202, 202, BUD_RETRY_AGAIN};
	config->retry.rules_n = 1;
	config->retry.jitter_percent = 50;
	subscription->config = config;
}

/* Also what only its owner calls a failure does not come back all at the same time. */
static void a_failure_by_a_rule_is_spread(void **state)
{
	struct rig *rig = *state;
	redisReply *reply;
	double first;
	double last;

	rig_set_schedule(rig, 2, (uint32_t[]){100000, 1});
	rig->sink.takes_anything = true;
	sink_tell(&rig->sink, "/a", 0, (int[]){202, 0});
	rig->on_made = a_success_is_tried_again;
	rig->config.delivery.breaker_failures = 100;
	rig_subscribe_wishing(rig, "s1", "/a", "", "");
	rig_start(rig);
	rig_publish(rig, "t", "e", 8);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 8);
	reply = redis_server_ask(rig->server, "ZRANGE bud:{s0}:parked:s1 0 -1 WITHSCORES");
	assert_int_equal(reply->elements, 16);
	first = strtod(reply->element[1]->str, NULL) / 64;
	last = strtod(reply->element[15]->str, NULL) / 64;
	freeReplyObject(reply);
	/* Of 100 000 s; without a spread they are as far apart as they came. */
	assert_true(last - first > 60000);
}

/* Two at a time, and three nodes: their workers cannot share them. */
static void few_at_a_time_are_for_one_claim_in_the_whole_system(void **state)
{
	struct rig *rig = *state;

	rig->sink.takes_anything = true;
	sink_tell(&rig->sink, "/a", 100, (int[]){200, 0});
	rig_subscribe_wishing(rig, "s1", "/a", "'max_in_flight':2", "");
	rig_start(rig);
	rig_publish(rig, "t", "alone", 1);
	rig_wait(rig, rig->sink.n_waiting == 1);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "held"), 0);
	rig_wait(rig, rig_is_clean(rig));
	bud_endpoints_set_nodes(rig->endpoints, 3);
	rig_publish(rig, "t", "e", 5);
	rig_wait(rig, rig->sink.n_waiting > 0);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "held"), 1);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig->sink.n, 6);
	assert_in_range(rig->sink.most_at_a_time, 1, 2);
	bud_endpoints_set_nodes(rig->endpoints, 1);
	rig_publish(rig, "t", "again", 1);
	rig_wait(rig, rig->sink.n_waiting == 1);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "held"), 0);
	rig_wait(rig, rig_is_clean(rig));
}

/* What is revived waits for the one ahead of it, as anything of an ordered subscription. */
static void in_order_a_replay_goes_by_its_ids(void **state)
{
	static const char *const came[] = {"e0", "e0", "e1", "e1", "e2"};
	long long now_ms = bud_clock_wall_ms();
	struct rig *rig = *state;

	rig->sink.takes_anything = true;
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 200, 500, 200, 0});
	rig_set_schedule(rig, 1, (uint32_t[]){1});
	rig->config.delivery.breaker_failures = 100;
	rig_subscribe_wishing(rig, "s1", "/a", "'ordered':true", "");
	for (int i = 0; i < 3; i++) {
		char member[40];
		snprintf(member, sizeof(member), "%02d-%lld-%010d", i / 2, now_ms, i % 2 + 1);
		redis_server_do(rig->server,
			"HSET bud:{s0}:kept %s local\n{\"specversion\":\"1.0\",\"id\":\"e%d\","
			"\"source\":\"/s\",\"type\":\"t\"}",
			member, i);
		redis_server_do(rig->server, "HSET bud:{s0}:refs %s 1", member);
		redis_server_do(rig->server, "ZADD bud:{s0}:parked:s1~replay 0 %s", member);
	}
	redis_server_do(rig->server, "ZADD bud:{s0}:due 1 s1~replay");
	rig_start(rig);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig->sink.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(rig->sink.seen[i].event, came[i]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(altinn_is_plain_json),
		TEST(binary_has_its_attributes_in_headers),
		TEST(slack_is_a_text),
		TEST(may_be_without_a_signature),
		TEST(its_own_headers_go_with_it),
		TEST(a_password_goes_with_it),
		TEST(a_token_goes_with_it),
		TEST(not_with_a_token_whose_time_has_passed),
		TEST(who_agreed_is_told_who_asks),
		TEST(a_changed_secret_signs_beside_the_new_one),
		TEST(without_a_key_it_waits),
		TEST(a_rule_goes_before_the_table),
		TEST(a_failure_by_a_rule_is_spread),
		TEST(few_at_a_time_are_for_one_claim_in_the_whole_system),
		TEST(in_order_a_replay_goes_by_its_ids),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
