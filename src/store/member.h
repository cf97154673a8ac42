/* The name of an event in the store: its partition and stream id, "<NN>-<ms>-<seq, 10 digits>" as a
 * member of lanes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/text.h"

struct bud_member {
	uint64_t ms;
	uint64_t seq;
	unsigned partition;
};

/* With the NUL: 2 + 1 + 20 + 1 + 20 + 1. */
#define BUD_MEMBER_TEXT_BYTES 48

void bud_member_write(const struct bud_member *member, char out[BUD_MEMBER_TEXT_BYTES]);
bool bud_member_parse(struct bud_span text, struct bud_member *out_member);
/* A stream id, "<ms>-<seq>". */
void bud_stream_id_write(const struct bud_member *member, char out[BUD_MEMBER_TEXT_BYTES]);
/* Leaves the partition alone. */
bool bud_stream_id_parse(struct bud_span text, struct bud_member *out_member);
/* Below, equal or above 0, by ms and seq. */
int bud_stream_id_compare(const struct bud_member *a, const struct bud_member *b);
