/* The name of an event in the store. */
#include "store/member.h"

#include <stdio.h>

void bud_member_write(const struct bud_member *member, char out[BUD_MEMBER_TEXT_BYTES])
{
	snprintf(out, BUD_MEMBER_TEXT_BYTES, "%02u-%llu-%010llu", member->partition,
		(unsigned long long)member->ms, (unsigned long long)member->seq);
}

bool bud_member_parse(struct bud_span text, struct bud_member *out_member)
{
	struct bud_member member;
	uint64_t partition;

	if (text.len < 4 || text.at[2] != '-' ||
		!bud_span_number((struct bud_span){text.at, 2}, 99, &partition) ||
		!bud_stream_id_parse((struct bud_span){text.at + 3, text.len - 3}, &member))
		return false;
	member.partition = (unsigned)partition;
	*out_member = member;
	return true;
}

void bud_stream_id_write(const struct bud_member *member, char out[BUD_MEMBER_TEXT_BYTES])
{
	snprintf(out, BUD_MEMBER_TEXT_BYTES, "%llu-%llu", (unsigned long long)member->ms,
		(unsigned long long)member->seq);
}

bool bud_stream_id_parse(struct bud_span text, struct bud_member *out_member)
{
	const char *dash = text.len > 0 ? memchr(text.at, '-', text.len) : NULL;
	uint64_t ms;
	uint64_t seq;
	size_t ms_len;

	if (!dash)
		return false;
	ms_len = (size_t)(dash - text.at);
	if (!bud_span_number((struct bud_span){text.at, ms_len}, UINT64_MAX, &ms) ||
		!bud_span_number(
			(struct bud_span){dash + 1, text.len - ms_len - 1}, UINT64_MAX, &seq))
		return false;
	out_member->ms = ms;
	out_member->seq = seq;
	return true;
}

int bud_stream_id_compare(const struct bud_member *a, const struct bud_member *b)
{
	if (a->ms != b->ms)
		return a->ms < b->ms ? -1 : 1;
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return 0;
}
