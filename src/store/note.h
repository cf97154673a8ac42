/* Notices on their way to the bus: each made ready for the step in which it is published. */
#pragma once
#include "store/append.h"
#include "store/registry.h"

struct bud_notice; /* event/notice.h */

/* For a change of the registry: writes the notice into `bytes`, which the note borrows, as it
 * borrows the notice's owner. All notices of a subscription go to one partition. */
void bud_note_make(const struct bud_shard *shard, const struct bud_notice *notice,
	struct bud_buffer *bytes, struct bud_note *out_note);
/* The same for bud_append(): what is told beside its own step. With an id of its own a repeat is
 * answered as duplicate or conflict, and both mean that it is there. */
void bud_note_prepare(const struct bud_shard *shard, const struct bud_notice *notice,
	struct bud_buffer *bytes, struct bud_append_event *out_event);
