/* Kept events. */
#include "store/kept.h"

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* Events are up to 1 MiB each: a reply holds so many or so many bytes, and a few events more. */
#define STEP        64
#define STEP_BYTES  (256u << 10)
#define ENTRIES_MAX 256

/* A kept copy is owner "\n" event. */
static bool read_entry(struct bud_span member, struct bud_span kept, struct bud_entry *out_entry)
{
	const char *end = kept.at ? memchr(kept.at, '\n', kept.len) : NULL;

	*out_entry = (struct bud_entry){.owner = kept};
	if (!end || !bud_member_parse(member, &out_entry->id))
		return false;
	out_entry->owner.len = (size_t)(end - kept.at);
	out_entry->bytes = (struct bud_span){end + 1, kept.len - out_entry->owner.len - 1};
	return true;
}

static void on_page(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_entry entries[ENTRIES_MAX];
	int err = bud_reply_error(reply);
	const redisReply *pairs = err == 0 ? bud_reply_at(reply, 1) : NULL;
	size_t n = 0;

	for (size_t i = 0; pairs && i + 1 < (size_t)pairs->elements && n < ENTRIES_MAX; i += 2)
		if (read_entry(bud_reply_span(pairs->element[i]),
			    bud_reply_span(pairs->element[i + 1]), &entries[n]))
			n++;
	((bud_kept_page_fn)call.fn)(call.owner, err,
		err < 0 ? 0 : (uint64_t)bud_reply_number(bud_reply_at(reply, 0)), entries, n);
}

int bud_kept_scan(struct bud_store *store, uint64_t cursor, bud_kept_page_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_keys_end(args);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_number(args, STEP);
	bud_args_number(args, STEP_BYTES);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_KEPT_SCAN, on_page, call));
}
