/* Postings. A full block is split in halves; but at the end, where serials grow, a new one begins,
 * so blocks filled in order stay full. Blocks that lost their postings are not merged. */
#include "subscription/postings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "subscription/subscription.h"

#define BLOCK_ROOM 128u

struct item {
	uint64_t serial; /* here, too, so that a search stays within the block */
	const struct bud_subscription *subscription;
};

struct bud_postings_block {
	uint32_t n;
	uint32_t room;
	struct item items[];
};

static bool is_before(const struct item *item, uint64_t serial, uint32_t slot)
{
	return item->serial != serial ? item->serial < serial : item->subscription->slot < slot;
}

/* The last block whose first posting is before (serial, slot), or the first block. */
static uint32_t find_block(const struct bud_postings *postings, uint64_t serial, uint32_t slot)
{
	uint32_t low = 0;
	uint32_t high = postings->n_blocks;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (is_before(&postings->blocks[middle]->items[0], serial, slot))
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

/* The first posting that is not before (serial, slot). */
static struct bud_postings_cursor find(
	const struct bud_postings *postings, uint64_t serial, uint32_t slot)
{
	struct bud_postings_cursor cursor = {.postings = postings};

	if (postings->n_blocks == 0)
		return cursor;
	cursor.block = find_block(postings, serial, slot);
	cursor.item = find_item(postings->blocks[cursor.block], serial, slot);
	return cursor;
}

static struct bud_postings_block *resize(struct bud_postings_block *block, uint32_t room)
{
	block = bud_realloc(block, sizeof(*block) + room * sizeof(struct item));
	block->room = room;
	return block;
}

static void insert_block(struct bud_postings *postings, uint32_t at)
{
	struct bud_postings_block *block = resize(NULL, 1);

	block->n = 0;
	if (postings->n_blocks == postings->room) {
		postings->room = postings->room ? postings->room * 2 : 1;
		postings->blocks =
			bud_realloc(postings->blocks, postings->room * sizeof(*postings->blocks));
	}
	memmove(&postings->blocks[at + 1], &postings->blocks[at],
		(postings->n_blocks - at) * sizeof(*postings->blocks));
	postings->blocks[at] = block;
	postings->n_blocks++;
}

/* Makes room in the full block at the cursor, which then stands in one that has some. */
static void split(struct bud_postings *postings, struct bud_postings_cursor *cursor)
{
	struct bud_postings_block *full = postings->blocks[cursor->block];
	bool is_end = cursor->block + 1 == postings->n_blocks && cursor->item == full->n;
	uint32_t kept = is_end ? full->n : full->n / 2;
	struct bud_postings_block *rest;

	insert_block(postings, cursor->block + 1);
	rest = resize(postings->blocks[cursor->block + 1], is_end ? 1 : BLOCK_ROOM);
	postings->blocks[cursor->block + 1] = rest;
	rest->n = full->n - kept;
	memcpy(rest->items, &full->items[kept], rest->n * sizeof(struct item));
	full->n = kept;
	if (cursor->item > kept || is_end) {
		cursor->block++;
		cursor->item -= kept;
	}
}

void bud_postings_add(struct bud_postings *postings, const struct bud_subscription *subscription)
{
	struct bud_postings_cursor cursor =
		find(postings, subscription->serial, subscription->slot);
	const struct bud_subscription *there = bud_postings_current(&cursor);
	struct bud_postings_block *block;

	if (there && there->serial == subscription->serial && there->slot == subscription->slot)
		return;
	if (postings->n_blocks == 0)
		insert_block(postings, 0);
	if (postings->blocks[cursor.block]->n == BLOCK_ROOM)
		split(postings, &cursor);
	block = postings->blocks[cursor.block];
	if (block->n == block->room)
		block = resize(block, block->room * 2);
	postings->blocks[cursor.block] = block;
	memmove(&block->items[cursor.item + 1], &block->items[cursor.item],
		(block->n - cursor.item) * sizeof(struct item));
	block->items[cursor.item] = (struct item){subscription->serial, subscription};
	block->n++;
}

static void remove_block(struct bud_postings *postings, uint32_t at)
{
	free(postings->blocks[at]);
	postings->n_blocks--;
	memmove(&postings->blocks[at], &postings->blocks[at + 1],
		(postings->n_blocks - at) * sizeof(*postings->blocks));
	if (postings->n_blocks == 0)
		bud_postings_finish(postings);
}

void bud_postings_remove(struct bud_postings *postings, const struct bud_subscription *subscription)
{
	struct bud_postings_cursor cursor =
		find(postings, subscription->serial, subscription->slot);
	const struct bud_subscription *there;
	struct bud_postings_block *block;

	/* find() may stand behind the last item of a block, before the first of the next. */
	there = bud_postings_current(&cursor);
	if (!there || there->serial != subscription->serial || there->slot != subscription->slot)
		return;
	if (cursor.item == postings->blocks[cursor.block]->n) {
		cursor.block++;
		cursor.item = 0;
	}
	block = postings->blocks[cursor.block];
	block->n--;
	memmove(&block->items[cursor.item], &block->items[cursor.item + 1],
		(block->n - cursor.item) * sizeof(struct item));
	if (block->n == 0)
		remove_block(postings, cursor.block);
}

void bud_postings_finish(struct bud_postings *postings)
{
	for (uint32_t i = 0; i < postings->n_blocks; i++)
		free(postings->blocks[i]);
	free(postings->blocks);
	*postings = (struct bud_postings){0};
}

struct bud_postings_cursor bud_postings_seek(
	const struct bud_postings *postings, uint64_t after_serial)
{
	/* No slot is that large. */
	return find(postings, after_serial, UINT32_MAX);
}

const struct bud_subscription *bud_postings_current(const struct bud_postings_cursor *cursor)
{
	const struct bud_postings *postings = cursor->postings;

	if (cursor->block >= postings->n_blocks)
		return NULL;
	if (cursor->item < postings->blocks[cursor->block]->n)
		return postings->blocks[cursor->block]->items[cursor->item].subscription;
	if (cursor->block + 1 < postings->n_blocks)
		return postings->blocks[cursor->block + 1]->items[0].subscription;
	return NULL;
}

void bud_postings_advance(struct bud_postings_cursor *cursor)
{
	if (cursor->item >= cursor->postings->blocks[cursor->block]->n) {
		cursor->block++;
		cursor->item = 0;
	}
	cursor->item++;
}
