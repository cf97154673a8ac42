/* Notices. */
#include "event/notice.h"

#include "core/clock.h"
#include "core/random.h"

#define ID_BYTES 16

static const char *const types[] = {
	[BUD_NOTICE_DISABLED] = BUD_NOTICE_PREFIX "subscription.disabled.v1",
	[BUD_NOTICE_RECOVERED] = BUD_NOTICE_PREFIX "subscription.recovered.v1",
	[BUD_NOTICE_PAUSED] = BUD_NOTICE_PREFIX "subscription.paused.v1",
	[BUD_NOTICE_RESUMED] = BUD_NOTICE_PREFIX "subscription.resumed.v1",
	[BUD_NOTICE_PENDING] = BUD_NOTICE_PREFIX "subscription.pending.v1",
	[BUD_NOTICE_ACTIVATED] = BUD_NOTICE_PREFIX "subscription.activated.v1",
	[BUD_NOTICE_DEAD] = BUD_NOTICE_PREFIX "delivery.dead.v1",
};

bool bud_notice_is_ours(struct bud_span type)
{
	return bud_span_starts(type, bud_span(BUD_NOTICE_PREFIX));
}

static void write_time(struct bud_buffer *out, const char *name, int64_t wall_ms)
{
	char text[25];

	bud_clock_write(wall_ms, text);
	bud_buffer_member_text(out, name, text);
}

static void write_death(struct bud_buffer *out, const struct bud_notice *notice)
{
	bud_buffer_text(out, ",\"event\":{\"id\":");
	bud_buffer_json(out, notice->event_id);
	bud_buffer_member_span(out, "source", notice->event_source);
	bud_buffer_member_span(out, "type", notice->event_type);
	bud_buffer_format(out, "},\"attempts\":%u", notice->attempts);
	if (notice->status != 0)
		bud_buffer_format(out, ",\"status\":%d", notice->status);
}

void bud_notice_write(const struct bud_notice *notice, struct bud_buffer *out)
{
	char random[2 * ID_BYTES + 1];

	bud_random_hex(random, ID_BYTES);
	bud_buffer_text(out, "{\"specversion\":\"1.0\"");
	bud_buffer_member_text(out, "id", notice->id ? notice->id : random);
	/* Ids of subscriptions have no character that a URI would need to escape. */
	bud_buffer_format(out, ",\"source\":\"/subscriptions/%s\"", notice->subscription);
	bud_buffer_member_text(out, "type", types[notice->kind]);
	bud_buffer_member_text(out, "subject", notice->subscription);
	write_time(out, "time", notice->now_ms);
	bud_buffer_text(
		out, ",\"datacontenttype\":\"application/json\",\"data\":{\"subscription\":");
	bud_buffer_json(out, bud_span(notice->subscription));
	bud_buffer_member_text(out, "owner", notice->owner);
	bud_buffer_member_text(out, "name", notice->name);
	bud_buffer_member_text(out, "reason", notice->reason);
	bud_buffer_member_text(out, "detail", notice->detail);
	if (notice->since_ms > 0)
		write_time(out, "since", notice->since_ms);
	if (notice->kind == BUD_NOTICE_DEAD)
		write_death(out, notice);
	bud_buffer_text(out, "}}");
}
