/* Keyed hashes. */
#include "core/hash.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert(BUD_HASH_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "xxHash wants a longer secret");

void bud_hash_key_init(struct bud_hash_key *key, struct bud_span seed)
{
	for (size_t i = 0; i < BUD_HASH_SECRET_BYTES; i += 16) {
		XXH128_canonical_t block;
		XXH128_canonicalFromHash(&block, XXH3_128bits_withSeed(seed.at, seed.len, i + 1));
		memcpy(key->secret + i, &block, sizeof(block));
	}
}

struct bud_hash_128 bud_hash_128(
	const struct bud_hash_key *key, const struct bud_span *parts, size_t n)
{
	char small[512];
	size_t need = n * sizeof(uint32_t);
	struct bud_buffer large = {0};
	char *at = small;
	size_t len = 0;
	XXH128_hash_t hash;

	for (size_t i = 0; i < n; i++)
		need += parts[i].len;
	if (need > sizeof(small))
		at = bud_buffer_reserve(&large, need);
	for (size_t i = 0; i < n; i++) {
		uint32_t part_len = (uint32_t)parts[i].len;
		memcpy(at + len, &part_len, sizeof(part_len));
		len += sizeof(part_len);
		if (part_len > 0)
			memcpy(at + len, parts[i].at, part_len);
		len += part_len;
	}
	hash = XXH3_128bits_withSecret(at, len, key->secret, sizeof(key->secret));
	bud_buffer_finish(&large);
	return (struct bud_hash_128){hash.high64, hash.low64};
}

uint64_t bud_hash_64(const struct bud_hash_key *key, struct bud_span span)
{
	return XXH3_64bits_withSecret(span.at, span.len, key->secret, sizeof(key->secret));
}
