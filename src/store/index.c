/* Reading the pull index. */
#include "store/index.h"

#include <assert.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void add_key(struct bud_store *store, const struct bud_index_key *key)
{
	char text[BUD_INDEX_KEY_TEXT_BYTES];

	bud_index_key_write(key, text);
	bud_args_joined(&store->args, text, (struct bud_span){NULL, 0});
}

static void add_streams(struct bud_store *store)
{
	for (unsigned i = 0; i < store->shard->partitions; i++)
		bud_args_format(&store->args, BUD_KEY_EVENTS_FORMAT, i);
}

/* Four elements a row: score, member, owner, event. */
static bool read_row(const redisReply *reply, size_t at, struct bud_index_row *out_row)
{
	out_row->position = (uint64_t)bud_reply_number(bud_reply_at(reply, at));
	out_row->entry.owner = bud_reply_span(bud_reply_at(reply, at + 2));
	out_row->entry.bytes = bud_reply_span(bud_reply_at(reply, at + 3));
	return bud_member_parse(bud_reply_span(bud_reply_at(reply, at + 1)), &out_row->entry.id);
}

static void on_rows(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_index_row rows[BUD_INDEX_ROWS_MAX];
	struct bud_index_rows found = {.rows = rows};
	int err = bud_reply_error(reply);

	if (err < 0) {
		((bud_index_rows_fn)call.fn)(call.owner, err, NULL);
		return;
	}
	found.position = (uint64_t)bud_reply_number(bud_reply_at(reply, 0));
	found.is_end = bud_reply_number(bud_reply_at(reply, 1)) == 1;
	found.gone_n = (size_t)bud_reply_number(bud_reply_at(reply, 2));
	for (size_t at = 3; at + 3 < (size_t)reply->elements && found.n < BUD_INDEX_ROWS_MAX;
		at += 4)
		if (read_row(reply, at, &rows[found.n]))
			found.n++;
	((bud_index_rows_fn)call.fn)(call.owner, 0, &found);
}

int bud_index_read(struct bud_store *store, const struct bud_index_read *read, bud_index_rows_fn fn,
	void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(read->count > 0 && read->count <= BUD_INDEX_ROWS_MAX);
	add_key(store, &read->key);
	bud_args_text(args, BUD_KEY_BY_LAST);
	bud_args_text(args, BUD_KEY_BY_FLOOR);
	add_streams(store);
	bud_args_keys_end(args);
	bud_args_number(args, (int64_t)read->after);
	bud_args_number(args, (int64_t)read->begin);
	bud_args_number(args, (int64_t)read->count);
	bud_args_number(args, (int64_t)read->bytes);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_INDEX_READ, on_rows, call));
}

int bud_index_find(struct bud_store *store, const struct bud_index_find *find, bud_index_rows_fn fn,
	void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(find->count > 0 && find->count <= BUD_INDEX_ROWS_MAX);
	add_key(store, &find->key);
	add_streams(store);
	bud_args_keys_end(args);
	if (find->below == UINT64_MAX)
		bud_args_text(args, "+inf");
	else
		bud_args_number(args, (int64_t)find->below);
	bud_args_number(args, (int64_t)find->count);
	bud_args_span(args, find->id);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_INDEX_FIND, on_rows, call));
}

/* A call with waits in it, which the typed callback needs, too. */
struct news {
	struct bud_index_wait *waits;
	size_t n;
	bud_index_news_fn fn;
	void *owner;
};

static void on_news(void *owner, const redisReply *reply)
{
	struct news news = *(struct news *)owner;
	int err = bud_reply_error(reply);

	free(owner);
	for (size_t i = 0; i < news.n; i++)
		news.waits[i].has_news = false;
	for (size_t i = 1; err == 0 && i < (size_t)reply->elements; i++) {
		size_t place = (size_t)bud_reply_number(reply->element[i]);
		assert(place < news.n);
		news.waits[place].has_news = true;
	}
	news.fn(news.owner, err, err < 0 ? 0 : (uint64_t)bud_reply_number(bud_reply_at(reply, 0)));
}

int bud_index_news(struct bud_store *store, struct bud_index_wait *waits, size_t n, uint64_t last,
	bud_index_news_fn fn, void *owner)
{
	struct news *news = bud_new(struct news);
	int r;

	assert(n > 0 && n <= BUD_INDEX_WAITS_MAX);
	*news = (struct news){waits, n, fn, owner};
	bud_args_text(&store->args, BUD_KEY_BY_LAST);
	for (size_t i = 0; i < n; i++)
		add_key(store, &waits[i].key);
	bud_args_keys_end(&store->args);
	bud_args_number(&store->args, (int64_t)last);
	for (size_t i = 0; i < n; i++)
		bud_args_number(&store->args, (int64_t)waits[i].position);
	r = bud_store_send_script(store, BUD_SCRIPT_INDEX_NEWS, on_news, news);
	if (r < 0)
		free(news);
	return r;
}
