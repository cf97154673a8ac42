/* A keyring gives whoever takes one set, whole, that stays while it is held; the same keys again
 * are no new set; threads may take while another puts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/keyring.h"
#include "crypto/signer.h"
#include "crypto/signing_key.h"

#define PUTS 200

static struct bud_signing_key *copy(const struct bud_signing_key *key)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_signing_key *made = NULL;

	bud_signing_key_write(key, &text);
	assert_int_equal(bud_signing_key_parse(bud_buffer_as_span(&text), &made, NULL), 0);
	return made;
}

static void test_empty(void **state)
{
	struct bud_keyring *keyring = bud_keyring_create();
	const struct bud_key_set *set = bud_keyring_take(keyring);

	(void)state;
	assert_int_equal(set->keys_n, 0);
	assert_int_equal(set->signers_n, 0);
	assert_int_equal(set->generation, 0);
	assert_int_equal(bud_keyring_generation(keyring), 0);
	bud_keyring_destroy(keyring);
	bud_key_set_unref(set); /* outlives the ring */
	bud_key_set_unref(NULL);
	bud_keyring_destroy(NULL);
}

static void test_generations(void **state)
{
	struct bud_keyring *keyring = bud_keyring_create();
	struct bud_signing_key *a = bud_signing_key_generate();
	struct bud_signing_key *again[2] = {copy(a), NULL};
	struct bud_signing_key *both[2] = {bud_signing_key_generate(), copy(a)};
	struct bud_signing_key *later[2] = {copy(both[0]), copy(a)};
	const struct bud_key_set *first, *second;

	(void)state;
	assert_true(bud_keyring_put(keyring, &a, 1, 1));
	first = bud_keyring_take(keyring);
	assert_ptr_equal(first->keys[0], a);
	assert_int_equal(first->generation, 1);
	/* The same key read once more. */
	assert_false(bud_keyring_put(keyring, again, 1, 1));
	assert_int_equal(bud_keyring_generation(keyring), 1);
	/* A rotation, and the end of its overlap. */
	assert_true(bud_keyring_put(keyring, both, 2, 2));
	assert_true(bud_keyring_put(keyring, later, 2, 1));
	second = bud_keyring_take(keyring);
	assert_int_equal(second->generation, 3);
	assert_int_equal(second->signers_n, 1);
	assert_int_equal(second->keys_n, 2);
	/* What was taken is still there. */
	assert_int_equal(first->keys_n, 1);
	assert_string_equal(
		bud_signing_key_id(first->keys[0]), bud_signing_key_id(second->keys[1]));
	bud_key_set_unref(first);
	bud_key_set_unref(second);
	bud_keyring_destroy(keyring);
}

static void test_no_more_signers_than_a_signer_holds(void **state)
{
	struct bud_keyring *keyring = bud_keyring_create();
	struct bud_signing_key *keys[BUD_KEYRING_KEYS_MAX];
	const struct bud_key_set *set;

	(void)state;
	for (size_t i = 0; i < BUD_KEYRING_KEYS_MAX; i++)
		keys[i] = bud_signing_key_generate();
	assert_true(bud_keyring_put(keyring, keys, BUD_KEYRING_KEYS_MAX, BUD_KEYRING_KEYS_MAX));
	set = bud_keyring_take(keyring);
	assert_int_equal(set->keys_n, BUD_KEYRING_KEYS_MAX);
	assert_int_equal(set->signers_n, BUD_SIGNER_KEYS_MAX);
	bud_key_set_unref(set);
	bud_keyring_destroy(keyring);
}

static atomic_bool is_over;

/* Every set has all its keys, and none is older than the one before. */
static void *take(void *owner)
{
	uint64_t last = 0;

	while (!atomic_load(&is_over)) {
		const struct bud_key_set *set = bud_keyring_take(owner);
		if (set->generation < last || set->keys_n != (set->generation == 0 ? 0 : 1) ||
			(set->keys_n == 1 && bud_signing_key_id(set->keys[0])[42] == '\0'))
			return "wrong";
		last = set->generation;
		bud_key_set_unref(set);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct bud_keyring *keyring = bud_keyring_create();
	pthread_t threads[2];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take, keyring);
	for (size_t i = 0; i < PUTS; i++) {
		struct bud_signing_key *key = bud_signing_key_generate();
		assert_true(bud_keyring_put(keyring, &key, 1, 1));
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 2; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	bud_keyring_destroy(keyring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_no_more_signers_than_a_signer_holds),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
