/* The registry: loading all records and following changes. */
#include "store/registry_follow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

int bud_registry_size(struct bud_store *store, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HLEN");
	bud_args_text(&store->args, BUD_KEY_RECORDS);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

/* Names and values in turn, as HSCAN gives them. A page may hold more than was asked for. */
static void on_page(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	const redisReply *pairs = bud_reply_at(reply, 1);
	struct bud_registry_record *records = NULL;
	int err = bud_reply_error(reply);
	size_t n = 0;

	if (err == 0 && pairs)
		records = bud_alloc((size_t)pairs->elements * sizeof(*records) + 1);
	for (size_t i = 0; records && i + 1 < (size_t)pairs->elements; i += 2) {
		records[n].id = bud_reply_span(pairs->element[i]);
		if (bud_registry_value_parse(
			    bud_reply_span(pairs->element[i + 1]), &records[n].value))
			n++;
		else
			err = -EPROTO;
	}
	((bud_registry_page_fn)call.fn)(
		call.owner, err, (uint64_t)bud_reply_number(bud_reply_at(reply, 0)), records, n);
	free(records);
}

int bud_registry_scan(
	struct bud_store *store, uint64_t cursor, bud_registry_page_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "HSCAN");
	bud_args_text(args, BUD_KEY_RECORDS);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_text(args, "COUNT");
	bud_args_text(args, "500");
	return bud_store_call_sent(call, bud_store_send(store, on_page, call));
}

/* {id, {"id", subscription, "before", version}} */
static bool read_change(const redisReply *reply, struct bud_registry_change *out_change)
{
	const redisReply *fields = bud_reply_at(reply, 1);

	*out_change = (struct bud_registry_change){.id = bud_reply_span(bud_reply_at(fields, 1))};
	return bud_stream_id_parse(bud_reply_span(bud_reply_at(reply, 0)), &out_change->version) &&
	       bud_stream_id_parse(bud_reply_span(bud_reply_at(fields, 3)), &out_change->before);
}

static void on_changes(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_registry_change changes[BUD_CHANGES_MAX];
	const redisReply *rows = bud_reply_at(bud_reply_at(reply, 0), 1);
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && rows && i < (size_t)rows->elements && n < BUD_CHANGES_MAX;
		i++) {
		if (!read_change(rows->element[i], &changes[n++]))
			err = -EPROTO;
	}
	((bud_changes_fn)call.fn)(call.owner, err, changes, n);
}

int bud_registry_follow(struct bud_store *store, const struct bud_member *version,
	unsigned block_ms, bud_changes_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "XREAD");
	bud_args_text(args, "COUNT");
	bud_args_number(args, BUD_CHANGES_MAX);
	bud_args_text(args, "BLOCK");
	bud_args_number(args, block_ms);
	bud_args_text(args, "STREAMS");
	bud_args_text(args, BUD_KEY_CHANGES);
	bud_args_format(args, "%llu-%llu", (unsigned long long)version->ms,
		(unsigned long long)version->seq);
	return bud_store_call_sent(call, bud_store_send(store, on_changes, call));
}

/* HMGET answers in the order of the ids, which we keep as a copy. */
struct many {
	bud_registry_page_fn fn;
	void *owner;
	struct bud_buffer text;
	size_t n;
	size_t lens[BUD_CHANGES_MAX];
};

static void on_many(void *owner, const redisReply *reply)
{
	struct many *many = owner;
	struct bud_registry_record records[BUD_CHANGES_MAX];
	const char *id = many->text.at;
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i < many->n; i++) {
		struct bud_span value = bud_reply_span(bud_reply_at(reply, i));
		records[n].id = (struct bud_span){id, many->lens[i]};
		id += many->lens[i];
		if (bud_registry_value_parse(value, &records[n].value))
			n++;
		else if (value.at)
			err = -EPROTO;
	}
	many->fn(many->owner, err, 0, records, n);
	bud_buffer_finish(&many->text);
	free(many);
}

int bud_registry_get_many(struct bud_store *store, const struct bud_span *ids, size_t n,
	bud_registry_page_fn fn, void *owner)
{
	struct many *many = bud_new(struct many);
	int r;

	assert(n > 0 && n <= BUD_CHANGES_MAX);
	many->fn = fn;
	many->owner = owner;
	many->n = n;
	bud_args_text(&store->args, "HMGET");
	bud_args_text(&store->args, BUD_KEY_RECORDS);
	for (size_t i = 0; i < n; i++) {
		many->lens[i] = ids[i].len;
		bud_buffer_span(&many->text, ids[i]);
		bud_args_span(&store->args, ids[i]);
	}
	r = bud_store_send(store, on_many, many);
	if (r < 0) {
		bud_buffer_finish(&many->text);
		free(many);
	}
	return r;
}
