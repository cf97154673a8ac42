/* The registry: writing records and getting single ones. Following it is in registry_follow.c. */
#include "store/registry.h"

#include <assert.h>
#include <errno.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* Cuts the text up to `end` off `rest`; false when there is no `end`. */
static bool cut(struct bud_span *rest, char end, struct bud_span *out_part)
{
	const char *at = memchr(rest->at, end, rest->len);

	if (!at)
		return false;
	*out_part = (struct bud_span){rest->at, (size_t)(at - rest->at)};
	rest->len -= out_part->len + 1;
	rest->at = at + 1;
	return true;
}

bool bud_registry_value_parse(struct bud_span text, struct bud_registry_value *out_value)
{
	struct bud_registry_value value;
	struct bud_span serial;

	if (!text.at || !cut(&text, ' ', &serial) || !cut(&text, ' ', &value.etag) ||
		!cut(&text, '\n', &value.fingerprint) ||
		!bud_span_number(serial, INT64_MAX, &value.serial))
		return false;
	if (!cut(&text, '\n', &value.record)) {
		value.record = text;
		text = (struct bud_span){NULL, 0};
	}
	value.status = text;
	*out_value = value;
	return true;
}

static bool read_put(const redisReply *reply, struct bud_put_result *out)
{
	struct bud_span word = bud_reply_span(bud_reply_at(reply, 0));

	*out = (struct bud_put_result){0};
	if (bud_span_is(word, "ok")) {
		out->outcome = BUD_PUT_OK;
		out->serial = (uint64_t)bud_reply_number(bud_reply_at(reply, 1));
		return bud_stream_id_parse(bud_reply_span(bud_reply_at(reply, 2)), &out->version);
	}
	if (bud_span_is(word, "same")) {
		out->outcome = BUD_PUT_SAME;
		out->id = bud_reply_span(bud_reply_at(reply, 1));
		return bud_registry_value_parse(
			bud_reply_span(bud_reply_at(reply, 2)), &out->value);
	}
	if (bud_span_is(word, "changed")) {
		out->outcome = BUD_PUT_CHANGED;
		return bud_registry_value_parse(
			bud_reply_span(bud_reply_at(reply, 1)), &out->value);
	}
	if (bud_span_is(word, "full")) {
		out->outcome = BUD_PUT_FULL;
		out->used = bud_reply_number(bud_reply_at(reply, 1));
		return true;
	}
	out->outcome = bud_span_is(word, "exists") ? BUD_PUT_EXISTS : BUD_PUT_MISSING;
	return true;
}

static void on_put(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_put_result result;
	int err = bud_reply_error(reply);

	if (err == 0 && !read_put(reply, &result))
		err = -EPROTO;
	((bud_put_fn)call.fn)(call.owner, err, err < 0 ? NULL : &result);
}

static void add_note_key(struct bud_args *args, const struct bud_note *note)
{
	if (note)
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, note->partition);
}

static void add_note(struct bud_args *args, const struct bud_note *note)
{
	if (!note)
		return;
	bud_args_span(args, note->owner);
	bud_args_span(args, note->bytes);
}

int bud_registry_put(struct bud_store *store, const struct bud_put *put, bud_put_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(put->record.len > 0);
	bud_args_text(args, BUD_KEY_RECORDS);
	bud_args_text(args, BUD_KEY_CHANGES);
	bud_args_text(args, BUD_KEY_VERSION);
	bud_args_text(args, BUD_KEY_SERIAL);
	bud_args_text(args, BUD_KEY_FINGERPRINTS);
	bud_args_text(args, BUD_KEY_REPLAYS);
	bud_args_text(args, BUD_KEY_COUNTS);
	add_note_key(args, put->note);
	bud_args_keys_end(args);
	bud_args_text(args, put->id);
	bud_args_text(args, put->if_etag);
	bud_args_text(args, put->etag);
	bud_args_text(args, put->fingerprint);
	bud_args_span(args, put->record);
	if (put->status.at && put->was_status.at)
		bud_args_joined(args, "=", put->was_status);
	else
		bud_args_text(args, put->status.at ? "1" : "0");
	bud_args_span(args, put->status);
	bud_args_span(args, put->replay);
	bud_args_text(args, put->owner ? put->owner : "");
	bud_args_number(args, put->owner_max);
	add_note(args, put->note);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_REGISTRY_PUT, on_put, call));
}

int bud_registry_drop(
	struct bud_store *store, const struct bud_drop *drop, bud_put_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_RECORDS);
	bud_args_text(args, BUD_KEY_CHANGES);
	bud_args_text(args, BUD_KEY_VERSION);
	bud_args_text(args, BUD_KEY_FINGERPRINTS);
	bud_args_text(args, BUD_KEY_REPLAYS);
	bud_args_text(args, BUD_KEY_COUNTS);
	bud_args_keys_end(args);
	bud_args_text(args, drop->id);
	bud_args_text(args, drop->if_etag);
	bud_args_text(args, drop->etag);
	bud_args_text(args, drop->owner ? drop->owner : "");
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_REGISTRY_DROP, on_put, call));
}

int bud_registry_put_status(
	struct bud_store *store, const struct bud_status_put *put, bud_put_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_RECORDS);
	bud_args_text(args, BUD_KEY_CHANGES);
	bud_args_text(args, BUD_KEY_VERSION);
	add_note_key(args, put->note);
	bud_args_keys_end(args);
	bud_args_text(args, put->id);
	bud_args_span(args, put->expected);
	bud_args_span(args, put->status);
	bud_args_text(args, put->etag);
	add_note(args, put->note);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_REGISTRY_STATUS, on_put, call));
}

int bud_registry_seal(struct bud_store *store, const char *id, const struct bud_span records[2],
	bud_put_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_RECORDS);
	bud_args_text(args, BUD_KEY_CHANGES);
	bud_args_text(args, BUD_KEY_VERSION);
	bud_args_keys_end(args);
	bud_args_text(args, id);
	bud_args_span(args, records[0]);
	bud_args_span(args, records[1]);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_REGISTRY_SEAL, on_put, call));
}

int bud_registry_count(
	struct bud_store *store, struct bud_span of, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HGET");
	bud_args_text(&store->args, BUD_KEY_COUNTS);
	bud_args_span(&store->args, of);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

static void on_record(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_registry_value value;
	int err = bud_reply_error(reply);
	bool is_there = err == 0 && reply->type == REDIS_REPLY_STRING;

	if (is_there && !bud_registry_value_parse(bud_reply_span(reply), &value))
		err = -EPROTO;
	((bud_registry_get_fn)call.fn)(call.owner, err, is_there && err == 0 ? &value : NULL);
}

int bud_registry_get(struct bud_store *store, const char *id, bud_registry_get_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HGET");
	bud_args_text(&store->args, BUD_KEY_RECORDS);
	bud_args_text(&store->args, id);
	return bud_store_call_sent(call, bud_store_send(store, on_record, call));
}

static void on_version(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_member version = {0};
	int err = bud_reply_error(reply);

	if (err == 0 && reply->type == REDIS_REPLY_NIL)
		err = -ENOENT;
	else if (err == 0 && !bud_stream_id_parse(bud_reply_span(reply), &version))
		err = -EPROTO;
	((bud_version_fn)call.fn)(call.owner, err, version);
}

int bud_registry_version(struct bud_store *store, bud_version_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "GET");
	bud_args_text(&store->args, BUD_KEY_VERSION);
	return bud_store_call_sent(call, bud_store_send(store, on_version, call));
}
