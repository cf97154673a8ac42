/* A partition. */
#include "store/partition.h"

#include <assert.h>

#include "store/keys.h"
#include "store/nodes.h"
#include "store/reply.h"
#include "store/scripts.h"

static void add_key(struct bud_store *store, unsigned partition)
{
	bud_args_format(&store->args, BUD_KEY_EVENTS_FORMAT, partition);
}

/* The N of "…p<N>:events". */
static unsigned partition_of_key(struct bud_span key)
{
	size_t skip = sizeof(BUD_KEY "p") - 1;
	unsigned partition = 0;

	for (size_t i = skip; i < key.len && key.at[i] >= '0' && key.at[i] <= '9'; i++)
		partition = partition * 10 + (unsigned)(key.at[i] - '0');
	return partition;
}

/* An entry is {id, {"o", owner, "e", event}}; the fields are nil when it was trimmed. */
static bool read_entry(const redisReply *reply, unsigned partition, struct bud_entry *out_entry)
{
	const redisReply *fields = bud_reply_at(reply, 1);

	*out_entry = (struct bud_entry){.id.partition = partition};
	if (!bud_reply_at(reply, 0) ||
		!bud_stream_id_parse(bud_reply_span(bud_reply_at(reply, 0)), &out_entry->id))
		return false;
	if (fields && fields->type == REDIS_REPLY_ARRAY && fields->elements >= 4) {
		out_entry->owner = bud_reply_span(fields->element[1]);
		out_entry->bytes = bud_reply_span(fields->element[3]);
	}
	return true;
}

static size_t read_entries(const redisReply *reply, unsigned partition, struct bud_entry *entries,
	size_t n, size_t max)
{
	for (size_t i = 0; reply && i < (size_t)reply->elements && n < max; i++)
		if (read_entry(reply->element[i], partition, &entries[n]))
			n++;
	return n;
}

static void on_read(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	bud_entries_fn fn = (bud_entries_fn)call.fn;
	struct bud_entry entries[BUD_READ_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i < (size_t)reply->elements; i++) {
		const redisReply *stream = reply->element[i];
		unsigned partition = partition_of_key(bud_reply_span(bud_reply_at(stream, 0)));
		n = read_entries(bud_reply_at(stream, 1), partition, entries, n, BUD_READ_MAX);
	}
	fn(call.owner, err, entries, n);
}

int bud_partition_read(
	struct bud_store *store, const struct bud_read *read, bud_entries_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;
	unsigned n = 0;

	bud_args_text(args, "XREADGROUP");
	bud_args_text(args, "GROUP");
	bud_args_text(args, BUD_GROUP);
	bud_args_text(args, read->consumer);
	bud_args_text(args, "COUNT");
	bud_args_number(args, read->count);
	bud_args_text(args, "BLOCK");
	bud_args_number(args, read->block_ms);
	bud_args_text(args, "STREAMS");
	for (unsigned i = read->first; i < store->shard->partitions; i += read->step, n++)
		add_key(store, i);
	for (unsigned i = 0; i < n; i++)
		bud_args_text(args, ">");
	assert(n > 0 && (size_t)n * read->count <= BUD_READ_MAX);
	return bud_store_call_sent(call, bud_store_send(store, on_read, call));
}

static void on_pending(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	bud_pendings_fn fn = (bud_pendings_fn)call.fn;
	struct bud_pending pending[BUD_READ_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i < (size_t)reply->elements && n < BUD_READ_MAX; i++) {
		const redisReply *row = reply->element[i];
		pending[n].id.partition = call.partition;
		pending[n].deliveries = (unsigned)bud_reply_number(bud_reply_at(row, 3));
		if (bud_stream_id_parse(bud_reply_span(bud_reply_at(row, 0)), &pending[n].id))
			n++;
	}
	fn(call.owner, err, pending, n);
}

int bud_partition_pending(struct bud_store *store, unsigned partition, const char *consumer,
	const struct bud_member *after, bud_pendings_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	call->partition = partition;
	bud_args_text(args, "XPENDING");
	add_key(store, partition);
	bud_args_text(args, BUD_GROUP);
	if (after)
		bud_args_format(args, "(%llu-%llu", (unsigned long long)after->ms,
			(unsigned long long)after->seq);
	else
		bud_args_text(args, "-");
	bud_args_text(args, "+");
	bud_args_number(args, BUD_READ_MAX);
	bud_args_text(args, consumer);
	return bud_store_call_sent(call, bud_store_send(store, on_pending, call));
}

static void on_taken(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_entry entries[BUD_READ_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	if (err == 0)
		n = read_entries(reply, call.partition, entries, 0, BUD_READ_MAX);
	((bud_entries_fn)call.fn)(call.owner, err, entries, n);
}

static void add_ids(struct bud_store *store, const struct bud_member *ids, size_t n)
{
	assert(n > 0);
	for (size_t i = 0; i < n; i++)
		bud_args_format(&store->args, "%llu-%llu", (unsigned long long)ids[i].ms,
			(unsigned long long)ids[i].seq);
}

int bud_partition_take(struct bud_store *store, const char *consumer, const struct bud_member *ids,
	size_t n, bud_entries_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	call->partition = ids[0].partition;
	bud_args_text(&store->args, "XCLAIM");
	add_key(store, ids[0].partition);
	bud_args_text(&store->args, BUD_GROUP);
	bud_args_text(&store->args, consumer);
	bud_args_text(&store->args, "0");
	add_ids(store, ids, n);
	return bud_store_call_sent(call, bud_store_send(store, on_taken, call));
}

int bud_partition_ack(struct bud_store *store, const struct bud_member *ids, size_t n,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "XACK");
	add_key(store, ids[0].partition);
	bud_args_text(&store->args, BUD_GROUP);
	add_ids(store, ids, n);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

static void add_bound(struct bud_store *store, const struct bud_member *after, int64_t ms)
{
	if (after)
		bud_args_format(&store->args, "(%llu-%llu", (unsigned long long)after->ms,
			(unsigned long long)after->seq);
	else
		bud_args_number(&store->args, ms);
}

int bud_partition_range(struct bud_store *store, const struct bud_partition_range *range,
	bud_entries_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	assert(range->limit > 0 && range->limit <= BUD_READ_MAX);
	call->partition = range->partition;
	bud_args_text(&store->args, range->is_reverse ? "XREVRANGE" : "XRANGE");
	add_key(store, range->partition);
	add_bound(store, range->after, range->is_reverse ? range->to_ms : range->from_ms);
	bud_args_number(&store->args, range->is_reverse ? range->from_ms : range->to_ms);
	bud_args_text(&store->args, "COUNT");
	bud_args_number(&store->args, (int64_t)range->limit);
	return bud_store_call_sent(call, bud_store_send(store, on_taken, call));
}

static void on_exists(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_store_number_fn)call.fn)(call.owner, err, err < 0 ? 0 : (int64_t)reply->elements);
}

int bud_partition_exists(
	struct bud_store *store, const struct bud_member *id, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "XRANGE");
	add_key(store, id->partition);
	add_ids(store, id, 1);
	add_ids(store, id, 1);
	return bud_store_call_sent(call, bud_store_send(store, on_exists, call));
}

static void on_taken_over(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_take_over_fn)call.fn)(call.owner, err,
		(size_t)bud_reply_number(bud_reply_at(reply, 0)),
		(size_t)bud_reply_number(bud_reply_at(reply, 1)));
}

int bud_partition_take_over(struct bud_store *store, unsigned partition, const char *dead,
	const char *heir, bud_take_over_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	add_key(store, partition);
	bud_args_keys_end(&store->args);
	bud_args_text(&store->args, BUD_GROUP);
	bud_args_text(&store->args, dead);
	bud_args_text(&store->args, heir);
	bud_args_number(&store->args, BUD_READ_MAX);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_TAKE_OVER, on_taken_over, call));
}

int bud_partition_trim(struct bud_store *store, unsigned partition, int64_t cutoff_ms,
	unsigned most, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	add_key(store, partition);
	bud_args_keys_end(&store->args);
	bud_args_format(&store->args, "%lld-0", (long long)cutoff_ms);
	bud_args_number(&store->args, most);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_TRIM, bud_store_on_number, call));
}

static void on_pending_count(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);

	((bud_store_number_fn)call.fn)(
		call.owner, bud_reply_error(reply), bud_reply_number(bud_reply_at(reply, 0)));
}

int bud_partition_pending_count(
	struct bud_store *store, unsigned partition, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "XPENDING");
	add_key(store, partition);
	bud_args_text(&store->args, BUD_GROUP);
	return bud_store_call_sent(call, bud_store_send(store, on_pending_count, call));
}

/* The summary's fourth element: a row {name, count} per consumer; nil when nothing is pending. */
static void on_consumers(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	const redisReply *rows = bud_reply_at(reply, 3);
	struct bud_span names[BUD_NODES_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (; rows && n < (size_t)rows->elements && n < BUD_NODES_MAX; n++)
		names[n] = bud_reply_span(bud_reply_at(rows->element[n], 0));
	((bud_names_fn)call.fn)(call.owner, err, names, n);
}

int bud_partition_consumers(
	struct bud_store *store, unsigned partition, bud_names_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "XPENDING");
	add_key(store, partition);
	bud_args_text(&store->args, BUD_GROUP);
	return bud_store_call_sent(call, bud_store_send(store, on_consumers, call));
}

static void on_cursors(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	uint64_t serials[BUD_READ_MAX] = {0};
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (; err == 0 && n < (size_t)reply->elements && n < BUD_READ_MAX; n++)
		serials[n] = (uint64_t)bud_reply_number(reply->element[n]);
	((bud_cursors_fn)call.fn)(call.owner, err, serials, n);
}

int bud_partition_cursors(struct bud_store *store, const struct bud_member *ids, size_t n,
	bud_cursors_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	char text[BUD_MEMBER_TEXT_BYTES];

	bud_args_text(&store->args, "HMGET");
	bud_args_text(&store->args, BUD_KEY_CURSORS);
	for (size_t i = 0; i < n; i++) {
		bud_member_write(&ids[i], text);
		bud_args_joined(&store->args, text, (struct bud_span){NULL, 0});
	}
	return bud_store_call_sent(call, bud_store_send(store, on_cursors, call));
}

int bud_partition_read_back(
	struct bud_store *store, const struct bud_read_back *read, bud_entries_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(read->count > 0 && read->count <= BUD_READ_MAX);
	call->partition = read->partition;
	add_key(store, read->partition);
	bud_args_keys_end(args);
	if (read->before.ms == UINT64_MAX)
		bud_args_text(args, "+");
	else
		bud_args_format(args, "(%llu-%llu", (unsigned long long)read->before.ms,
			(unsigned long long)read->before.seq);
	bud_args_number(args, read->from_ms);
	bud_args_number(args, (int64_t)read->count);
	bud_args_number(args, (int64_t)read->bytes);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_READ_BACK, on_taken, call));
}

static void on_is_pending(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_store_number_fn)call.fn)(call.owner, err, err == 0 && reply->elements > 0);
}

int bud_partition_is_pending(
	struct bud_store *store, const struct bud_member *id, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "XPENDING");
	add_key(store, id->partition);
	bud_args_text(args, BUD_GROUP);
	add_ids(store, id, 1);
	add_ids(store, id, 1);
	bud_args_text(args, "1");
	return bud_store_call_sent(call, bud_store_send(store, on_is_pending, call));
}
