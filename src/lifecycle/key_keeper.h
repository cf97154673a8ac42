/* The key keeper: sees to it that the server has signing keys of its own, and that this node's
 * keyring holds what all nodes have agreed on. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"

struct bud_key_keeper; /* opaque; belongs to the control thread */
struct bud_keyring;    /* crypto/keyring.h */
struct bud_sealer;     /* crypto/seal.h */
struct bud_store;      /* store/store.h */
struct uv_loop_s;

/* 0: the keyring has its first keys. -ENOKEY: the current key is sealed with a key that is not
 * here; -EINVAL: it was changed: then the keyring stays empty and is looked at again, as nobody may
 * make another in its place. Called until it is 0. */
typedef void (*bud_key_keeper_loaded_fn)(void *owner, int err);

/* All borrowed until it is closed. */
struct bud_key_keeper_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	const struct bud_sealer *sealer; /* NULL: keys are stored as they are */
	struct bud_keyring *keyring;     /* nobody else puts anything there */
	int64_t refresh_ms;              /* 0: 2 s */
	bud_key_keeper_loaded_fn on_loaded;
	void *owner;
};

struct bud_key_keeper *bud_key_keeper_open(const struct bud_key_keeper_options *options);
/* The connection is up, for the first time or again: look at once. */
void bud_key_keeper_on_up(struct bud_key_keeper *keeper);

typedef void (*bud_key_keeper_fn)(void *owner, int err);
/* Makes a new key the current one; the former signs beside it for `overlap_ms`. When `fn` says 0
 * this node's keyring has it; the others' have it after their next refresh. An `err` as in
 * store/store.h: -ENOTCONN nobody knows whether there is a new one. Negative: not called; what the
 * keyring lacks says why (-EAGAIN: not looked at yet). */
BUD_MUST_CHECK int bud_key_keeper_rotate(
	struct bud_key_keeper *keeper, int64_t overlap_ms, bud_key_keeper_fn fn, void *owner);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_key_keeper_close(struct bud_key_keeper *keeper);
