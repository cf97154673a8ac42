/* Events in hand that wait for the decision point: within dispatch/, for the hand table. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_hand;          /* dispatch/hand.h */
struct bud_hand_delivery; /* dispatch/hand.h */
struct bud_hands;         /* dispatch/hand.h */

/* A broadcast, before its first chunk is parked: asks for all whom it may go to, at once. True: it
 * waits for the answers. */
bool bud_hand_ask_all(struct bud_hand *hand);
/* The decision point has answered, or failed: what waited for that goes on. */
void bud_hands_decide(struct bud_hands *hands);

/* Offers it to its gate; an offer that is not taken ends it as BLOCKED. By hand.c. */
void bud_hand_offer(struct bud_hand *hand, struct bud_hand_delivery *item, int64_t mono_ms);
