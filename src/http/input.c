/* Inputs: a small block from the pool, doubled as bytes really arrive, never on a promise. */
#include "http/input.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "http/message.h"

void bud_input_take(struct bud_input *input, struct bud_input_pool *pool)
{
	if (input->room > 0)
		return;
	if (pool->n_blocks > 0)
		input->at = pool->blocks[--pool->n_blocks];
	else
		input->at = bud_alloc(BUD_INPUT_BLOCK_BYTES);
	input->room = BUD_INPUT_BLOCK_BYTES;
	pool->bytes += input->room;
}

static bool grow(struct bud_input *input, struct bud_input_pool *pool, struct bud_message *message)
{
	size_t need = message ? bud_message_need(message) : 0;
	size_t room = input->room * 2;

	if (need > input->room && need < room)
		room = need;
	if (pool->bytes + room - input->room > pool->bytes_max)
		return false;
	char *at = bud_alloc(room);
	memcpy(at, input->at, input->len);
	if (message)
		bud_message_move(message, input->at, at);
	free(input->at);
	pool->bytes += room - input->room;
	input->at = at;
	input->room = room;
	return true;
}

bool bud_input_make_room(
	struct bud_input *input, struct bud_input_pool *pool, struct bud_message *message)
{
	if (bud_input_is_empty(input))
		input->from = input->len = 0;
	if (!bud_input_is_full(input))
		return true;
	if (input->from == 0)
		return grow(input, pool, message);
	char *start = bud_input_start(input);
	if (message)
		bud_message_move(message, start, input->at);
	input->len -= input->from;
	memmove(input->at, start, input->len);
	input->from = 0;
	return true;
}

void bud_input_release(struct bud_input *input, struct bud_input_pool *pool)
{
	pool->bytes -= input->room;
	if (input->room == BUD_INPUT_BLOCK_BYTES && pool->n_blocks < BUD_INPUT_BLOCKS_KEPT)
		pool->blocks[pool->n_blocks++] = input->at;
	else
		free(input->at);
	*input = (struct bud_input){0};
}

void bud_input_pool_finish(struct bud_input_pool *pool)
{
	while (pool->n_blocks > 0)
		free(pool->blocks[--pool->n_blocks]);
}
