/* A find: ask -> on_rows: the ids of those that may be it -> ask for what was stored before … */
#include "read/find.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "event/envelope.h"
#include "store/index.h"

struct search {
	struct bud_store *store;
	struct bud_index_find find; /* its id is in `id` */
	struct bud_buffer id;
	bool is_guid; /* and so of one event alone */
	size_t looked_n;
	uint64_t position; /* of the oldest that was found, or 0 */
	struct bud_envelope envelope;
	bud_find_fn fn;
	void *owner;
};

static int ask(struct search *search);

static void destroy(struct search *search)
{
	bud_buffer_finish(&search->id);
	bud_envelope_finish(&search->envelope);
	free(search);
}

static bool is_guid(struct bud_span id)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < id.len && i < sizeof(form) - 1; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)id.at[i]) : id.at[i] != '-')
			return false;
	return id.len == sizeof(form) - 1;
}

int bud_find(struct bud_store *store, const struct bud_index_key *key, struct bud_span id,
	bud_find_fn fn, void *owner)
{
	struct search *search = bud_new(struct search);
	int r;

	bud_buffer_span(&search->id, id);
	bud_buffer_text(&search->id, "");
	bud_envelope_init(&search->envelope);
	search->store = store;
	search->find = (struct bud_index_find){.key = *key,
		.below = UINT64_MAX,
		.count = BUD_INDEX_ROWS_MAX,
		.id = bud_buffer_as_span(&search->id)};
	search->is_guid = is_guid(id);
	search->fn = fn;
	search->owner = owner;
	r = ask(search);
	if (r < 0)
		destroy(search);
	return r;
}

static void finish(struct search *search, int err)
{
	search->fn(search->owner, err, search->position);
	destroy(search);
}

static bool is_it(struct search *search, const struct bud_entry *entry)
{
	return bud_envelope_scan_stored(&search->envelope, entry->bytes) == 0 &&
	       bud_span_equals(search->envelope.id, search->find.id);
}

static void on_rows(void *owner, int err, const struct bud_index_rows *rows)
{
	struct search *search = owner;

	for (size_t i = 0; err == 0 && i < rows->n; i++)
		if (is_it(search, &rows->rows[i].entry))
			search->position = rows->rows[i].position;
	search->looked_n += BUD_INDEX_ROWS_MAX;
	if (err < 0 || rows->is_end || (search->is_guid && search->position > 0)) {
		finish(search, err);
		return;
	}
	if (search->looked_n >= BUD_FIND_ENTRIES_MAX) {
		finish(search, search->position > 0 ? 0 : -ERANGE);
		return;
	}
	search->find.below = rows->position;
	err = ask(search);
	if (err < 0)
		finish(search, err);
}

static int ask(struct search *search)
{
	return bud_index_find(search->store, &search->find, on_rows, search);
}
