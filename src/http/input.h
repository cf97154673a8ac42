/* The input of a connection: the bytes that came and were not answered yet, in one piece. Grows
 * while a message needs it, is given back when nothing waits. Within http/ only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct bud_message; /* http/message.h */

/* The first block of each connection; 1 KB events fit with their heads. */
#define BUD_INPUT_BLOCK_BYTES 4096u
#define BUD_INPUT_BLOCKS_KEPT 64u

/* Starts as {0}, without memory. */
struct bud_input {
	char *at;
	size_t from; /* where the current message starts */
	size_t len;
	size_t room;
};

/* What all inputs of a listener share. Starts as {0} but for `bytes_max`. */
struct bud_input_pool {
	size_t bytes; /* held by all inputs */
	size_t bytes_max;
	char *blocks[BUD_INPUT_BLOCKS_KEPT];
	size_t n_blocks;
};

static inline char *bud_input_start(const struct bud_input *input)
{
	return input->at + input->from;
}

static inline bool bud_input_is_empty(const struct bud_input *input)
{
	return input->from == input->len;
}

static inline bool bud_input_is_full(const struct bud_input *input)
{
	return input->room > 0 && input->len == input->room;
}

/* Gives an input without memory its first block. */
void bud_input_take(struct bud_input *input, struct bud_input_pool *pool);
/* Sees to it that at least one byte can be read, moving or growing what is there; the spans of
 * `message` follow (NULL: none). False when all inputs together would hold too much. */
bool bud_input_make_room(
	struct bud_input *input, struct bud_input_pool *pool, struct bud_message *message);
/* Forgets the bytes and gives the memory back. */
void bud_input_release(struct bud_input *input, struct bud_input_pool *pool);
void bud_input_pool_finish(struct bud_input_pool *pool);
