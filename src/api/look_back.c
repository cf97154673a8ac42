/* Looking back: each partition is read in small steps, and the newest of their heads is visited,
 * until one that may have more has run out: then it is read again. */
#include "api/look_back.h"

#include <stdlib.h>

#include "core/text.h"
#include "store/partition.h"
#include "store/store.h"

#define STEP       64
#define STEP_BYTES (256u << 10)

struct item {
	struct bud_member id;
	size_t owner_len;
	size_t bytes_len;
	bool has_bytes;
};

struct walk;

/* What was read of a partition and not visited yet: `texts` holds owner and bytes of each item. */
struct source {
	struct walk *walk;
	struct bud_member before;
	bool is_over;
	size_t n;
	size_t next;
	size_t at; /* of the next item's texts */
	struct item items[STEP];
	struct bud_buffer texts;
};

struct walk {
	struct bud_look_back options;
	struct bud_look_back_result result;
	size_t bytes;
	unsigned n_waiting;
	int err; /* the first one */
	size_t sources_n;
	struct source sources[];
};

static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n);

static void finish(struct walk *walk, int err)
{
	walk->options.end(walk->options.owner, err, err < 0 ? NULL : &walk->result);
	for (size_t i = 0; i < walk->sources_n; i++)
		bud_buffer_finish(&walk->sources[i].texts);
	free(walk);
}

/* Reads on where something has run out. The first failure stops it. */
static int ask(struct walk *walk)
{
	for (size_t i = 0; i < walk->sources_n; i++) {
		struct source *source = &walk->sources[i];
		struct bud_read_back read = {
			(unsigned)i, source->before, walk->options.from_ms, STEP, STEP_BYTES};
		int r;
		if (source->is_over || source->next < source->n)
			continue;
		r = bud_partition_read_back(walk->options.store, &read, on_entries, source);
		if (r < 0)
			return r;
		walk->n_waiting++;
	}
	return 0;
}

int bud_look_back(const struct bud_look_back *look_back)
{
	size_t n = look_back->store->shard->partitions;
	struct walk *walk = bud_alloc_zero(sizeof(*walk) + n * sizeof(walk->sources[0]));
	int r;

	walk->options = *look_back;
	walk->sources_n = n;
	for (size_t i = 0; i < n; i++) {
		walk->sources[i].walk = walk;
		walk->sources[i].before.ms =
			look_back->to_ms > 0 ? (uint64_t)look_back->to_ms : UINT64_MAX;
	}
	r = ask(walk);
	if (r < 0 && walk->n_waiting == 0) {
		free(walk);
		return r;
	}
	walk->err = r;
	return 0;
}

static void take(struct source *source, const struct bud_entry *entries, size_t n)
{
	source->n = 0;
	source->next = 0;
	source->at = 0;
	source->is_over = n == 0;
	bud_buffer_clear(&source->texts);
	for (size_t i = 0; i < n && i < STEP; i++) {
		const struct bud_entry *entry = &entries[i];
		source->items[source->n++] = (struct item){
			entry->id, entry->owner.len, entry->bytes.len, entry->bytes.at != NULL};
		bud_buffer_span(&source->texts, entry->owner);
		bud_buffer_span(&source->texts, entry->bytes);
		source->before = entry->id;
	}
}

/* True when the caller wants more. */
static bool visit(struct walk *walk, struct source *source)
{
	const struct item *item = &source->items[source->next++];
	const char *at = source->texts.at + source->at;
	struct bud_entry entry = {.id = item->id, .owner = {at, item->owner_len}};

	if (item->has_bytes)
		entry.bytes = (struct bud_span){at + item->owner_len, item->bytes_len};
	source->at += item->owner_len + item->bytes_len;
	walk->result.events++;
	walk->result.oldest_ms = (int64_t)item->id.ms;
	walk->bytes += item->owner_len + item->bytes_len;
	return walk->options.visit(walk->options.owner, &entry) &&
	       walk->result.events < walk->options.events_max &&
	       walk->bytes < BUD_LOOK_BACK_BYTES_MAX;
}

/* Sets the source of the newest event; false when one that may have a newer one must be read first.
 */
static bool choose(struct walk *walk, struct source **out_source)
{
	*out_source = NULL;
	for (size_t i = 0; i < walk->sources_n; i++) {
		struct source *source = &walk->sources[i];
		if (source->next == source->n) {
			if (!source->is_over)
				return false;
			continue;
		}
		if (!*out_source || bud_stream_id_compare(&source->items[source->next].id,
					    &(*out_source)->items[(*out_source)->next].id) > 0)
			*out_source = source;
	}
	return true;
}

static void go_on(struct walk *walk)
{
	struct source *source;
	int r;

	while (choose(walk, &source)) {
		walk->result.is_whole = source == NULL;
		if (!source || !visit(walk, source)) {
			finish(walk, 0);
			return;
		}
	}
	r = ask(walk);
	if (r < 0 && walk->n_waiting == 0)
		finish(walk, r);
	else if (r < 0)
		walk->err = r;
}

static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	struct source *source = owner;
	struct walk *walk = source->walk;

	if (err < 0 && walk->err == 0)
		walk->err = err;
	if (err == 0)
		take(source, entries, n);
	if (--walk->n_waiting > 0)
		return;
	if (walk->err < 0)
		finish(walk, walk->err);
	else
		go_on(walk);
}
