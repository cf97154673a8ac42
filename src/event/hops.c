/* Hops. The count is written into the event, and not beside it, so that it survives whatever the
 * event survives. */
#include "event/hops.h"

#include <errno.h>

#include "core/limits.h"
#include "event/envelope.h"

#define NUMBER_MAX 1000000

int bud_hops_parse(struct bud_span value, unsigned *out_hops, struct bud_error *error)
{
	uint64_t hops;

	if (!bud_span_number(value, NUMBER_MAX, &hops))
		return bud_error_set(error, BUD_HOPS_HEADER,
			BUD_HOPS_HEADER
			" must be a number; it is this server's own header: leave it "
			"out, or pass it on as it came");
	if (hops > BUD_HOPS_MAX) {
		(void)bud_error_set(error, BUD_HOPS_HEADER,
			"the event was delivered and published again %u times, so it goes round in "
			"circles; a subscription's receiver leads back here",
			(unsigned)hops);
		return -ELOOP;
	}
	*out_hops = (unsigned)hops;
	return 0;
}

unsigned bud_hops_of(struct bud_span value)
{
	uint64_t hops;

	return value.at && bud_span_number(value, BUD_HOPS_MAX, &hops) ? (unsigned)hops : 0;
}

static bool is_inside(struct bud_span part, struct bud_span whole)
{
	return (uintptr_t)part.at >= (uintptr_t)whole.at &&
	       (uintptr_t)part.at < (uintptr_t)whole.at + whole.len;
}

int bud_hops_write(const struct bud_envelope *envelope, unsigned hops, struct bud_buffer *out,
	struct bud_error *error)
{
	const struct bud_attribute *old = bud_envelope_find(envelope, bud_span(BUD_HOPS_ATTRIBUTE));
	struct bud_span json = envelope->json;
	const char *rest = json.at + 1;

	if (old && bud_hops_of(old->value) >= hops) {
		bud_buffer_span(out, json);
		return 0;
	}
	if (old ? !is_inside(old->value, json) : envelope->attributes_n == BUD_ATTRIBUTES_MAX)
		return bud_attribute_fault(error, bud_span(BUD_HOPS_ATTRIBUTE),
			"is this server's own: it counts how often an event came in again, and "
			"there must be room for it");
	if (old) {
		bud_buffer_add(out, json.at, (size_t)(old->value.at - json.at));
		bud_buffer_format(out, "%u", hops);
		rest = old->value.at + old->value.len;
	} else {
		bud_buffer_format(out, "{\"" BUD_HOPS_ATTRIBUTE "\":%u,", hops);
	}
	bud_buffer_add(out, rest, (size_t)(json.at + json.len - rest));
	return 0;
}

const char *bud_hops_line(unsigned hops)
{
	static const char *const lines[BUD_HOPS_MAX + 1] = {BUD_HOPS_HEADER ": 1",
		BUD_HOPS_HEADER ": 2", BUD_HOPS_HEADER ": 3", BUD_HOPS_HEADER ": 4"};

	return lines[hops < BUD_HOPS_MAX ? hops : BUD_HOPS_MAX];
}
