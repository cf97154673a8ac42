/* A question to a receiver, against a real one: the validation event as its deliveries will be, and
 * with its credential. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "budstikke/webhook.h"
#include "core/error.h"
#include "crypto/keyring.h"
#include "crypto/signing_key.h"
#include "followed.h"
#include "lifecycle/ask.h"
#include "subscription/push_config.h"

#define SECRET "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

static bool says(const struct followed *followed, const char *text)
{
	return strstr(followed->server.last.at, text) != NULL;
}

struct answered {
	int n;
	bool agrees;
	char why[160];
};

static void on_answer(void *owner, const struct bud_answer *answer)
{
	struct answered *answered = owner;

	answered->n++;
	answered->agrees = answer->agrees;
	snprintf(answered->why, sizeof(answered->why), "%s", answer->why ? answer->why : "");
}

static int start_asking(struct followed *followed, const struct bud_subscription *subscription,
	const struct bud_ask_then *then, struct bud_keyring *keyring)
{
	struct bud_ask_means means = {followed->fetch, &followed->config, keyring};
	struct bud_error error;

	return bud_ask_start(&means, subscription, then, &error);
}

/* From now on it says yes, at this sink. */
static void agree_at(struct followed *followed, char sink[64])
{
	snprintf(sink, 64, "http://127.0.0.1:%d/v", followed->server.port);
	followed_start(followed);
	followed_answer(followed, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void field_of(const struct followed *followed, const char *name, char out[1024])
{
	const char *at = strstr(followed->server.last.at, name);

	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(name), ": %1023[^\r]", out), 1);
}

/* Whether a receiver that verifies each request takes the last one. */
static bool is_genuine(const struct followed *followed, const char *secret)
{
	const char *body = strstr(followed->server.last.at, "\r\n\r\n") + 4;
	char id[1024], timestamp[1024], signature[1024];
	struct bud_webhook_headers headers = {
		.id = id, .timestamp = timestamp, .signature = signature};

	field_of(followed, "webhook-id", id);
	field_of(followed, "webhook-timestamp", timestamp);
	field_of(followed, "webhook-signature", signature);
	return bud_webhook_verify(&secret, 1, &headers, body, strlen(body),
		       bud_clock_wall_ms() / 1000, 60) == 0;
}

static void test_altinn(void **state)
{
	struct followed *followed = *state;
	struct bud_push_config altinn = bud_push_config_default;
	struct bud_subscription subscription = {.id = (char[]){"s1"},
		.secret = (char[]){SECRET},
		.timeout_ms = 1000,
		.config = &altinn};
	struct answered answered = {0};
	struct bud_ask_then then = {on_answer, &answered};
	char sink[64];

	altinn.verify = BUD_VERIFY_ALTINN;
	strcpy(followed->config.delivery.callback_url, "https://bud.example");
	subscription.sink = sink;
	agree_at(followed, sink);
	assert_int_equal(start_asking(followed, &subscription, &then, NULL), 0);
	life_wait(followed->life, answered.n == 1);
	assert_true(answered.agrees);
	assert_true(says(followed, "POST /v HTTP/1.1\r\n"));
	assert_true(says(followed, "\r\nContent-Type: application/cloudevents+json\r\n"));
	assert_true(says(followed, "\"source\":\"https://bud.example/subscriptions/s1\","
				   "\"type\":\"platform.events.validatesubscription\"}"));
	assert_true(is_genuine(followed, SECRET));
	followed_answer(followed, "HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(start_asking(followed, &subscription, &then, NULL), 0);
	life_wait(followed->life, answered.n == 2);
	assert_false(answered.agrees);
	assert_string_equal(answered.why, "its receiver answered the validation event with 302");
	assert_int_equal(followed->server.requests, 2);
}

/* In the form of its deliveries: a receiver of another one would refuse it. */
static void test_altinn_in_its_mode(void **state)
{
	static const struct {
		enum bud_mode mode;
		const char *type;
		const char *begins;
	} cases[] = {
		{BUD_MODE_SLACK, "application/json",
			"{\"text\":\"{\\\"specversion\\\":\\\"1.0\\\""},
		{BUD_MODE_ALTINN, "application/json; charset=utf-8", "{\"specversion\":\"1.0\""},
		{BUD_MODE_BINARY, "application/cloudevents+json", "{\"specversion\":\"1.0\""},
	};
	struct followed *followed = *state;
	struct bud_push_config config = bud_push_config_default;
	struct bud_subscription subscription = {.id = (char[]){"s1"},
		.secret = (char[]){SECRET},
		.timeout_ms = 1000,
		.config = &config};
	struct answered answered = {0};
	struct bud_ask_then then = {on_answer, &answered};
	char sink[64], type[1024];

	config.verify = BUD_VERIFY_ALTINN;
	subscription.sink = sink;
	agree_at(followed, sink);
	for (int i = 0; i < 3; i++) {
		config.mode = cases[i].mode;
		assert_int_equal(start_asking(followed, &subscription, &then, NULL), 0);
		life_wait(followed->life, answered.n == i + 1);
		assert_true(answered.agrees);
		field_of(followed, "Content-Type", type);
		assert_string_equal(type, cases[i].type);
		assert_ptr_equal(strstr(followed->server.last.at, cases[i].begins),
			strstr(followed->server.last.at, "\r\n\r\n") + 4);
		assert_true(is_genuine(followed, SECRET));
	}
}

/* With each of the signatures that its deliveries will have, and not before there is a key. */
static void test_altinn_by_the_servers_keys(void **state)
{
	struct followed *followed = *state;
	struct bud_push_config altinn = bud_push_config_default;
	struct bud_subscription subscription = {.id = (char[]){"s1"},
		.secret = (char[]){SECRET},
		.timeout_ms = 1000,
		.config = &altinn};
	struct bud_keyring *keyring = bud_keyring_create();
	struct bud_signing_key *key = bud_signing_key_generate();
	struct answered answered = {0};
	struct bud_ask_then then = {on_answer, &answered};
	bud_auto(buffer) struct bud_buffer public_key = {0};
	char sink[64], text[1024];

	altinn.verify = BUD_VERIFY_ALTINN;
	altinn.signatures = BUD_SIGNATURE_V1 | BUD_SIGNATURE_V1A | BUD_SIGNATURE_RFC9421;
	subscription.sink = sink;
	agree_at(followed, sink);
	assert_int_equal(start_asking(followed, &subscription, &then, keyring), -EAGAIN);
	bud_signing_key_write_public(key, &public_key);
	assert_true(bud_keyring_put(keyring, &key, 1, 1));
	assert_int_equal(start_asking(followed, &subscription, &then, keyring), 0);
	life_wait(followed->life, answered.n == 1);
	assert_true(is_genuine(followed, SECRET));
	assert_true(is_genuine(followed, public_key.at));
	field_of(followed, "signature-input", text);
	assert_non_null(strstr(text, "\"content-digest\""));
	bud_keyring_destroy(keyring);
}

/* Asked as it is pushed to: by whom its credential says. */
static void asks_with(struct followed *followed, struct bud_push_config *config, const char *field)
{
	struct bud_subscription subscription = {.id = (char[]){"s1"},
		.owner = (char[]){"local"},
		.timeout_ms = 1000,
		.config = config};
	struct answered answered = {0};
	struct bud_ask_then then = {on_answer, &answered};
	char sink[64];

	snprintf(sink, sizeof(sink), "http://127.0.0.1:%d/", followed->server.port);
	subscription.sink = sink;
	assert_int_equal(start_asking(followed, &subscription, &then, NULL), 0);
	life_wait(followed->life, answered.n == 1);
	assert_true(answered.agrees);
	assert_true(says(followed, "OPTIONS / HTTP/1.1\r\n"));
	if (field)
		assert_true(says(followed, field));
	else
		assert_false(says(followed, "Authorization:"));
}

static void test_asks_with_its_credential(void **state)
{
	struct followed *followed = *state;
	struct bud_push_config config = bud_push_config_default;

	config.verify = BUD_VERIFY_CLOUDEVENTS;
	followed_start(followed);
	followed_answer(followed, "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\n"
				  "Content-Length: 0\r\n\r\n");
	asks_with(followed, &config, NULL);
	config.credential = (struct bud_credential){.type = BUD_CREDENTIAL_PLAIN,
		.identifier = (char[]){"us"},
		.secret = (char[]){"pa:ss"}};
	asks_with(followed, &config, "\r\nAuthorization: Basic dXM6cGE6c3M=\r\n");
	config.credential = (struct bud_credential){
		.type = BUD_CREDENTIAL_ACCESSTOKEN, .access_token = (char[]){"abc"}};
	asks_with(followed, &config, "\r\nAuthorization: Bearer abc\r\n");
	config.credential.expires_ms = 1;
	asks_with(followed, &config, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, followed_end)
	const struct CMUnitTest tests[] = {
		TEST(altinn),
		TEST(altinn_in_its_mode),
		TEST(altinn_by_the_servers_keys),
		TEST(asks_with_its_credential),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
