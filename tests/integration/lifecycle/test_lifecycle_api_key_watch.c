/* The watch over API keys: what is stored by any node is trusted by all, what is removed by none;
 * what cannot be read is passed over; and while Redis is away what was known stays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "auth/api_keys.h"
#include "auth/scope_rules.h"
#include "auth/trust.h"
#include "life.h"
#include "lifecycle/api_key_watch.h"
#include "store/api_keys.h"
#include "store/keys.h"

struct node {
	struct bud_trust *trust;
	struct bud_api_key_watch *watch;
};

static struct bud_scope_rules rules;
static int64_t number;
static int answers;

static void open_node(struct life *life, struct node *node)
{
	struct bud_api_key_watch_options options = {.loop = &life->loop, .store = &life->store};

	node->trust = bud_trust_create(NULL);
	options.trust = node->trust;
	node->watch = bud_api_key_watch_open(&options);
	bud_api_key_watch_on_up(node->watch);
}

/* After the connection was closed. */
static void close_node(struct node *node)
{
	bud_api_key_watch_close(node->watch);
	bud_trust_destroy(node->trust);
}

static bool is_loaded(const struct node *node)
{
	const struct bud_trust_set *set = bud_trust_take(node->trust);
	bool is = set->api_keys != NULL;

	bud_trust_set_unref(set);
	return is;
}

static bool trusts(const struct node *node, const char *token)
{
	const struct bud_trust_set *set = bud_trust_take(node->trust);
	struct bud_identity *identity = NULL;
	bool is = set->api_keys &&
		  bud_api_keys_identify(set->api_keys, bud_span(token), &rules, 0, &identity) == 0;

	bud_identity_unref(identity);
	bud_trust_set_unref(set);
	return is;
}

static void on_number(void *owner, int err, int64_t said)
{
	(void)owner;
	assert_int_equal(err, 0);
	number = said;
	answers++;
}

static void wait_for_answer(struct life *life, int before)
{
	life_wait(life, answers > before);
}

/* What Redis said: 1, or -1 above `max`. */
static int64_t put(
	struct life *life, size_t max, char id[BUD_API_KEY_ID_BYTES], char token[BUD_API_KEY_BYTES])
{
	struct bud_api_key key = {.name = bud_strdup("/app/shop")};
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_stored_api_key stored;
	int before = answers;

	bud_api_key_make(&key, token);
	bud_api_key_write(&key, false, &text);
	memcpy(id, key.id, BUD_API_KEY_ID_BYTES);
	stored = (struct bud_stored_api_key){bud_span(id), bud_buffer_as_span(&text)};
	assert_int_equal(bud_stored_api_keys_put(&life->store, &stored, max, on_number, NULL), 0);
	wait_for_answer(life, before);
	bud_api_key_finish(&key);
	return number;
}

static int64_t remove_key(struct life *life, const char *id)
{
	int before = answers;

	assert_int_equal(
		bud_stored_api_keys_remove(&life->store, bud_span(id), on_number, NULL), 0);
	wait_for_answer(life, before);
	return number;
}

static void test_all_nodes_follow(void **state)
{
	struct life *life = *state;
	char first[BUD_API_KEY_BYTES], second[BUD_API_KEY_BYTES];
	char id[BUD_API_KEY_ID_BYTES], other[BUD_API_KEY_ID_BYTES];
	struct node a, b;

	open_node(life, &a);
	open_node(life, &b);
	/* Without any key it is known that there is none. */
	life_wait(life, is_loaded(&a) && is_loaded(&b));
	assert_int_equal(put(life, 2, id, first), 1);
	assert_int_equal(put(life, 2, other, second), 1);
	life_wait(life,
		trusts(&a, first) && trusts(&b, first) && trusts(&a, second) && trusts(&b, second));
	assert_int_equal(remove_key(life, id), 1);
	life_wait(life, !trusts(&a, first) && !trusts(&b, first));
	assert_true(trusts(&a, second) && trusts(&b, second));
	assert_int_equal(remove_key(life, id), 0);
	life_close_redis(life);
	close_node(&a);
	close_node(&b);
}

static void test_bound(void **state)
{
	struct life *life = *state;
	char token[BUD_API_KEY_BYTES];
	char id[BUD_API_KEY_ID_BYTES];

	assert_int_equal(put(life, 2, id, token), 1);
	assert_int_equal(put(life, 2, id, token), 1);
	assert_int_equal(put(life, 2, id, token), -1);
	assert_int_equal(life_number(life, "HLEN " BUD_KEY_API_KEYS), 2);
	life_close_redis(life);
}

static void on_looked(void *owner, int err)
{
	*(int *)owner = err;
}

/* Whoever made one may use it here as soon as they are told. */
static void test_look(void **state)
{
	struct life *life = *state;
	char token[BUD_API_KEY_BYTES];
	char id[BUD_API_KEY_ID_BYTES];
	struct node node;
	int looked = 1;

	open_node(life, &node);
	(void)put(life, 9, id, token);
	assert_int_equal(bud_api_key_watch_look(node.watch, on_looked, &looked), 0);
	life_wait(life, looked != 1);
	assert_int_equal(looked, 0);
	assert_true(trusts(&node, token));
	life_close_redis(life);
	close_node(&node);
}

static void test_what_cannot_be_read(void **state)
{
	struct life *life = *state;
	char token[BUD_API_KEY_BYTES];
	char id[BUD_API_KEY_ID_BYTES];
	struct node node;

	(void)life_number(life, "HSET " BUD_KEY_API_KEYS " x nonsense");
	(void)put(life, 9, id, token);
	open_node(life, &node);
	life_wait(life, trusts(&node, token));
	life_close_redis(life);
	/* Redis is gone: what was known stays. */
	life_stays_ms(life, trusts(&node, token), 300);
	close_node(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_nodes_follow, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(test_bound, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(test_look, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_read, life_set_up, life_tear_down),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
