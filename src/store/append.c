/* Appending events to their partitions. */
#include "store/append.h"

#include <assert.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void on_appended(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	bud_append_fn fn = (bud_append_fn)call.fn;
	signed char results[BUD_APPEND_EVENTS_MAX];
	int err = bud_reply_error(reply);
	size_t n;

	if (err < 0) {
		fn(call.owner, err, NULL, 0);
		return;
	}
	n = (size_t)reply->elements;
	assert(n <= BUD_APPEND_EVENTS_MAX);
	for (size_t i = 0; i < n; i++)
		results[i] = (signed char)reply->element[i]->integer;
	fn(call.owner, 0, results, n);
}

void bud_append_prepare(const struct bud_shard *shard, const struct bud_append_key *key,
	struct bud_span owner, struct bud_span bytes, struct bud_append_event *out_event)
{
	struct bud_span parts[] = {owner, key->source, key->id};
	struct bud_hash_128 seen = bud_hash_128(&shard->key, parts, 3);
	uint64_t digest = bud_hash_64(&shard->key, bytes);
	uint64_t spread = key->order.len > 0 ? bud_hash_64(&shard->key, key->order) : seen.low;

	out_event->partition = (unsigned char)(spread % shard->partitions);
	out_event->owner = owner;
	out_event->bytes = bytes;
	out_event->index_n = 0;
	memcpy(out_event->seen, &seen, sizeof(out_event->seen));
	memcpy(out_event->digest, &digest, sizeof(out_event->digest));
}

/* The index keys of one call, each once: many of its events share one. A table of places, open
 * addressed; twice as large as the most there can be. */
#define INDEX_KEYS_MAX (BUD_APPEND_EVENTS_MAX * BUD_INDEX_KINDS)
#define INDEX_SLOTS    (2 * INDEX_KEYS_MAX)

struct index_keys {
	const struct bud_index_key *keys[INDEX_KEYS_MAX];
	unsigned n;
	uint16_t slots[INDEX_SLOTS]; /* of `keys`, from 1; 0: free */
};

/* Its place, from 0. */
static unsigned place_of(struct index_keys *index, const struct bud_index_key *key)
{
	size_t slot;

	memcpy(&slot, key->hash, sizeof(slot));
	for (slot %= INDEX_SLOTS; index->slots[slot]; slot = (slot + 1) % INDEX_SLOTS) {
		const struct bud_index_key *other = index->keys[index->slots[slot] - 1];
		if (other->kind == key->kind &&
			memcmp(other->hash, key->hash, sizeof(key->hash)) == 0)
			return index->slots[slot] - 1u;
	}
	index->keys[index->n] = key;
	index->slots[slot] = (uint16_t)++index->n;
	return index->n - 1;
}

static size_t index_fields(const struct bud_append_event *events, size_t n)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (events[i].index_n > most)
			most = events[i].index_n;
	return most;
}

/* Behind the streams. `out_places` has the place of each event's keys, one event after the other.
 */
static void add_index_keys(struct bud_store *store, const struct bud_append_event *events, size_t n,
	uint16_t *out_places)
{
	struct index_keys index = {.n = 0};
	char text[BUD_INDEX_KEY_TEXT_BYTES];

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < events[i].index_n; k++)
			*out_places++ = (uint16_t)place_of(&index, &events[i].index[k]);
	for (unsigned i = 0; i < index.n; i++) {
		bud_index_key_write(index.keys[i], text);
		bud_args_joined(&store->args, text, (struct bud_span){NULL, 0});
	}
	bud_args_text(&store->args, BUD_KEY_BY_LAST);
	bud_args_text(&store->args, BUD_KEY_BY_FLOOR);
}

/* Declares the streams in use; `out_key` is each event's index among the keys, from 1. Returns how
 * many keys that makes. */
static unsigned add_keys(struct bud_store *store, const struct bud_append_event *events, size_t n,
	unsigned char *out_key)
{
	unsigned char key_of[BUD_PARTITIONS] = {0};
	unsigned char keys_n = 3;

	bud_args_text(&store->args, BUD_KEY_SEEN_STATE);
	bud_args_text(&store->args, BUD_KEY_SEEN_0);
	bud_args_text(&store->args, BUD_KEY_SEEN_1);
	for (size_t i = 0; i < n; i++) {
		unsigned partition = events[i].partition;
		if (key_of[partition] == 0) {
			bud_args_format(&store->args, BUD_KEY_EVENTS_FORMAT, partition);
			key_of[partition] = ++keys_n;
		}
		out_key[i] = key_of[partition];
	}
	return keys_n;
}

int bud_append(struct bud_store *store, int64_t window_ms, const struct bud_append_event *events,
	size_t n, bud_append_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	unsigned char keys[BUD_APPEND_EVENTS_MAX];
	uint16_t places[INDEX_KEYS_MAX];
	const uint16_t *place = places;
	size_t fields = index_fields(events, n);
	unsigned keys_n;

	assert(n > 0 && n <= BUD_APPEND_EVENTS_MAX);
	keys_n = add_keys(store, events, n, keys);
	if (fields > 0)
		add_index_keys(store, events, n, places);
	bud_args_keys_end(&store->args);
	bud_args_number(&store->args, window_ms);
	bud_args_number(&store->args, (int64_t)fields);
	for (size_t i = 0; i < n; i++) {
		bud_args_number(&store->args, keys[i]);
		bud_args_span(
			&store->args, (struct bud_span){events[i].seen, sizeof(events[i].seen)});
		bud_args_span(&store->args,
			(struct bud_span){events[i].digest, sizeof(events[i].digest)});
		bud_args_span(&store->args, events[i].owner);
		bud_args_span(&store->args, events[i].bytes);
		for (size_t k = 0; k < fields; k++)
			bud_args_number(
				&store->args, k < events[i].index_n ? keys_n + 1u + *place++ : 0);
	}
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_INGEST, on_appended, call));
}
