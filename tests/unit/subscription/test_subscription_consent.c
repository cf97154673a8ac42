/* Who is asked, what an answer means (CloudEvents HTTP webhooks 4.2: the fields and nothing else),
 * and that only the bearer of the key may agree later, in time. */
#include "make.h"

#include "crypto/seal.h"
#include "subscription/consent.h"
#include "subscription/sealing.h"

static struct bud_subscription *wishing(const char *sink, enum bud_verify verify)
{
	struct bud_subscription *made = make_subscription("s1", 1, "");
	struct bud_push_config *config = bud_alloc(sizeof(*config));

	*config = bud_push_config_default;
	config->verify = verify;
	made->config = config;
	free(made->sink);
	made->sink = bud_strdup(sink);
	return made;
}

static void the_server_rules(void **state)
{
	static const struct {
		enum bud_verify_rule rule;
		enum bud_verify wish;
		enum bud_verify method;
	} cases[] = {
		{BUD_VERIFY_RULE_OFF, BUD_VERIFY_DEFAULT, BUD_VERIFY_OFF},
		{BUD_VERIFY_RULE_OFF, BUD_VERIFY_OFF, BUD_VERIFY_OFF},
		{BUD_VERIFY_RULE_OFF, BUD_VERIFY_ALTINN, BUD_VERIFY_ALTINN},
		{BUD_VERIFY_RULE_OFF, BUD_VERIFY_CLOUDEVENTS, BUD_VERIFY_CLOUDEVENTS},
		{BUD_VERIFY_RULE_REQUIRE, BUD_VERIFY_DEFAULT, BUD_VERIFY_CLOUDEVENTS},
		{BUD_VERIFY_RULE_REQUIRE, BUD_VERIFY_OFF, BUD_VERIFY_CLOUDEVENTS},
		{BUD_VERIFY_RULE_LOW_RATE, BUD_VERIFY_OFF, BUD_VERIFY_CLOUDEVENTS},
		{BUD_VERIFY_RULE_LOW_RATE, BUD_VERIFY_ALTINN, BUD_VERIFY_ALTINN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_subscription *made = wishing("https://a.example/", cases[i].wish);
		assert_int_equal(bud_consent_method(cases[i].rule, made), cases[i].method);
		bud_subscription_destroy(made);
	}
}

static void is_asked_again_for_another_sink(void **state)
{
	struct bud_subscription *old = wishing("https://a.example/", BUD_VERIFY_DEFAULT);
	struct bud_subscription *same = wishing("https://a.example/", BUD_VERIFY_DEFAULT);
	struct bud_subscription *altinn = wishing("https://a.example/", BUD_VERIFY_ALTINN);
	struct bud_subscription *moved = wishing("https://a.example/b", BUD_VERIFY_DEFAULT);

	(void)state;
	assert_true(bud_consent_is_needed(BUD_VERIFY_RULE_REQUIRE, NULL, same));
	assert_false(bud_consent_is_needed(BUD_VERIFY_RULE_REQUIRE, old, same));
	assert_true(bud_consent_is_needed(BUD_VERIFY_RULE_REQUIRE, old, moved));
	assert_true(bud_consent_is_needed(BUD_VERIFY_RULE_OFF, old, altinn));
	assert_false(bud_consent_is_needed(BUD_VERIFY_RULE_OFF, NULL, same));
	assert_false(bud_consent_is_needed(BUD_VERIFY_RULE_OFF, old, moved));
	bud_subscription_destroy(old);
	bud_subscription_destroy(same);
	bud_subscription_destroy(altinn);
	bud_subscription_destroy(moved);
}

static void forgets_what_was_granted_or_not(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1, "");
	struct bud_subscription_status *status = &made->status;

	(void)state;
	bud_consent_grant(status, 30, NOW_MS);
	status->reason = bud_strdup("credential");
	bud_consent_forget(status);
	assert_int_equal(status->granted_ms, 0);
	assert_int_equal(status->rate_per_min, 0);
	assert_int_equal(status->state, BUD_SUBSCRIPTION_ACTIVE);
	assert_string_equal(status->reason, "credential");
	free(status->reason);
	status->reason = bud_strdup(BUD_CONSENT_NOT_GRANTED);
	status->detail = bud_strdup("why");
	status->rate_per_min = 1;
	bud_consent_forget(status);
	assert_int_equal(status->rate_per_min, 0);
	assert_null(status->reason);
	assert_null(status->detail);
	bud_subscription_destroy(made);
}

static void starts_and_grants(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1, "");
	struct bud_subscription_status *status = &made->status;
	char key[BUD_CONSENT_KEY_BYTES];

	(void)state;
	status->granted_ms = 5;
	status->rate_per_min = 7;
	bud_consent_start(status, NOW_MS);
	assert_int_equal(status->state, BUD_SUBSCRIPTION_PENDING);
	assert_int_equal(status->since_ms, NOW_MS);
	assert_int_equal(status->granted_ms, 0);
	assert_int_equal(status->rate_per_min, 0);
	assert_string_equal(status->reason, "consent");
	bud_consent_make_key(NOW_MS + 10, key);
	status->callback_key = bud_strdup(key);
	bud_consent_grant(status, 30, NOW_MS + 1);
	assert_int_equal(status->state, BUD_SUBSCRIPTION_ACTIVE);
	assert_int_equal(status->granted_ms, NOW_MS + 1);
	assert_int_equal(status->rate_per_min, 30);
	assert_null(status->reason);
	assert_true(bud_consent_key_is(made, bud_span(key), NOW_MS + 1));
	bud_consent_start(status, NOW_MS + 2);
	assert_null(status->callback_key);
	bud_subscription_destroy(made);
}

static void wakes_none_that_is_paused(void **state)
{
	struct bud_subscription_status status = {.state = BUD_SUBSCRIPTION_PAUSED,
		.since_ms = 3,
		.granted_ms = 5,
		.reason = bud_strdup("owner")};

	(void)state;
	bud_consent_start(&status, NOW_MS);
	assert_int_equal(status.state, BUD_SUBSCRIPTION_PAUSED);
	assert_int_equal(status.granted_ms, 0);
	bud_consent_grant(&status, 0, NOW_MS);
	assert_int_equal(status.state, BUD_SUBSCRIPTION_PAUSED);
	assert_int_equal(status.since_ms, 3);
	assert_int_equal(status.granted_ms, NOW_MS);
	assert_string_equal(status.reason, "owner");
	bud_status_finish(&status);
}

static void judges_by_the_fields(void **state)
{
	static const struct {
		const char *head;
		uint32_t asked;
		bool agrees;
		uint32_t rate;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: bud.example\r\n\r\n", 0, true, 0},
		{"HTTP/1.1 404 X\r\nwebhook-allowed-origin:BUD.EXAMPLE \r\n\r\n", 120, true, 120},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 60\r\n\r\n",
			120, true, 60},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Rate: *\r\nWebHook-Allowed-Origin: *\r\n\r\n",
			120, true, 0},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: a\r\nWebHook-Allowed-Origin: "
		 "bud.example\r\nWebHook-Allowed-Rate: 9\r\nWebHook-Allowed-Rate: 4\r\n\r\n",
			0, true, 4},
		{"HTTP/1.1 200 OK\r\nAllow: POST\r\n\r\n", 0, false, 0},
		{"HTTP/1.1 204 X\r\nAccess-Control-Allow-Origin: *\r\n\r\n", 0, false, 0},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: other.example\r\n\r\n", 0, false, 0},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin:\r\n\r\n", 0, false, 0},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 0\r\n\r\n",
			5, false, 0},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: -1\r\n\r\n",
			5, false, 0},
		{"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: x\r\n\r\n",
			0, false, 0},
		{"", 0, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t rate = 0;
		const char *why;
		bool agrees = bud_consent_judge(
			bud_span(cases[i].head), "bud.example", cases[i].asked, &rate, &why);
		if (agrees != cases[i].agrees || rate != cases[i].rate || agrees == (why != NULL))
			fail_msg("case %zu: %d, rate %u", i, agrees, rate);
	}
}

/* However many digits it has, a number is one. */
static void reads_a_rate(void **state)
{
	static const struct {
		const char *text;
		bool is_rate;
		uint32_t rate;
	} cases[] = {
		{"*", true, 0},
		{" 60 ", true, 60},
		{"0000000000000000000000060", true, 60},
		{"1000000000", true, 1000000000},
		{"1000000001", true, 0},
		{"99999999999999999999", true, 0},
		{"340282366920938463463374607431768211456", true, 0},
		{"000000000000000000000000", false, 7},
		{"0", false, 7},
		{"", false, 7},
		{"-1", false, 7},
		{"+1", false, 7},
		{"1.5", false, 7},
		{"99999999999999999999x", false, 7},
		{"**", false, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t rate = 7;
		bool is_rate = bud_consent_read_rate(bud_span(cases[i].text), &rate);
		if (is_rate != cases[i].is_rate || rate != cases[i].rate)
			fail_msg("%s: %d, rate %u", cases[i].text, is_rate, rate);
	}
}

static void bears_the_key(const struct bud_subscription *made, const char *key)
{
	char other[BUD_CONSENT_KEY_BYTES];

	bud_consent_make_key(NOW_MS + 10, other);
	assert_string_not_equal(key, other);
	assert_int_equal(strlen(key), strlen(other));
	assert_int_equal(bud_consent_key_until(made), NOW_MS + 10);
	assert_true(bud_consent_key_is(made, bud_span(key), NOW_MS));
	assert_false(bud_consent_key_is(made, bud_span(key), NOW_MS + 10));
	assert_false(bud_consent_key_is(made, bud_span(other), NOW_MS));
	assert_false(bud_consent_key_is(made, bud_span(""), NOW_MS));
	assert_false(bud_consent_key_is(made, (struct bud_span){key, strlen(key) - 1}, NOW_MS));
}

/* The same when it is sealed in the store, where what is stored is not the key. */
static void only_the_bearer_agrees(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1, "");
	struct bud_sealer *sealer = NULL;
	struct bud_span secret =
		bud_span("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	char key[BUD_CONSENT_KEY_BYTES];

	(void)state;
	bud_consent_make_key(NOW_MS + 10, key);
	assert_false(bud_consent_key_is(made, bud_span(key), NOW_MS));
	assert_int_equal(bud_consent_key_until(made), 0);
	made->status.callback_key = bud_strdup(key);
	bears_the_key(made, key);
	free(made->status.callback_key);
	assert_int_equal(bud_sealer_create(&secret, 1, &sealer, NULL), 0);
	made->sealer = sealer;
	made->status.callback_key = bud_sealing_close_text(made, "callback_key", key);
	assert_null(strstr(made->status.callback_key, key));
	bears_the_key(made, key);
	assert_false(bud_consent_key_is(made, bud_span(made->status.callback_key), NOW_MS));
	bud_subscription_destroy(made);
	bud_sealer_destroy(sealer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_rules),
		cmocka_unit_test(is_asked_again_for_another_sink),
		cmocka_unit_test(forgets_what_was_granted_or_not),
		cmocka_unit_test(starts_and_grants),
		cmocka_unit_test(wakes_none_that_is_paused),
		cmocka_unit_test(judges_by_the_fields),
		cmocka_unit_test(reads_a_rate),
		cmocka_unit_test(only_the_bearer_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
