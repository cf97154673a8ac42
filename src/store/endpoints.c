/* Published endpoints. list: ids -> (each) fields -> row ... -> end. The index may name some that
 * are gone: whoever lists them takes them off. */
#include "store/endpoints.h"

#include <errno.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

#define KEPT_MS (60 * 60 * 1000)
/* Fields: "owner", "sink", and of each node its name behind this. */
#define NODE_PREFIX "n:"

static char *write_hex(char *to, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = digits[(number >> shift) & 15];
	return to;
}

void bud_endpoint_id_write(const struct bud_hash_key *key, struct bud_span owner,
	struct bud_span sink, char out[BUD_ENDPOINT_ID_BYTES])
{
	struct bud_span parts[] = {owner, bud_span_take_until(&sink, '?')};
	struct bud_hash_128 hash = bud_hash_128(key, parts, 2);

	*write_hex(write_hex(out, hash.high), hash.low) = '\0';
}

int bud_endpoint_state_put(struct bud_store *store, const struct bud_endpoint_state *state)
{
	struct bud_args *args = &store->args;
	int r;

	bud_args_text(args, "HSET");
	bud_args_joined(args, BUD_KEY_ENDPOINT, state->id);
	bud_args_text(args, "owner");
	bud_args_span(args, state->owner);
	bud_args_text(args, "sink");
	bud_args_span(args, state->sink);
	bud_args_joined(args, NODE_PREFIX, state->node);
	bud_args_span(args, state->json);
	r = bud_store_send(store, NULL, NULL);
	if (r < 0)
		return r;
	bud_args_text(args, "PEXPIRE");
	bud_args_joined(args, BUD_KEY_ENDPOINT, state->id);
	bud_args_number(args, KEPT_MS);
	r = bud_store_send(store, NULL, NULL);
	if (r < 0)
		return r;
	bud_args_text(args, "ZADD");
	bud_args_text(args, BUD_KEY_ENDPOINTS);
	bud_args_text(args, "0");
	bud_args_span(args, state->id);
	return bud_store_send(store, NULL, NULL);
}

/* One list, until its last row came. */
struct list {
	struct bud_store *store;
	bud_endpoint_rows_fn fn;
	void *owner;
	size_t n_open; /* rows to come, and one for whoever starts them */
	int err;
};

struct row {
	struct list *list;
	char id[BUD_ENDPOINT_ID_BYTES];
};

static void close_one(struct list *list)
{
	if (--list->n_open > 0)
		return;
	list->fn(list->owner, list->err, NULL);
	free(list);
}

static int forget(struct bud_store *store, const char *id)
{
	bud_args_text(&store->args, "ZREM");
	bud_args_text(&store->args, BUD_KEY_ENDPOINTS);
	bud_args_text(&store->args, id);
	return bud_store_send(store, NULL, NULL);
}

static void add_field(struct bud_endpoint_row *row, struct bud_span name, struct bud_span value)
{
	struct bud_span prefix = bud_span(NODE_PREFIX);

	if (bud_span_is(name, "owner"))
		row->owner = value;
	else if (bud_span_is(name, "sink"))
		row->sink = value;
	else if (bud_span_starts(name, prefix) && row->nodes_n < BUD_ENDPOINT_NODES_MAX)
		row->nodes[row->nodes_n++] = (struct bud_endpoint_node){
			{name.at + prefix.len, name.len - prefix.len}, value};
}

static void on_row(void *owner, const redisReply *reply)
{
	struct row row = *(struct row *)owner;
	struct bud_endpoint_row found = {.id = bud_span(row.id)};
	int err = bud_reply_error(reply);

	free(owner);
	for (size_t i = 0; err == 0 && i + 1 < (size_t)reply->elements; i += 2)
		add_field(&found, bud_reply_span(reply->element[i]),
			bud_reply_span(reply->element[i + 1]));
	if (err < 0)
		row.list->err = err;
	else if (found.owner.at)
		row.list->fn(row.list->owner, 0, &found);
	else
		(void)forget(row.list->store, row.id);
	close_one(row.list);
}

static int ask(struct list *list, struct bud_span id)
{
	struct row *row = bud_new(struct row);
	struct bud_args *args = &list->store->args;
	int r;

	row->list = list;
	if (id.len >= sizeof(row->id))
		id.len = sizeof(row->id) - 1;
	memcpy(row->id, id.at, id.len);
	bud_args_text(args, "HGETALL");
	bud_args_joined(args, BUD_KEY_ENDPOINT, id);
	r = bud_store_send(list->store, on_row, row);
	if (r < 0)
		free(row);
	else
		list->n_open++;
	return r;
}

static void on_ids(void *owner, const redisReply *reply)
{
	struct list *list = owner;

	list->err = bud_reply_error(reply);
	for (size_t i = 0; list->err == 0 && i < (size_t)reply->elements; i++)
		list->err = ask(list, bud_reply_span(reply->element[i]));
	close_one(list);
}

static struct list *create(struct bud_store *store, bud_endpoint_rows_fn fn, void *owner)
{
	struct list *list = bud_new(struct list);

	*list = (struct list){.store = store, .fn = fn, .owner = owner};
	return list;
}

int bud_endpoint_states_list(struct bud_store *store, struct bud_span after, size_t limit,
	bud_endpoint_rows_fn fn, void *owner)
{
	struct list *list = create(store, fn, owner);
	struct bud_args *args = &store->args;
	int r;

	bud_args_text(args, "ZRANGE");
	bud_args_text(args, BUD_KEY_ENDPOINTS);
	if (after.len > 0)
		bud_args_joined(args, "(", after);
	else
		bud_args_text(args, "-");
	bud_args_text(args, "+");
	bud_args_text(args, "BYLEX");
	bud_args_text(args, "LIMIT");
	bud_args_text(args, "0");
	bud_args_number(
		args, (int64_t)(limit < BUD_ENDPOINT_PAGE_MAX ? limit : BUD_ENDPOINT_PAGE_MAX));
	r = bud_store_send(store, on_ids, list);
	if (r < 0)
		free(list);
	else
		list->n_open = 1;
	return r;
}

int bud_endpoint_state_get(
	struct bud_store *store, struct bud_span id, bud_endpoint_rows_fn fn, void *owner)
{
	struct list *list = create(store, fn, owner);
	int r = ask(list, id);

	if (r < 0)
		free(list);
	return r;
}
