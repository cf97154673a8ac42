/* A receiver's answer to a batch: `{"failed": ["id", {"id": "id", "source": "source"}]}` names the
 * events that it could not take; those come again, the others are delivered. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/text.h"

struct bud_event; /* event/event.h */

/* Reads the body of a 2xx. Sets each `failed[i]`, and returns how many of the `n` events failed: an
 * id alone names all events with it. 0 for everything that is no such answer (no JSON object, none
 * in full, more than BUD_RESPONSE_BODY_MAX). All have failed when "failed" says so of something
 * else than these events, for nobody knows of which. `is_cut`: it went on, and this is its
 * beginning; if that ends within "failed" all have failed, too. */
size_t bud_batch_answer_read(struct bud_span answer, bool is_cut,
	const struct bud_event *const *events, size_t n, bool *failed);
