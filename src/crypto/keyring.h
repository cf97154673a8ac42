/* A keyring: the server's own signing keys as they are now. One thread puts, others take. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bud_keyring;     /* opaque; shared by threads */
struct bud_signing_key; /* crypto/signing_key.h */

#define BUD_KEYRING_KEYS_MAX 4

/* Keys that belong together; never changes, so threads may share it. */
struct bud_key_set {
	uint64_t generation; /* a higher one is newer; 0: nothing was put yet */
	size_t keys_n;       /* all that may still be needed to verify, the current one first */
	size_t signers_n;    /* the first of them, which sign now */
	const struct bud_signing_key *keys[BUD_KEYRING_KEYS_MAX];
};

/* Never NULL; has a set without keys. */
struct bud_keyring *bud_keyring_create(void);
/* Sets that were taken stay. NULL is fine. */
void bud_keyring_destroy(struct bud_keyring *keyring);

/* Takes the keys, of which there are at most BUD_KEYRING_KEYS_MAX; `signers_n` is cut to what a
 * signer can hold. True when the set is another than before, and so has a new generation. */
bool bud_keyring_put(struct bud_keyring *keyring, struct bud_signing_key *const *keys,
	size_t keys_n, size_t signers_n);
/* The set of now, never NULL. It and its keys stay until bud_key_set_unref(). */
const struct bud_key_set *bud_keyring_take(struct bud_keyring *keyring);
/* NULL is fine. */
void bud_key_set_unref(const struct bud_key_set *set);
/* The generation of now, without a lock: to see whether what was made of a set is old. */
uint64_t bud_keyring_generation(const struct bud_keyring *keyring);
