/* A gate: one endpoint as this worker uses it: the deliveries that wait here for a slot. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "core/text.h"
#include "dispatch/endpoint.h"

struct bud_delivery; /* dispatch/delivery.h */
struct bud_desk;     /* dispatch/desk.h */
struct bud_gate;     /* opaque; counted */
struct bud_gates;    /* opaque; one per worker */
struct bud_pusher;   /* dispatch/push.h */

/* Borrows both. */
struct bud_gates *bud_gates_create(const struct bud_desk *desk, struct bud_pusher *pusher);
/* No gate is referred to any more. */
void bud_gates_destroy(struct bud_gates *gates);
/* No attempt starts any more: whoever wants to is sent to be parked. */
void bud_gates_stop(struct bud_gates *gates);
/* Each a few milliseconds: starts what waits behind slots that other workers gave back. */
void bud_gates_tick(struct bud_gates *gates, int64_t mono_ms);

/* A reference to the gate of this owner and sink. */
struct bud_gate *bud_gates_get(
	struct bud_gates *gates, struct bud_span owner, struct bud_span sink);
void bud_gate_unref(struct bud_gate *gate);

enum bud_offer {
	BUD_OFFER_TAKEN,   /* runs or waits: on_end will be called once */
	BUD_OFFER_BLOCKED, /* park it for *out_wait_ms */
};

/* A fresh delivery, matched just now. */
enum bud_offer bud_gate_offer(struct bud_gate *gate, struct bud_delivery *delivery, int64_t mono_ms,
	int64_t *out_wait_ms);
/* Takes it out of the queue again; on_end is not called. It ends as NEW. */
void bud_gate_withdraw(struct bud_gate *gate, struct bud_delivery *delivery);

/* Slots of `slots->share` for parked deliveries, up to `want`; none with *out_wait_ms when there is
 * none. Each is to be used with bud_gate_start() or given back. */
void bud_gate_reserve(struct bud_gate *gate, struct bud_slots *slots, size_t want, int64_t mono_ms,
	int64_t *out_wait_ms);
/* A parked lane whose turn it was got slots here, or none. */
void bud_gate_note_lane(
	struct bud_gate *gate, struct bud_span lane, bool is_refused, int64_t mono_ms);
/* One that got none lately, and that goes before others which come out of turn; empty: there is
 * none. Lent until the next note. */
struct bud_span bud_gate_refused_lane(const struct bud_gate *gate, int64_t mono_ms);
void bud_gate_give_back(struct bud_gate *gate, const struct bud_slots *slots, int64_t mono_ms);
/* Uses one reserved slot: of the share for replays if it is one, and `is_probe` as it was reserved.
 * BLOCKED: the slot is given back. */
enum bud_offer bud_gate_start(struct bud_gate *gate, struct bud_delivery *delivery, int64_t mono_ms,
	int64_t *out_wait_ms);

/* By the pusher, when an attempt ended: lets the next ones in. */
void bud_gate_on_pushed(
	struct bud_gate *gate, const struct bud_settlement *settlement, int64_t mono_ms);
/* The endpoint behind it, lent. */
struct bud_endpoint *bud_gate_endpoint(const struct bud_gate *gate);
