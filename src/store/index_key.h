/* An index key: one value of an attribute by which events can be asked for. */
#pragma once
#include <stddef.h>
#include "core/text.h"

struct bud_envelope; /* event/envelope.h */
struct bud_shard;    /* store/store.h */

/* The attributes that are indexed; a set of them is a mask of `1u << kind`. */
enum bud_index_kind {
	BUD_INDEX_RESOURCE,
	BUD_INDEX_SUBJECT,
	BUD_INDEX_ALTERNATIVESUBJECT,
	BUD_INDEX_RESOURCEINSTANCE,
	BUD_INDEX_KINDS,
};
#define BUD_INDEX_ALL ((1u << BUD_INDEX_KINDS) - 1)

/* The value is hashed (128 bits, keyed): a person's number does not stand in a key's name, and a
 * name is short whatever the value. */
struct bud_index_key {
	enum bud_index_kind kind;
	char hash[16];
};

/* With the NUL: bud:{s0}:by:alternativesubject:<32 digits>. */
#define BUD_INDEX_KEY_TEXT_BYTES 80

/* The attribute's name. */
const char *bud_index_kind_word(enum bud_index_kind kind);
void bud_index_key_make(const struct bud_shard *shard, enum bud_index_kind kind,
	struct bud_span value, struct bud_index_key *out_key);
/* As it is called in Redis. */
void bud_index_key_write(const struct bud_index_key *key, char out[BUD_INDEX_KEY_TEXT_BYTES]);
/* A key for each attribute of `kinds` that the event has; returns how many. */
size_t bud_index_keys_of(const struct bud_shard *shard, unsigned kinds,
	const struct bud_envelope *envelope, struct bud_index_key out_keys[BUD_INDEX_KINDS]);
