/* What a lane is called. An ordered lane's key is a keyed hash that is made to say the partition,
 * too: a claim must know whose pending events come before it. */
#include "store/lane_name.h"

#include <stdio.h>

#include "core/hash.h"

#define KEY_DIGITS 16

void bud_lane_ordered_write(const struct bud_shard *shard, struct bud_span subscription,
	struct bud_span order, const struct bud_member *id, char out[BUD_LANE_TEXT_BYTES])
{
	char member[BUD_MEMBER_TEXT_BYTES];
	uint64_t key;

	bud_member_write(id, member);
	key = bud_hash_64(&shard->key, order.len > 0 ? order : bud_span(member));
	key = key - key % shard->partitions;
	if (key > UINT64_MAX - shard->partitions)
		key = 0;
	key += id->partition;
	snprintf(out, BUD_LANE_TEXT_BYTES, "%.*s/%016llx", (int)subscription.len, subscription.at,
		(unsigned long long)key);
}

void bud_lane_replay_write(struct bud_span subscription, char out[BUD_LANE_TEXT_BYTES])
{
	snprintf(out, BUD_LANE_TEXT_BYTES, "%.*s" BUD_LANE_REPLAY, (int)subscription.len,
		subscription.at);
}

struct bud_span bud_lane_subscription(struct bud_span lane)
{
	size_t len = 0;

	while (len < lane.len && lane.at[len] != '/' && lane.at[len] != '~')
		len++;
	return (struct bud_span){lane.at, len};
}

bool bud_lane_is_replay(struct bud_span lane)
{
	size_t len = bud_lane_subscription(lane).len;

	return len < lane.len && lane.at[len] == '~';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bud_lane_partition(
	const struct bud_shard *shard, struct bud_span lane, unsigned *out_partition)
{
	size_t at = bud_lane_subscription(lane).len;
	uint64_t key = 0;

	if (lane.len != at + 1 + KEY_DIGITS || lane.at[at] != '/')
		return false;
	for (at++; at < lane.len; at++) {
		int value = digit(lane.at[at]);
		if (value < 0)
			return false;
		key = key << 4 | (uint64_t)value;
	}
	*out_partition = (unsigned)(key % shard->partitions);
	return true;
}
