/* Test events. */
#include "store/test_event.h"

#include <errno.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void on_parked(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_member id;
	int err = bud_reply_error(reply);

	if (err == 0 && !bud_member_parse(bud_reply_span(reply), &id))
		err = -EPROTO;
	((bud_test_event_fn)call.fn)(call.owner, err, err < 0 ? NULL : &id);
}

int bud_test_event_park(struct bud_store *store, const struct bud_test_event *event,
	bud_test_event_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_format(args, BUD_KEY_EVENTS_FORMAT, event->partition);
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_text(args, BUD_KEY_REFS);
	bud_args_joined(args, BUD_KEY_PARKED, event->lane);
	bud_args_keys_end(args);
	bud_args_number(args, event->partition);
	bud_args_span(args, event->lane);
	bud_args_span(args, event->owner);
	bud_args_span(args, event->bytes);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_TEST_EVENT, on_parked, call));
}
