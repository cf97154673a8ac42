/* Postings. Several are in one block, more than a block holds in a list of blocks. A full block is
 * split in halves; but at the end, where serials grow, a new one begins, so blocks filled in order
 * stay full. Blocks that lost their postings are not merged. */
#include "subscription/postings.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "subscription/subscription.h"

#define BLOCK_ROOM 128u

/* The lowest bits of the word of postings; 0: one that does not expire. */
#define WORD_BLOCK   1u
#define WORD_LIST    2u
#define WORD_EXPIRES 3u
#define WORD_BITS    3u

/* The lowest bits of an item, so that a walk need not look at every subscription. */
#define ITEM_SAME    1u /* the filter of the one before it in the block */
#define ITEM_EXPIRES 2u
#define ITEM_BITS    3u

struct bud_postings_item {
	uint64_t serial;
	uintptr_t word;
};

struct bud_postings_block {
	uint32_t n;
	uint32_t room;
	struct bud_postings_item items[];
};

struct list {
	uint32_t n; /* at least 1 */
	uint32_t room;
	struct bud_postings_block *blocks[];
};

/* Where one stands, or would. */
struct place {
	uint32_t block;
	uint32_t item;
};

static const struct bud_subscription *subscription_of(const struct bud_postings_item *item)
{
	return (const struct bud_subscription *)(item->word & ~(uintptr_t)ITEM_BITS);
}

static unsigned kind_of(const struct bud_postings *postings)
{
	return postings->word & WORD_BITS;
}

static const struct bud_subscription *single_of(const struct bud_postings *postings)
{
	bool is_single = kind_of(postings) == 0 || kind_of(postings) == WORD_EXPIRES;
	uintptr_t word = postings->word & ~(uintptr_t)WORD_BITS;

	return is_single ? (const struct bud_subscription *)word : NULL;
}

static void set_single(struct bud_postings *postings, const struct bud_subscription *single)
{
	postings->word = (uintptr_t)single | (single->expires_ms ? WORD_EXPIRES : 0);
}

static struct bud_postings_block *block_of(const struct bud_postings *postings)
{
	return (struct bud_postings_block *)(postings->word & ~(uintptr_t)WORD_BITS);
}

static struct list *list_of(const struct bud_postings *postings)
{
	return (struct list *)(postings->word & ~(uintptr_t)WORD_BITS);
}

static bool is_before(const struct bud_postings_item *item, uint64_t serial, uint32_t slot)
{
	return item->serial != serial ? item->serial < serial : subscription_of(item)->slot < slot;
}

/* The last block whose first posting is before (serial, slot), or the first block. */
static uint32_t find_block(const struct list *list, uint64_t serial, uint32_t slot)
{
	uint32_t low = 0;
	uint32_t high = list->n;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (is_before(&list->blocks[middle]->items[0], serial, slot))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The first item that is not before (serial, slot). */
static uint32_t find_item(const struct bud_postings_block *block, uint64_t serial, uint32_t slot)
{
	uint32_t low = 0;
	uint32_t high = block->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (is_before(&block->items[middle], serial, slot))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct bud_postings_block *block, uint32_t item,
	const struct bud_subscription *subscription)
{
	return item < block->n && block->items[item].serial == subscription->serial &&
	       subscription_of(&block->items[item])->slot == subscription->slot;
}

static struct bud_postings_block *resize(struct bud_postings_block *block, uint32_t room)
{
	block = bud_realloc(block, sizeof(*block) + room * sizeof(block->items[0]));
	block->room = room;
	return block;
}

/* Says anew whether the item has the filter of the one before it. */
static void compare(struct bud_postings_block *block, uint32_t item)
{
	struct bud_postings_item *at = &block->items[item];

	if (item >= block->n)
		return;
	at->word &= ~(uintptr_t)ITEM_SAME;
	if (item > 0 && subscription_of(at)->filter == subscription_of(at - 1)->filter)
		at->word |= ITEM_SAME;
}

/* The block has room or gets some; returns where it is then. */
static struct bud_postings_block *insert(struct bud_postings_block *block, uint32_t item,
	const struct bud_subscription *subscription)
{
	if (block->n == block->room)
		block = resize(block, block->room * 2);
	memmove(&block->items[item + 1], &block->items[item],
		(block->n - item) * sizeof(block->items[0]));
	block->items[item] = (struct bud_postings_item){subscription->serial,
		(uintptr_t)subscription | (subscription->expires_ms ? ITEM_EXPIRES : 0)};
	block->n++;
	compare(block, item);
	compare(block, item + 1);
	return block;
}

static void take_out(struct bud_postings_block *block, uint32_t item)
{
	block->n--;
	memmove(&block->items[item], &block->items[item + 1],
		(block->n - item) * sizeof(block->items[0]));
	compare(block, item);
}

static struct list *insert_block(struct list *list, uint32_t at, struct bud_postings_block *block)
{
	if (list->n == list->room) {
		list->room *= 2;
		list = bud_realloc(list, sizeof(*list) + list->room * sizeof(*list->blocks));
	}
	memmove(&list->blocks[at + 1], &list->blocks[at], (list->n - at) * sizeof(*list->blocks));
	list->blocks[at] = block;
	list->n++;
	return list;
}

/* Makes room in the full block at the place, which then is in one that has some. */
static struct list *split(struct list *list, struct place *place)
{
	struct bud_postings_block *full = list->blocks[place->block];
	bool is_end = place->block + 1 == list->n && place->item == full->n;
	uint32_t kept = is_end ? full->n : full->n / 2;
	struct bud_postings_block *rest = resize(NULL, is_end ? 1 : BLOCK_ROOM);

	rest->n = full->n - kept;
	memcpy(rest->items, &full->items[kept], rest->n * sizeof(rest->items[0]));
	full->n = kept;
	compare(rest, 0);
	list = insert_block(list, place->block + 1, rest);
	if (place->item > kept || is_end) {
		place->block++;
		place->item -= kept;
	}
	return list;
}

static struct list *make_list(struct bud_postings_block *block)
{
	struct list *list = bud_alloc(sizeof(*list) + 2 * sizeof(*list->blocks));

	list->n = 1;
	list->room = 2;
	list->blocks[0] = block;
	return list;
}

static bool add_to_list(struct list **list, const struct bud_subscription *subscription)
{
	struct place place = {.block = find_block(*list, subscription->serial, subscription->slot)};

	place.item =
		find_item((*list)->blocks[place.block], subscription->serial, subscription->slot);
	if (is_at((*list)->blocks[place.block], place.item, subscription) ||
		(place.block + 1 < (*list)->n &&
			is_at((*list)->blocks[place.block + 1], 0, subscription)))
		return false;
	if ((*list)->blocks[place.block]->n == BLOCK_ROOM)
		*list = split(*list, &place);
	(*list)->blocks[place.block] =
		insert((*list)->blocks[place.block], place.item, subscription);
	return true;
}

static bool add_to_block(struct bud_postings *postings, const struct bud_subscription *subscription)
{
	struct bud_postings_block *block = block_of(postings);
	uint32_t item = find_item(block, subscription->serial, subscription->slot);

	if (is_at(block, item, subscription))
		return false;
	if (block->n < BLOCK_ROOM) {
		postings->word = (uintptr_t)insert(block, item, subscription) | WORD_BLOCK;
	} else {
		struct list *list = make_list(block);
		(void)add_to_list(&list, subscription);
		postings->word = (uintptr_t)list | WORD_LIST;
	}
	return true;
}

static bool is_one(const struct bud_subscription *one, const struct bud_subscription *other)
{
	return one->serial == other->serial && one->slot == other->slot;
}

bool bud_postings_add(struct bud_postings *postings, const struct bud_subscription *subscription)
{
	const struct bud_subscription *single = single_of(postings);
	struct bud_postings_block *block;
	struct list *list;
	bool is_added;

	if (postings->word == 0) {
		set_single(postings, subscription);
		return true;
	}
	if (single) {
		if (is_one(single, subscription))
			return false;
		block = resize(NULL, 2);
		block->n = 0;
		postings->word = (uintptr_t)insert(block, 0, single) | WORD_BLOCK;
	}
	if (kind_of(postings) == WORD_BLOCK)
		return add_to_block(postings, subscription);
	list = list_of(postings);
	is_added = add_to_list(&list, subscription);
	postings->word = (uintptr_t)list | WORD_LIST;
	return is_added;
}

static bool remove_from_block(
	struct bud_postings *postings, const struct bud_subscription *subscription)
{
	struct bud_postings_block *block = block_of(postings);
	uint32_t item = find_item(block, subscription->serial, subscription->slot);

	if (!is_at(block, item, subscription))
		return false;
	take_out(block, item);
	if (block->n > 1)
		return true;
	/* A block that was the last of a list may have had one only. */
	postings->word = 0;
	if (block->n > 0)
		set_single(postings, subscription_of(&block->items[0]));
	free(block);
	return true;
}

static void remove_block(struct list *list, uint32_t at)
{
	free(list->blocks[at]);
	list->n--;
	memmove(&list->blocks[at], &list->blocks[at + 1], (list->n - at) * sizeof(*list->blocks));
}

static bool remove_from_list(
	struct bud_postings *postings, const struct bud_subscription *subscription)
{
	struct list *list = list_of(postings);
	struct place place = {.block = find_block(list, subscription->serial, subscription->slot)};
	struct bud_postings_block *block = list->blocks[place.block];

	place.item = find_item(block, subscription->serial, subscription->slot);
	if (place.item == block->n && place.block + 1 < list->n) {
		block = list->blocks[++place.block];
		place.item = 0;
	}
	if (!is_at(block, place.item, subscription))
		return false;
	take_out(block, place.item);
	if (block->n == 0)
		remove_block(list, place.block);
	if (list->n > 1)
		return true;
	postings->word = (uintptr_t)list->blocks[0] | WORD_BLOCK;
	free(list);
	return true;
}

bool bud_postings_remove(struct bud_postings *postings, const struct bud_subscription *subscription)
{
	const struct bud_subscription *single = single_of(postings);

	if (postings->word == 0 || (single && !is_one(single, subscription)))
		return false;
	if (single) {
		postings->word = 0;
		return true;
	}
	if (kind_of(postings) == WORD_BLOCK)
		return remove_from_block(postings, subscription);
	return remove_from_list(postings, subscription);
}

void bud_postings_finish(struct bud_postings *postings)
{
	if (kind_of(postings) == WORD_LIST) {
		struct list *list = list_of(postings);
		for (uint32_t i = 0; i < list->n; i++)
			free(list->blocks[i]);
		free(list);
	} else if (kind_of(postings) == WORD_BLOCK) {
		free(block_of(postings));
	}
	postings->word = 0;
}

void bud_postings_prefetch(const struct bud_postings *postings)
{
	__builtin_prefetch(block_of(postings));
}

/* What comes after the next one, and what the next one wants; unless it will not be looked at. */
static void prefetch_ahead(const struct bud_postings_cursor *cursor)
{
	const struct bud_postings_item *next = cursor->next;

	if (next + 1 < cursor->end && !(next[1].word & ITEM_SAME))
		__builtin_prefetch(subscription_of(next + 1));
	if (next < cursor->end && !(next->word & ITEM_SAME))
		__builtin_prefetch(subscription_of(next)->filter);
}

static void take_item(struct bud_postings_cursor *cursor)
{
	const struct bud_postings_item *item = cursor->next++;

	cursor->subscription = subscription_of(item);
	cursor->serial = item->serial;
	cursor->is_same = item->word & ITEM_SAME;
	cursor->may_expire = item->word & ITEM_EXPIRES;
	prefetch_ahead(cursor);
}

void bud_postings_advance(struct bud_postings_cursor *cursor)
{
	while (cursor->next == cursor->end) {
		if (cursor->blocks == cursor->blocks_end) {
			cursor->subscription = NULL;
			return;
		}
		cursor->next = (*cursor->blocks)->items;
		cursor->end = cursor->next + (*cursor->blocks)->n;
		cursor->blocks++;
	}
	take_item(cursor);
}

static struct bud_postings_cursor seek_single(
	const struct bud_postings *postings, uint64_t after_serial)
{
	const struct bud_subscription *single = single_of(postings);
	struct bud_postings_cursor cursor = {0};

	if (!single || single->serial <= after_serial)
		return cursor;
	cursor.subscription = single;
	cursor.serial = single->serial;
	cursor.may_expire = kind_of(postings) == WORD_EXPIRES;
	return cursor;
}

struct bud_postings_cursor bud_postings_seek(
	const struct bud_postings *postings, uint64_t after_serial)
{
	struct bud_postings_cursor cursor = {0};
	struct bud_postings_block *block;

	if (kind_of(postings) != WORD_BLOCK && kind_of(postings) != WORD_LIST)
		return seek_single(postings, after_serial);
	if (kind_of(postings) == WORD_LIST) {
		struct list *list = list_of(postings);
		uint32_t at = after_serial > 0 ? find_block(list, after_serial, UINT32_MAX) : 0;
		block = list->blocks[at];
		cursor.blocks = &list->blocks[at + 1];
		cursor.blocks_end = &list->blocks[list->n];
	} else {
		block = block_of(postings);
	}
	/* No slot is that large, and no serial is 0. */
	cursor.next = block->items;
	if (after_serial > 0)
		cursor.next += find_item(block, after_serial, UINT32_MAX);
	cursor.end = &block->items[block->n];
	bud_postings_advance(&cursor);
	cursor.is_same = false;
	return cursor;
}
