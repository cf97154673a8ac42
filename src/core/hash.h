/* Keyed hashes (xxHash): for tables that strangers fill, and for keys in Redis. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

#define BUD_HASH_SECRET_BYTES 192

/* Strangers must not know it, or they can aim at one bucket. */
struct bud_hash_key {
	unsigned char secret[BUD_HASH_SECRET_BYTES];
};

struct bud_hash_128 {
	uint64_t high;
	uint64_t low;
};

/* Spreads `seed` (from meta, the same on every node) over the secret. */
void bud_hash_key_init(struct bud_hash_key *key, struct bud_span seed);
/* Hashes the parts so that ("ab", "c") and ("a", "bc") differ. */
struct bud_hash_128 bud_hash_128(
	const struct bud_hash_key *key, const struct bud_span *parts, size_t n);
uint64_t bud_hash_64(const struct bud_hash_key *key, struct bud_span span);
