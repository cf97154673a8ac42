/* Nodes. */
#include "store/nodes.h"

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void on_nodes(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_node nodes[BUD_NODES_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i + 1 < (size_t)reply->elements && n < BUD_NODES_MAX; i += 2)
		nodes[n++] = (struct bud_node){
			bud_reply_span(reply->element[i]), bud_reply_span(reply->element[i + 1])};
	((bud_nodes_fn)call.fn)(call.owner, err, nodes, n);
}

int bud_node_beat(
	struct bud_store *store, const struct bud_beat *beat, bud_nodes_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_NODES);
	bud_args_keys_end(args);
	bud_args_text(args, beat->node);
	bud_args_text(args, beat->run);
	bud_args_number(args, (int64_t)beat->counter);
	bud_args_text(args, beat->is_first ? "1" : "0");
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_HEARTBEAT, on_nodes, call));
}

int bud_node_forget(struct bud_store *store, struct bud_span id, struct bud_span value,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_NODES);
	for (unsigned i = 0; i < store->shard->partitions; i++)
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, i);
	bud_args_keys_end(args);
	bud_args_span(args, id);
	bud_args_span(args, value);
	bud_args_text(args, BUD_GROUP);
	return bud_store_call_sent(call,
		bud_store_send_script(store, BUD_SCRIPT_FORGET_NODE, bud_store_on_number, call));
}
