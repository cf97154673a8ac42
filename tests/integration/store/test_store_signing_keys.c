/* The server's signing keys on a real Redis: of two who make the first at once one does; a rotation
 * keeps the former for its overlap and 30 days, and no more than four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "config/redis_url.h"
#include "redis/client.h"
#include "redis_server.h"
#include "store/keys.h"
#include "store/signing_keys.h"

#define DAY_MS INT64_C(86400000)

/* Two nodes. */
static uv_loop_t loop;
static struct bud_redis *redis[2];
static struct bud_shard shard;
static struct bud_store stores[2];
static int answers;
/* What each list said: "kid=text;", a "+" behind the text when it signs. */
static struct bud_buffer said[2];
static int64_t last_until_ms[BUD_STORED_KEYS_MAX];
static int64_t last_now_ms;

static int set_up(void **state)
{
	static struct redis_server server;
	struct bud_redis_url url;
	struct bud_redis_options options = {
		.url = &url, .scripts = bud_store_scripts, .scripts_n = bud_store_scripts_n};

	redis_server_start(&server, NULL);
	if (bud_redis_url_parse(bud_span(server.url), &url, NULL) < 0)
		abort();
	uv_loop_init(&loop);
	for (int i = 0; i < 2; i++) {
		redis[i] = bud_redis_open(&loop, &options);
		bud_store_init(&stores[i], redis[i], &shard);
	}
	while (!bud_redis_is_up(redis[0]) || !bud_redis_is_up(redis[1]))
		uv_run(&loop, UV_RUN_ONCE);
	*state = &server;
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < 2; i++) {
		bud_store_detach(&stores[i]);
		bud_redis_close(redis[i]);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 2; i++) {
		bud_store_finish(&stores[i]);
		bud_buffer_finish(&said[i]);
	}
	redis_server_finish(*state);
	return uv_loop_close(&loop);
}

static int empty(void **state)
{
	redis_server_do(*state, "FLUSHALL");
	return 0;
}

static void on_keys(void *owner, int err, const struct bud_stored_keys *keys)
{
	struct bud_buffer *out = owner;

	assert_int_equal(err, 0);
	answers++;
	bud_buffer_clear(out);
	bud_buffer_text(out, "");
	last_now_ms = keys->now_ms;
	for (size_t i = 0; i < keys->n; i++) {
		const struct bud_stored_key *key = &keys->at[i];
		bool signs = key->until_ms == 0 || key->until_ms > keys->now_ms;
		last_until_ms[i] = key->until_ms;
		bud_buffer_format(out, "%.*s=%.*s%s;", (int)key->kid.len, key->kid.at,
			(int)key->text.len, key->text.at, signs ? "+" : "");
	}
}

static void wait_for(int n)
{
	while (answers < n)
		uv_run(&loop, UV_RUN_ONCE);
	answers = 0;
}

static struct bud_stored_key key(const char *kid, const char *text)
{
	return (struct bud_stored_key){.kid = bud_span(kid), .text = bud_span(text)};
}

static const char *list(void)
{
	assert_int_equal(bud_signing_keys_list(&stores[0], on_keys, &said[0]), 0);
	wait_for(1);
	return said[0].at;
}

static const char *rotate(const char *kid, int64_t overlap_ms)
{
	struct bud_stored_key wanted = key(kid, "t");

	assert_int_equal(
		bud_signing_keys_rotate(&stores[1], &wanted, overlap_ms, on_keys, &said[1]), 0);
	wait_for(1);
	return said[1].at;
}

static void two_who_make_the_first_see_the_same(void **state)
{
	struct bud_stored_key a = key("a", "text a"), b = key("b", "text b");

	(void)state;
	assert_string_equal(list(), "");
	assert_int_equal(bud_signing_keys_ensure(&stores[0], &a, on_keys, &said[0]), 0);
	assert_int_equal(bud_signing_keys_ensure(&stores[1], &b, on_keys, &said[1]), 0);
	wait_for(2);
	assert_string_equal(said[0].at, said[1].at);
	assert_true(said[0].at[0] == 'a' ? bud_span_is(bud_buffer_as_span(&said[0]), "a=text a+;")
					 : bud_span_is(bud_buffer_as_span(&said[0]), "b=text b+;"));
	assert_string_equal(list(), said[1].at);
}

static void a_rotation_keeps_the_former(void **state)
{
	struct bud_stored_key a = key("a", "t");

	(void)state;
	assert_int_equal(bud_signing_keys_ensure(&stores[0], &a, on_keys, &said[0]), 0);
	wait_for(1);
	assert_string_equal(rotate("b", DAY_MS), "b=t+;a=t+;");
	assert_int_equal(last_until_ms[0], 0);
	assert_int_equal(last_until_ms[1], last_now_ms + DAY_MS);
	assert_string_equal(list(), "b=t+;a=t+;");
	/* Without an overlap it stops at once and stays to verify. */
	assert_string_equal(rotate("c", 0), "c=t+;b=t;a=t+;");
	/* The same one twice, as after a lost answer, changes nothing. */
	assert_string_equal(rotate("c", DAY_MS), "c=t+;b=t;a=t+;");
}

static void four_are_kept(void **state)
{
	(void)state;
	rotate("a", DAY_MS);
	rotate("b", DAY_MS);
	rotate("c", DAY_MS);
	assert_string_equal(rotate("d", DAY_MS), "d=t+;c=t+;b=t+;a=t+;");
	assert_string_equal(rotate("e", DAY_MS), "e=t+;d=t+;c=t+;b=t+;");
	assert_string_equal(list(), "e=t+;d=t+;c=t+;b=t+;");
}

static void on_number(void *owner, int err, int64_t number)
{
	assert_int_equal(err, 0);
	*(int64_t *)owner = number;
	answers++;
}

static int64_t seal(const char *kid, const char *before, const char *text)
{
	struct bud_stored_key wanted = key(kid, text);
	int64_t number = -1;

	assert_int_equal(
		bud_signing_keys_seal(&stores[0], &wanted, bud_span(before), on_number, &number),
		0);
	wait_for(1);
	return number;
}

static void only_what_is_as_it_was_is_sealed(void **state)
{
	(void)state;
	rotate("a", DAY_MS);
	rotate("b", DAY_MS);
	assert_int_equal(seal("a", "t", "s"), 1);
	assert_int_equal(seal("a", "t", "r"), 0);
	assert_int_equal(seal("b", "", "r"), 0);
	assert_int_equal(seal("gone", "t", "r"), 0);
	assert_string_equal(list(), "b=t+;a=s+;");
}

/* The time is what stands in Redis: a key that signed until 30 days ago goes. */
static void after_30_days_it_goes(void **state)
{
	(void)state;
	char value[64];

	rotate("a", 0);
	rotate("b", 0);
	snprintf(value, sizeof(value), "1 %lld t", (long long)(last_now_ms - 30 * DAY_MS + 60000));
	redis_server_do(*state, "HSET " BUD_KEY_SIGNING_KEYS " old %s", value);
	assert_string_equal(list(), "b=t+;a=t;old=t;");
	snprintf(value, sizeof(value), "1 %lld t", (long long)(last_now_ms - 30 * DAY_MS));
	redis_server_do(*state, "HSET " BUD_KEY_SIGNING_KEYS " old %s", value);
	assert_string_equal(list(), "b=t+;a=t;");
	/* It is gone for good. */
	redis_server_do(*state, "HSET " BUD_KEY_SIGNING_KEYS " b %s", "1 0 t");
	assert_string_equal(list(), "b=t+;a=t;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_who_make_the_first_see_the_same, empty),
		cmocka_unit_test_setup(a_rotation_keeps_the_former, empty),
		cmocka_unit_test_setup(four_are_kept, empty),
		cmocka_unit_test_setup(only_what_is_as_it_was_is_sealed, empty),
		cmocka_unit_test_setup(after_30_days_it_goes, empty),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
