/* Names of index keys. */
#include "store/index_key.h"

#include <stdio.h>

#include "event/envelope.h"
#include "store/keys.h"
#include "store/store.h"

static const char *const words[BUD_INDEX_KINDS] = {
	[BUD_INDEX_RESOURCE] = "resource",
	[BUD_INDEX_SUBJECT] = "subject",
	[BUD_INDEX_ALTERNATIVESUBJECT] = "alternativesubject",
	[BUD_INDEX_RESOURCEINSTANCE] = "resourceinstance",
};

const char *bud_index_kind_word(enum bud_index_kind kind)
{
	return words[kind];
}

void bud_index_key_make(const struct bud_shard *shard, enum bud_index_kind kind,
	struct bud_span value, struct bud_index_key *out_key)
{
	struct bud_span parts[] = {bud_span(words[kind]), value};
	struct bud_hash_128 hash = bud_hash_128(&shard->key, parts, 2);

	out_key->kind = kind;
	memcpy(out_key->hash, &hash, sizeof(out_key->hash));
}

void bud_index_key_write(const struct bud_index_key *key, char out[BUD_INDEX_KEY_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	int n = snprintf(out, BUD_INDEX_KEY_TEXT_BYTES, "%s%s:", BUD_KEY_BY, words[key->kind]);
	char *at = out + n;

	for (size_t i = 0; i < sizeof(key->hash); i++) {
		*at++ = digits[(unsigned char)key->hash[i] >> 4];
		*at++ = digits[key->hash[i] & 15];
	}
	*at = '\0';
}

static struct bud_span value_of(const struct bud_envelope *envelope, enum bud_index_kind kind)
{
	const struct bud_attribute *attribute;

	if (kind == BUD_INDEX_SUBJECT)
		return envelope->subject;
	attribute = bud_envelope_find(envelope, bud_span(words[kind]));
	return attribute ? attribute->value : (struct bud_span){NULL, 0};
}

size_t bud_index_keys_of(const struct bud_shard *shard, unsigned kinds,
	const struct bud_envelope *envelope, struct bud_index_key out_keys[BUD_INDEX_KINDS])
{
	size_t n = 0;

	for (enum bud_index_kind kind = 0; kind < BUD_INDEX_KINDS; kind++) {
		struct bud_span value;
		if (!(kinds & 1u << kind))
			continue;
		value = value_of(envelope, kind);
		if (value.len > 0)
			bud_index_key_make(shard, kind, value, &out_keys[n++]);
	}
	return n;
}
