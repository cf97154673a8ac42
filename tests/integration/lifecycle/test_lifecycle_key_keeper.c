/* The key keeper: two nodes that start at once have the same key; what one rotates the other
 * learns; the former signs for its overlap; with a sealer no private key stands in Redis, and what
 * cannot be opened or was moved is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/signing_key.h"
#include "life.h"
#include "lifecycle/key_keeper.h"
#include "store/keys.h"

#define REFRESH_MS 5

/* A node, as far as its keys go; all share the connection. */
struct node {
	struct bud_keyring *keyring;
	struct bud_key_keeper *keeper;
	struct bud_sealer *sealer;
	int loads;
	int load_err;
	int rotations;
	int rotate_err;
};

static void on_loaded(void *owner, int err)
{
	struct node *node = owner;

	node->loads++;
	node->load_err = err;
}

static void on_rotated(void *owner, int err)
{
	struct node *node = owner;

	node->rotations++;
	node->rotate_err = err;
}

/* `seal` is NULL, or one or two sealing keys of 64 hex digits, divided by a comma. */
static struct node *open_node(struct life *life, const char *seal)
{
	struct node *node = bud_new(struct node);
	struct bud_span rest = bud_span(seal ? seal : "");
	struct bud_span seals[2];
	size_t seals_n = 0;
	struct bud_key_keeper_options options = {.loop = &life->loop,
		.store = &life->store,
		.refresh_ms = REFRESH_MS,
		.on_loaded = on_loaded,
		.owner = node};

	while (rest.len > 0)
		seals[seals_n++] = bud_span_take_until(&rest, ',');
	assert_int_equal(bud_sealer_create(seals, seals_n, &node->sealer, NULL), 0);
	node->keyring = bud_keyring_create();
	options.keyring = node->keyring;
	options.sealer = node->sealer;
	node->keeper = bud_key_keeper_open(&options);
	return node;
}

/* After the connection was closed. */
static void close_node(struct node *node)
{
	bud_key_keeper_close(node->keeper);
	bud_keyring_destroy(node->keyring);
	bud_sealer_destroy(node->sealer);
	free(node);
}

static void rotate(struct life *life, struct node *node, int64_t overlap_ms)
{
	int before = node->rotations;

	assert_int_equal(bud_key_keeper_rotate(node->keeper, overlap_ms, on_rotated, node), 0);
	life_wait(life, node->rotations > before);
	assert_int_equal(node->rotate_err, 0);
}

static bool are_same(struct node *a, struct node *b)
{
	const struct bud_key_set *ours = bud_keyring_take(a->keyring);
	const struct bud_key_set *theirs = bud_keyring_take(b->keyring);
	bool are = ours->keys_n == theirs->keys_n && ours->signers_n == theirs->signers_n;

	for (size_t i = 0; are && i < ours->keys_n; i++)
		are = strcmp(bud_signing_key_id(ours->keys[i]),
			      bud_signing_key_id(theirs->keys[i])) == 0;
	bud_key_set_unref(ours);
	bud_key_set_unref(theirs);
	return are;
}

static size_t signers_n(struct node *node)
{
	const struct bud_key_set *set = bud_keyring_take(node->keyring);
	size_t n = set->signers_n;

	bud_key_set_unref(set);
	return n;
}

/* Whether Redis holds this text anywhere among the keys. */
static bool stored_has(struct life *life, const char *text)
{
	redisReply *reply = redis_server_ask(life->server, "HVALS " BUD_KEY_SIGNING_KEYS);
	bool has = false;

	assert_true(reply->elements > 0);
	for (size_t i = 0; i < reply->elements; i++)
		has = has || strstr(reply->element[i]->str, text);
	freeReplyObject(reply);
	return has;
}

static void two_nodes_have_one_key(void **state)
{
	struct life *life = *state;
	struct node *a = open_node(life, NULL), *b = open_node(life, NULL);

	life_wait(life, a->loads > 0 && b->loads > 0);
	assert_int_equal(a->load_err, 0);
	assert_true(are_same(a, b));
	assert_int_equal(signers_n(a), 1);
	assert_int_equal(life_number(life, "HLEN " BUD_KEY_SIGNING_KEYS), 1);
	/* Without a sealer it is stored as it is. */
	assert_true(stored_has(life, " whsk_"));
	/* It is told once. */
	life_stays_ms(life, a->loads == 1, 5 * REFRESH_MS);
	assert_int_equal(bud_keyring_generation(a->keyring), 1);
	life_close_redis(life);
	close_node(a);
	close_node(b);
}

static void a_rotation_reaches_the_others(void **state)
{
	struct life *life = *state;
	struct node *a = open_node(life, NULL), *b = open_node(life, NULL);

	life_wait(life, a->loads > 0 && b->loads > 0);
	/* Its overlap over, the former stays to verify. */
	rotate(life, a, 1);
	life_wait(life, signers_n(a) == 1 && are_same(a, b));
	rotate(life, b, 60000);
	assert_int_equal(signers_n(b), 2);
	life_wait(life, are_same(a, b));
	life_close_redis(life);
	/* Nobody knows: it is said so. */
	assert_int_equal(bud_key_keeper_rotate(a->keeper, 0, on_rotated, a), -ENOTCONN);
	close_node(a);
	close_node(b);
}

#define SEAL  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* A key that stopped at once, since it leaked, does not end the overlap of the one before it. */
static void each_signs_for_its_own_overlap(void **state)
{
	struct life *life = *state;
	struct node *a = open_node(life, NULL);
	const struct bud_key_set *first, *second, *third;

	life_wait(life, a->loads > 0);
	first = bud_keyring_take(a->keyring);
	rotate(life, a, 60000);
	second = bud_keyring_take(a->keyring);
	rotate(life, a, 0);
	third = bud_keyring_take(a->keyring);
	assert_int_equal(third->keys_n, 3);
	assert_int_equal(third->signers_n, 2);
	assert_string_equal(bud_signing_key_id(third->keys[1]), bud_signing_key_id(first->keys[0]));
	assert_string_equal(
		bud_signing_key_id(third->keys[2]), bud_signing_key_id(second->keys[0]));
	bud_key_set_unref(first);
	bud_key_set_unref(second);
	bud_key_set_unref(third);
	life_close_redis(life);
	close_node(a);
}

static void sealed_at_rest(void **state)
{
	struct life *life = *state;
	struct node *a = open_node(life, SEAL), *b;

	life_wait(life, a->loads > 0);
	rotate(life, a, 60000);
	assert_false(stored_has(life, "whsk_"));
	assert_true(stored_has(life, " sealed:v1:"));
	b = open_node(life, SEAL);
	life_wait(life, b->loads > 0);
	assert_int_equal(b->load_err, 0);
	assert_true(are_same(a, b));
	life_close_redis(life);
	close_node(a);
	close_node(b);
}

/* What was stored before there was a sealer, or sealed with a key that goes, is sealed anew. */
static void what_is_old_is_sealed_anew(void **state)
{
	struct life *life = *state;
	struct node *plain = open_node(life, NULL), *first, *both, *last;

	life_wait(life, plain->loads > 0);
	rotate(life, plain, 60000);
	assert_true(stored_has(life, " whsk_"));
	first = open_node(life, SEAL);
	life_wait(life, !stored_has(life, "whsk_"));
	both = open_node(life, OTHER "," SEAL);
	life_wait(life, both->loads > 0 && both->load_err == 0);
	assert_true(are_same(first, both));
	/* So the former sealing key may go. Who has only that one keeps the ring it has. */
	last = open_node(life, OTHER);
	life_wait(life, last->loads > 0 && last->load_err == 0);
	life_wait(life, are_same(last, both));
	assert_true(are_same(last, first));
	assert_true(are_same(last, plain));
	assert_int_equal(life_number(life, "HLEN " BUD_KEY_SIGNING_KEYS), 2);
	life_close_redis(life);
	close_node(plain);
	close_node(first);
	close_node(both);
	close_node(last);
}

static void what_cannot_be_opened_is_refused(void **state)
{
	struct life *life = *state;
	struct node *a = open_node(life, SEAL), *b = open_node(life, OTHER), *c;
	redisReply *reply;

	life_wait(life, a->loads > 0);
	c = open_node(life, NULL);
	life_wait(life, b->loads > 0 && c->loads > 0);
	/* One of the two sealed it; whoever did not cannot open it, and nobody makes another. */
	assert_int_equal(a->load_err + b->load_err, -ENOKEY);
	assert_int_equal(c->load_err, -ENOKEY);
	assert_int_equal(bud_keyring_generation(c->keyring), 0);
	assert_int_equal(bud_key_keeper_rotate(c->keeper, 0, on_rotated, c), -ENOKEY);
	assert_int_equal(life_number(life, "HLEN " BUD_KEY_SIGNING_KEYS), 1);
	/* A sealed text in another key's place is refused; the ring keeps what it had. */
	reply = redis_server_ask(life->server, "HVALS " BUD_KEY_SIGNING_KEYS);
	redis_server_do(life->server, "DEL " BUD_KEY_SIGNING_KEYS);
	redis_server_do(
		life->server, "HSET " BUD_KEY_SIGNING_KEYS " elsewhere %s", reply->element[0]->str);
	freeReplyObject(reply);
	(a->load_err == 0 ? b : a)->loads = 0;
	c->loads = 0;
	life_wait(life, c->loads > 2);
	assert_int_equal(
		bud_keyring_generation(a->keyring) + bud_keyring_generation(b->keyring), 1);
	life_close_redis(life);
	close_node(a);
	close_node(b);
	close_node(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			two_nodes_have_one_key, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(
			a_rotation_reaches_the_others, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(
			each_signs_for_its_own_overlap, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(sealed_at_rest, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_old_is_sealed_anew, life_set_up, life_tear_down),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_opened_is_refused, life_set_up, life_tear_down),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
