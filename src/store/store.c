/* The shard as one thread sees it. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "core/random.h"
#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

void bud_store_init(struct bud_store *store, struct bud_redis *redis, const struct bud_shard *shard)
{
	*store = (struct bud_store){.redis = redis, .shard = shard};
}

void bud_store_detach(struct bud_store *store)
{
	store->redis = NULL;
}

void bud_store_finish(struct bud_store *store)
{
	bud_args_finish(&store->args);
}

bool bud_store_is_up(const struct bud_store *store)
{
	return store->redis && bud_redis_is_up(store->redis);
}

int bud_store_send(struct bud_store *store, bud_redis_fn fn, void *owner)
{
	if (!store->redis) {
		bud_args_clear(&store->args);
		return -ENOTCONN;
	}
	return bud_args_send(&store->args, store->redis, fn, owner);
}

int bud_store_send_script(
	struct bud_store *store, enum bud_script script, bud_redis_fn fn, void *owner)
{
	if (!store->redis) {
		bud_args_clear(&store->args);
		return -ENOTCONN;
	}
	return bud_args_send_script(
		&store->args, store->redis, &bud_store_scripts[script], fn, owner);
}

struct bud_store_call *bud_store_call_create(void (*fn)(void), void *owner)
{
	struct bud_store_call *call = bud_new(struct bud_store_call);

	call->fn = fn;
	call->owner = owner;
	return call;
}

int bud_store_call_sent(struct bud_store_call *call, int r)
{
	if (r < 0)
		free(call);
	return r;
}

struct bud_store_call bud_store_call_take(void *call)
{
	struct bud_store_call copy = *(struct bud_store_call *)call;

	free(call);
	return copy;
}

void bud_store_on_number(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_store_number_fn)call.fn)(call.owner, err, err < 0 ? 0 : bud_reply_number(reply));
}

/* Set-up: one call at a time, so its state is one block with the shard that it fills. */
struct setup {
	bud_store_setup_fn fn;
	void *owner;
	struct bud_shard *shard;
};

static void fill_shard(struct bud_shard *shard, const redisReply *reply)
{
	struct bud_span id = bud_reply_span(bud_reply_at(reply, 1));

	if (id.len >= sizeof(shard->server_id))
		id.len = sizeof(shard->server_id) - 1;
	memcpy(shard->server_id, id.at, id.len);
	shard->server_id[id.len] = '\0';
	bud_hash_key_init(&shard->key, bud_reply_span(bud_reply_at(reply, 2)));
	shard->partitions = BUD_PARTITIONS;
}

static void on_setup(void *owner, const redisReply *reply)
{
	struct setup setup = *(struct setup *)owner;
	int err = bud_reply_error(reply);
	const char *text = "";

	free(owner);
	if (err < 0) {
		text = reply && reply->str ? reply->str : "the connection to Redis was lost";
	} else if (bud_reply_number(bud_reply_at(reply, 0)) > BUD_STORE_FORMAT) {
		err = -EPROTONOSUPPORT;
		text = "the data was written by a newer version: use that version";
	} else if (bud_reply_number(bud_reply_at(reply, 3)) != BUD_PARTITIONS) {
		err = -EPROTONOSUPPORT;
		text = "the data has another number of partitions than this version";
	} else if (bud_reply_number(bud_reply_at(reply, 4)) > 0) {
		err = -ENOENT;
		text = "event streams or their consumer groups are missing: events may be lost; "
		       "restore Redis' data, or recreate the group at the right id by hand";
	} else {
		fill_shard(setup.shard, reply);
	}
	setup.fn(setup.owner, err, text);
}

int bud_store_setup(
	struct bud_store *store, struct bud_shard *out_shard, bud_store_setup_fn fn, void *owner)
{
	struct setup *setup = bud_new(struct setup);
	struct bud_args *args = &store->args;
	char id[33];
	char seed[65];
	int r;

	*setup = (struct setup){fn, owner, out_shard};
	bud_random_hex(id, 16);
	bud_random_hex(seed, 32);
	bud_args_text(args, BUD_KEY_META);
	bud_args_text(args, BUD_KEY_VERSION);
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, i);
	bud_args_keys_end(args);
	bud_args_number(args, BUD_STORE_FORMAT);
	bud_args_text(args, id);
	bud_args_text(args, seed);
	bud_args_text(args, BUD_GROUP);
	r = bud_store_send_script(store, BUD_SCRIPT_SETUP, on_setup, setup);
	if (r < 0)
		free(setup);
	return r;
}

/* A number of INFO's "name:value" lines; 0 when it is not there. */
static uint64_t info_number(struct bud_span info, const char *name)
{
	const char *at = info.at ? strstr(info.at, name) : NULL;

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void on_memory(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);
	struct bud_span info = bud_reply_span(reply);

	((bud_store_memory_fn)call.fn)(call.owner, err,
		err < 0 ? 0 : info_number(info, "\nused_memory:"),
		err < 0 ? 0 : info_number(info, "\nmaxmemory:"));
}

int bud_store_memory(struct bud_store *store, bud_store_memory_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "INFO");
	bud_args_text(&store->args, "memory");
	return bud_store_call_sent(call, bud_store_send(store, on_memory, call));
}

/* {seconds, microseconds} */
static void on_time(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_store_number_fn)call.fn)(call.owner, err,
		bud_reply_number(bud_reply_at(reply, 0)) * 1000 +
			bud_reply_number(bud_reply_at(reply, 1)) / 1000);
}

int bud_store_time(struct bud_store *store, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "TIME");
	return bud_store_call_sent(call, bud_store_send(store, on_time, call));
}

/* Names and values in turn, in no promised order. */
static struct bud_span config_value(const redisReply *reply, const char *name)
{
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < (size_t)reply->elements;
		i += 2)
		if (bud_span_is(bud_reply_span(reply->element[i]), name))
			return bud_reply_span(reply->element[i + 1]);
	return (struct bud_span){NULL, 0};
}

static void on_durability(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);
	const char *durability = "os";

	if (err == 0 && !bud_span_is(config_value(reply, "appendonly"), "yes"))
		durability = "none";
	else if (err == 0 && bud_span_is(config_value(reply, "appendfsync"), "always"))
		durability = "fsync";
	if (err == -EPROTO) {
		durability = "unknown";
		err = 0;
	}
	((bud_store_durability_fn)call.fn)(call.owner, err, durability);
}

int bud_store_durability(struct bud_store *store, bud_store_durability_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "CONFIG");
	bud_args_text(&store->args, "GET");
	bud_args_text(&store->args, "append*");
	return bud_store_call_sent(call, bud_store_send(store, on_durability, call));
}
