/* The permit of a delivery: asked of the authority, and filed with the decision point where that
 * has to say. */
#pragma once
#include <stdint.h>
#include "auth/question.h"

struct bud_desk;  /* dispatch/desk.h */
struct bud_event; /* event/event.h */

/* `now_ms` is the wall clock. With LATER, *out_asked is the number under which the decision point
 * is asked; 0: it is not. */
enum bud_decision bud_permit(const struct bud_desk *desk, const struct bud_event *event,
	const char *owner, int64_t now_ms, uint64_t *out_asked);
/* When to look again at one that is parked: soon where somebody asks. Spread. */
int64_t bud_permit_wait_ms(uint64_t asked);
