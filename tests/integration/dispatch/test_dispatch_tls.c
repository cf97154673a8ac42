/* A push goes with what its subscription gave for TLS: to a receiver of a private authority that
 * demands a certificate, and to nobody else. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "certificates.h"
#include "receiver.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

static struct authority *authority;
static struct identity identity;
static struct receiver *receiver;

static void to_receiver(struct bud_subscription *subscription)
{
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%d/ok/1",
		receiver_port(receiver, RECEIVER_TLS_CLIENT));
	free(subscription->sink);
	subscription->sink = bud_strdup(url);
}

static struct bud_push_config *own_config(struct bud_subscription *subscription)
{
	struct bud_push_config *config = malloc(sizeof(*config));

	*config = bud_push_config_default;
	config->ca_pem = bud_strdup(authority_pem(authority));
	bud_push_config_destroy(subscription->config);
	subscription->config = config;
	to_receiver(subscription);
	return config;
}

static void without_certificate(struct bud_subscription *subscription)
{
	(void)own_config(subscription);
}

static void with_all(struct bud_subscription *subscription)
{
	struct bud_push_config *config = own_config(subscription);

	config->certificate_pem = bud_strdup(identity.certificate_pem);
	config->key_pem = bud_strdup(identity.key_pem);
}

/* Subscribes to one event, and opens the receiver. */
static void start(struct rig *rig, void (*on_made)(struct bud_subscription *subscription))
{
	receiver = receiver_open(&rig->loop, authority);
	rig->on_made = on_made;
	rig_set_schedule(rig, 1, (uint32_t[]){60});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
}

static void its_certificate_is_shown(void **state)
{
	struct rig *rig = *state;

	start(rig, with_all);
	rig_wait(rig, receiver_count(receiver, "/ok/1") == 1);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(receiver_handshakes(receiver, RECEIVER_TLS_CLIENT), 1);
	receiver_close(receiver);
}

static void without_one_it_is_not_let_in(void **state)
{
	struct rig *rig = *state;

	start(rig, without_certificate);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	assert_int_equal(receiver_count(receiver, "/ok/1"), 0);
	receiver_close(receiver);
}

static void without_its_authority_it_trusts_nobody(void **state)
{
	struct rig *rig = *state;

	start(rig, to_receiver);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	assert_int_equal(receiver_count(receiver, "/ok/1"), 0);
	assert_int_equal(receiver_handshakes(receiver, RECEIVER_TLS_CLIENT), 0);
	receiver_close(receiver);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(its_certificate_is_shown),
		TEST(without_one_it_is_not_let_in),
		TEST(without_its_authority_it_trusts_nobody),
	};
	int failed;

	authority = authority_create();
	identity_init(&identity, (struct identity_options){authority, "DNS:localhost", 0});
	failed = cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
	identity_finish(&identity);
	authority_destroy(authority);
	return failed;
}
