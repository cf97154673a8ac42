/* Issuers' keys: fetched at once and ahead of time, kept when a look fails and dropped when they
 * are too old, looked at anew by one request for all who wish so, and not more often than allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "access/issuer_keys.h"
#include "auth/trust.h"
#include "client.h"
#include "core/clock.h"
#include "crypto/jwk.h"
#include "issuer.h"

static struct client *client;
static struct bud_issuers *issuers;
static struct bud_trust *trust;
static struct bud_issuer_keys *keys;
static struct test_key *first, *second;
static struct bud_buffer response;
static int failures, recoveries;

static void on_change(void *owner, const char *issuer, const char *why)
{
	(void)owner;
	assert_string_equal(issuer, "https://issuer.example/");
	failures += why != NULL;
	recoveries += why == NULL;
}

static void answer(const char *head, struct test_key *const *list, size_t n)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	test_keys_write_set(list, n, &body);
	bud_buffer_clear(&response);
	bud_buffer_format(&response, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n%s", head,
		body.len, body.at);
	client->server.act = (struct scripted_act){.text = response.at};
}

static int set_up(void **state)
{
	char json[256];

	(void)state;
	failures = recoveries = 0;
	client = client_create();
	client_open(client, (struct bud_fetch_options){0});
	first = test_key_create(BUD_JWS_EDDSA, "first");
	second = test_key_create(BUD_JWS_ES256, "second");
	snprintf(json, sizeof(json),
		"{\"issuers\":[{\"issuer\":\"https://issuer.example/\",\"jwks_uri\":"
		"\"http://127.0.0.1:%d/jwks\"}]}",
		client->server.port);
	assert_int_equal(bud_issuers_parse(bud_span(json), true, &issuers, NULL), 0);
	trust = bud_trust_create(issuers);
	answer("", &first, 1);
	return 0;
}

static void on_fetch_closed(void *owner)
{
	*(bool *)owner = true;
}

static int tear_down(void **state)
{
	bool is_closed = false;

	(void)state;
	bud_fetch_close(bud_move(client->fetch), on_fetch_closed, &is_closed);
	while (!is_closed)
		uv_run(&client->loop, UV_RUN_ONCE);
	bud_issuer_keys_close(bud_move(keys));
	client_destroy(client);
	bud_trust_destroy(trust);
	bud_issuers_unref(issuers);
	bud_buffer_finish(&response);
	test_key_destroy(first);
	test_key_destroy(second);
	return 0;
}

static void open_keys(struct bud_issuer_keys_options options)
{
	options.loop = &client->loop;
	options.fetch = client->fetch;
	options.trust = trust;
	options.allow_http = true;
	options.on_change = on_change;
	keys = bud_issuer_keys_open(&options);
}

static size_t serial(void)
{
	const struct bud_trust_set *set = bud_trust_take(trust);
	size_t number = set->keys[0] ? bud_jwk_set_serial(set->keys[0]) : 0;

	bud_trust_set_unref(set);
	return number;
}

static bool has(const char *kid, enum bud_jws_algorithm algorithm)
{
	const struct bud_trust_set *set = bud_trust_take(trust);
	const struct bud_jwk *key;
	bool is_there = set->keys[0] && bud_jwk_set_choose(set->keys[0], bud_span(kid), algorithm,
						&key) == BUD_JWK_FOUND;

	bud_trust_set_unref(set);
	return is_there;
}

#define turn_until(condition)                                                                      \
	do {                                                                                       \
		int64_t end_ms_ = bud_clock_mono_ms() + 20000;                                     \
		while (!(condition)) {                                                             \
			if (bud_clock_mono_ms() > end_ms_)                                         \
				fail_msg("never: %s", #condition);                                 \
			uv_run(&client->loop, UV_RUN_NOWAIT);                                      \
			uv_sleep(1);                                                               \
		}                                                                                  \
	} while (0)

/* Whether the wish was answered with fresh keys. */
static bool is_granted(uint64_t ticket)
{
	bool is_fresh = false;

	turn_until(bud_trust_is_answered(trust, 0, ticket, &is_fresh));
	return is_fresh;
}

static void test_fetched_at_once(void **state)
{
	(void)state;
	open_keys((struct bud_issuer_keys_options){0});
	assert_int_equal(serial(), 0);
	turn_until(has("first", BUD_JWS_EDDSA));
	assert_int_equal(client->server.requests, 1);
	assert_non_null(strstr(client->server.last.at, "GET /jwks HTTP/1.1\r\n"));
	assert_int_equal(failures + recoveries, 0);
}

static void test_wishes_share_a_look(void **state)
{
	struct test_key *both[] = {first, second};
	uint64_t tickets[5];

	(void)state;
	open_keys((struct bud_issuer_keys_options){0});
	turn_until(serial() != 0);
	answer("", both, 2);
	for (int i = 0; i < 5; i++)
		tickets[i] = bud_trust_want(trust, 0);
	for (int i = 0; i < 5; i++)
		assert_true(is_granted(tickets[i]));
	assert_true(has("first", BUD_JWS_EDDSA));
	assert_true(has("second", BUD_JWS_ES256));
	assert_int_equal(client->server.requests, 2);
	/* The next one comes too soon: answered by what is known. */
	assert_true(is_granted(bud_trust_want(trust, 0)));
	assert_int_equal(client->server.requests, 2);
}

static void test_a_wish_later(void **state)
{
	(void)state;
	open_keys((struct bud_issuer_keys_options){.refetch_ms = 30});
	turn_until(serial() != 0);
	assert_true(is_granted(bud_trust_want(trust, 0)));
	while (client->server.requests < 3)
		assert_true(is_granted(bud_trust_want(trust, 0)));
}

/* Ahead of the end of what the issuer said; a key it has no more verifies nothing then. */
static void test_refreshed(void **state)
{
	size_t before;

	(void)state;
	answer("Cache-Control: max-age=0\r\n", &first, 1);
	open_keys((struct bud_issuer_keys_options){.fresh_ms_min = 50});
	turn_until(client->server.requests >= 3 && has("first", BUD_JWS_EDDSA));
	before = serial();
	turn_until(client->server.requests >= 5);
	assert_int_equal(serial(), before); /* the same bytes: what was checked stays checked */
	answer("Cache-Control: max-age=3600\r\n", &second, 1);
	turn_until(has("second", BUD_JWS_ES256));
	assert_false(has("first", BUD_JWS_EDDSA));
	assert_int_not_equal(serial(), before);
}

static void put_issuers(const char *format, ...)
{
	const struct bud_trust_set *set;
	struct bud_issuers *others = NULL;
	char json[512];
	va_list args;

	va_start(args, format);
	vsnprintf(json, sizeof(json), format, args);
	va_end(args);
	assert_int_equal(bud_issuers_parse(bud_span(json), true, &others, NULL), 0);
	set = bud_trust_take(trust);
	bud_trust_offer_issuers(trust, others);
	turn_until(bud_trust_generation(trust) > set->generation);
	bud_trust_set_unref(set);
	bud_issuers_unref(others);
}

#define SAME  "{\"issuer\":\"https://issuer.example/\",\"jwks_uri\":\"http://127.0.0.1:%d/jwks\"}"
#define OTHER "{\"issuer\":\"https://issuer.example/\",\"jwks_uri\":\"http://127.0.0.1:%d/new\"}"
#define FIRST "{\"issuer\":\"first\",\"jwks_uri\":\"http://127.0.0.1:%d/first\"}"

static bool is_asked_for(const char *path)
{
	return client->server.requests > 0 && strstr(client->server.last.at, path);
}

/* Who stays is not asked again, in another place of the file either; who comes is asked at once,
 * and who is elsewhere is, too. */
static void test_other_issuers(void **state)
{
	const struct bud_trust_set *set;
	int port = client->server.port;
	size_t before;

	(void)state;
	open_keys((struct bud_issuer_keys_options){0});
	turn_until(serial() != 0);
	before = serial();
	put_issuers("{\"issuers\":[" FIRST "," SAME "]}", port, port);
	turn_until(is_asked_for("GET /first "));
	turn_until(serial() != 0);
	assert_int_equal(client->server.requests, 2);
	set = bud_trust_take(trust);
	assert_int_equal(bud_jwk_set_serial(set->keys[1]), before);
	bud_trust_set_unref(set);
	put_issuers("{\"issuers\":[" OTHER "]}", port);
	assert_int_equal(serial(), 0);
	turn_until(serial() != 0);
	assert_true(is_asked_for("GET /new "));
	assert_int_equal(client->server.requests, 3);
	/* Its wishes are heard in its new place. */
	assert_true(is_granted(bud_trust_want(trust, 0)));
	assert_int_equal(client->server.requests, 4);
}

/* Taken out while it is looked at: what comes of that is nobody's, and no trouble. */
static void test_gone_while_it_is_looked_at(void **state)
{
	int port = client->server.port;
	int64_t over_ms;

	(void)state;
	client->server.act = (struct scripted_act){.text = "HTTP/1.1 500 No\r\n\r\n"};
	open_keys((struct bud_issuer_keys_options){.timeout_ms = 300});
	turn_until(failures == 1);
	client->server.act = (struct scripted_act){.text = NULL}; /* never answers */
	put_issuers("{\"issuers\":[" OTHER "]}", port);
	assert_int_equal(recoveries, 1);
	turn_until(is_asked_for("GET /new "));
	over_ms = bud_clock_mono_ms() + 600;
	answer("", &first, 1);
	put_issuers("{\"issuers\":[" SAME "]}", port);
	turn_until(serial() != 0);
	turn_until(bud_clock_mono_ms() > over_ms);
	assert_int_equal(failures, 1);
	assert_true(has("first", BUD_JWS_EDDSA));
}

static void test_bad_answers(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}",
		"not HTTP\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		client->server.act = (struct scripted_act){.text = bad[i], .then = SCRIPTED_CLOSE};
		open_keys((struct bud_issuer_keys_options){0});
		turn_until(failures == (int)i + 1);
		assert_int_equal(serial(), 0);
		assert_false(is_granted(bud_trust_want(trust, 0)));
		bud_issuer_keys_close(bud_move(keys));
		uv_run(&client->loop, UV_RUN_NOWAIT);
	}
}

static void test_well_again(void **state)
{
	(void)state;
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"};
	open_keys((struct bud_issuer_keys_options){0});
	turn_until(failures == 1);
	answer("", &first, 1);
	turn_until(has("first", BUD_JWS_EDDSA));
	assert_int_equal(failures, 1);
	assert_int_equal(recoveries, 1);
	assert_true(is_granted(bud_trust_want(trust, 0)));
}

/* The last good ones, but not for ever. */
static void test_kept_for_a_while(void **state)
{
	(void)state;
	answer("Cache-Control: max-age=0\r\n", &first, 1);
	open_keys((struct bud_issuer_keys_options){.fresh_ms_min = 20, .kept_ms = 3000});
	turn_until(serial() != 0);
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"};
	turn_until(failures == 1);
	assert_true(has("first", BUD_JWS_EDDSA));
	assert_false(is_granted(bud_trust_want(trust, 0)));
	turn_until(serial() == 0);
}

/* Closed in the middle of a look. */
static void test_closing(void **state)
{
	(void)state;
	client->server.act = (struct scripted_act){.text = NULL};
	open_keys((struct bud_issuer_keys_options){0});
	turn_until(client->server.requests == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fetched_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wishes_share_a_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_wish_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refreshed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_issuers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone_while_it_is_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_well_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept_for_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_closing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
