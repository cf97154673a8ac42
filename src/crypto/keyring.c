/* A keyring. Sets are counted: the ring holds one, everybody who took one holds it, too. The lock
 * is held for a few instructions. */
#include "crypto/keyring.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "crypto/signer.h"
#include "crypto/signing_key.h"

struct counted {
	atomic_uint refs;
	struct bud_key_set set;
};

struct bud_keyring {
	pthread_mutex_t lock; /* of `now` */
	struct counted *now;
	atomic_uint_fast64_t generation; /* of `now` */
};

static struct counted *create_set(void)
{
	struct counted *counted = bud_new(struct counted);

	atomic_init(&counted->refs, 1);
	return counted;
}

struct bud_keyring *bud_keyring_create(void)
{
	struct bud_keyring *keyring = bud_new(struct bud_keyring);

	pthread_mutex_init(&keyring->lock, NULL);
	keyring->now = create_set();
	return keyring;
}

void bud_keyring_destroy(struct bud_keyring *keyring)
{
	if (!keyring)
		return;
	bud_key_set_unref(&keyring->now->set);
	pthread_mutex_destroy(&keyring->lock);
	free(keyring);
}

static bool is_same(const struct bud_key_set *a, const struct bud_key_set *b)
{
	if (a->keys_n != b->keys_n || a->signers_n != b->signers_n)
		return false;
	for (size_t i = 0; i < a->keys_n; i++)
		if (strcmp(bud_signing_key_id(a->keys[i]), bud_signing_key_id(b->keys[i])) != 0)
			return false;
	return true;
}

bool bud_keyring_put(struct bud_keyring *keyring, struct bud_signing_key *const *keys,
	size_t keys_n, size_t signers_n)
{
	struct counted *fresh = create_set();
	struct counted *before = keyring->now; /* nobody else writes it */

	assert(keys_n <= BUD_KEYRING_KEYS_MAX && signers_n <= keys_n);
	for (size_t i = 0; i < keys_n; i++)
		fresh->set.keys[i] = keys[i];
	fresh->set.keys_n = keys_n;
	fresh->set.signers_n = signers_n < BUD_SIGNER_KEYS_MAX ? signers_n : BUD_SIGNER_KEYS_MAX;
	fresh->set.generation = before->set.generation + 1;
	if (is_same(&fresh->set, &before->set)) {
		bud_key_set_unref(&fresh->set);
		return false;
	}
	pthread_mutex_lock(&keyring->lock);
	keyring->now = fresh;
	pthread_mutex_unlock(&keyring->lock);
	atomic_store(&keyring->generation, fresh->set.generation);
	bud_key_set_unref(&before->set);
	return true;
}

const struct bud_key_set *bud_keyring_take(struct bud_keyring *keyring)
{
	struct counted *counted;

	pthread_mutex_lock(&keyring->lock);
	counted = keyring->now;
	atomic_fetch_add(&counted->refs, 1);
	pthread_mutex_unlock(&keyring->lock);
	return &counted->set;
}

void bud_key_set_unref(const struct bud_key_set *set)
{
	struct counted *counted;

	if (!set)
		return;
	counted = (struct counted *)((char *)set - offsetof(struct counted, set));
	if (atomic_fetch_sub(&counted->refs, 1) > 1)
		return;
	for (size_t i = 0; i < set->keys_n; i++)
		bud_signing_key_destroy((struct bud_signing_key *)set->keys[i]);
	free(counted);
}

uint64_t bud_keyring_generation(const struct bud_keyring *keyring)
{
	return atomic_load(&keyring->generation);
}
