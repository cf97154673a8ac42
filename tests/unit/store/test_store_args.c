/* The arguments of a command: each arrives whole and in order however the text grows behind them, a
 * NUL inside included; and a store that is cut off from its connection refuses and forgets them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "store/args.h"
#include "store/scripts.h"

/* The connection under the arguments: the linker puts these in the place of redis/client.c's. */
static struct bud_buffer sent;
static int sent_keys;

int __wrap_bud_redis_command(struct bud_redis *redis, bud_redis_fn fn, void *owner, int argc,
	const char *const *argv, const size_t *lens);
int __wrap_bud_redis_script(struct bud_redis *redis, const struct bud_redis_script *script,
	bud_redis_fn fn, void *owner, const struct bud_redis_args *args);

int __wrap_bud_redis_command(struct bud_redis *redis, bud_redis_fn fn, void *owner, int argc,
	const char *const *argv, const size_t *lens)
{
	(void)redis;
	(void)fn;
	(void)owner;
	bud_buffer_clear(&sent);
	for (int i = 0; i < argc; i++) {
		bud_buffer_byte(&sent, '[');
		bud_buffer_add(&sent, argv[i], lens[i]);
		bud_buffer_byte(&sent, ']');
	}
	return 0;
}

int __wrap_bud_redis_script(struct bud_redis *redis, const struct bud_redis_script *script,
	bud_redis_fn fn, void *owner, const struct bud_redis_args *args)
{
	(void)script;
	sent_keys = args->keys_n;
	return __wrap_bud_redis_command(redis, fn, owner, args->argc, args->argv, args->lens);
}

static int tear_down(void **state)
{
	(void)state;
	bud_buffer_finish(&sent);
	return 0;
}

static void all_kinds_in_order(void **state)
{
	struct bud_args args = {0};

	(void)state;
	for (int turn = 0; turn < 2; turn++) { /* kept from command to command */
		bud_args_text(&args, "SET");
		bud_args_joined(&args, "bud:", bud_span("key"));
		bud_args_number(&args, INT64_MIN);
		bud_args_span(&args, (struct bud_span){"a\0b", 3});
		bud_args_span(&args, (struct bud_span){NULL, 0});
		bud_args_format(&args, "%d-%s", 7, "x");
		assert_int_equal(bud_args_send(&args, NULL, NULL, NULL), 0);
		assert_int_equal(args.n, 0);
		assert_true(bud_span_equals(bud_buffer_as_span(&sent),
			(struct bud_span){
				"[SET][bud:key][-9223372036854775808][a\0b][][7-x]", 48}));
	}
	bud_args_finish(&args);
}

static void many_stay_in_place(void **state)
{
	struct bud_args args = {0};
	struct bud_buffer wanted = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		bud_args_number(&args, i);
		bud_args_text(&args, "t");
		bud_buffer_format(&wanted, "[%d][t]", i);
		if (i == 99)
			bud_args_keys_end(&args);
	}
	assert_int_equal(bud_args_send_script(&args, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(sent_keys, 200);
	assert_string_equal(sent.at, wanted.at);
	bud_buffer_finish(&wanted);
	bud_args_finish(&args);
}

static void a_detached_store_refuses(void **state)
{
	struct bud_store store;

	(void)state;
	bud_store_init(&store, (struct bud_redis *)&store, NULL);
	bud_args_text(&store.args, "PING");
	assert_int_equal(bud_store_send(&store, NULL, NULL), 0);
	bud_store_detach(&store);
	bud_args_text(&store.args, "PING");
	assert_int_equal(bud_store_send(&store, NULL, NULL), -ENOTCONN);
	assert_int_equal(store.args.n, 0);
	bud_args_text(&store.args, "PING");
	assert_int_equal(bud_store_send_script(&store, BUD_SCRIPT_SETTLE, NULL, NULL), -ENOTCONN);
	assert_int_equal(store.args.n, 0);
	bud_store_finish(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_in_order),
		cmocka_unit_test(many_stay_in_place),
		cmocka_unit_test_teardown(a_detached_store_refuses, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
