/* A keyring. */
#include "crypto/keyring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/counted.h"
#include "crypto/signer.h"
#include "crypto/signing_key.h"

struct shared_set {
	struct bud_counted counted;
	struct bud_key_set set;
};

struct bud_keyring {
	struct bud_current current;
	atomic_uint_fast64_t generation; /* of the current set */
};

static struct shared_set *shared(struct bud_counted *counted)
{
	return bud_container(counted, struct shared_set, counted);
}

static void destroy(struct bud_counted *counted)
{
	struct shared_set *of = shared(counted);

	for (size_t i = 0; i < of->set.keys_n; i++)
		bud_signing_key_destroy((struct bud_signing_key *)of->set.keys[i]);
	free(of);
}

static struct shared_set *create_set(void)
{
	struct shared_set *fresh = bud_new(struct shared_set);

	bud_counted_init(&fresh->counted, destroy);
	return fresh;
}

struct bud_keyring *bud_keyring_create(void)
{
	struct bud_keyring *keyring = bud_new(struct bud_keyring);

	bud_current_init(&keyring->current, &create_set()->counted);
	return keyring;
}

void bud_keyring_destroy(struct bud_keyring *keyring)
{
	if (!keyring)
		return;
	bud_current_finish(&keyring->current);
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
	struct shared_set *fresh = create_set();
	const struct bud_key_set *before = &shared(keyring->current.now)->set;

	assert(keys_n <= BUD_KEYRING_KEYS_MAX && signers_n <= keys_n);
	for (size_t i = 0; i < keys_n; i++)
		fresh->set.keys[i] = keys[i];
	fresh->set.keys_n = keys_n;
	fresh->set.signers_n = signers_n < BUD_SIGNER_KEYS_MAX ? signers_n : BUD_SIGNER_KEYS_MAX;
	fresh->set.generation = before->generation + 1;
	if (is_same(&fresh->set, before)) {
		bud_key_set_unref(&fresh->set);
		return false;
	}
	bud_current_put(&keyring->current, &fresh->counted);
	atomic_store(&keyring->generation, fresh->set.generation);
	return true;
}

const struct bud_key_set *bud_keyring_take(struct bud_keyring *keyring)
{
	return &shared(bud_current_take(&keyring->current))->set;
}

void bud_key_set_unref(const struct bud_key_set *set)
{
	if (set)
		bud_counted_unref(&bud_container(set, struct shared_set, set)->counted);
}

uint64_t bud_keyring_generation(const struct bud_keyring *keyring)
{
	return atomic_load(&keyring->generation);
}
