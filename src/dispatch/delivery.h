/* A delivery in hand: one event for one subscription, on its way to the receiver. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "core/text.h"
#include "dispatch/share.h"

struct bud_event;         /* event/event.h */
struct bud_message_extra; /* dispatch/message.c */
struct bud_receiver;      /* dispatch/receiver.h */
struct bud_transfer;      /* fetch/fetch.h */

enum bud_delivery_state {
	BUD_DELIVERY_NEW,
	BUD_DELIVERY_WAITING, /* in its gate's queue */
	BUD_DELIVERY_RUNNING,
	BUD_DELIVERY_ENDED,
};

/* How it ended here; what comes of it is the owner's to decide. */
enum bud_delivery_end {
	BUD_DELIVERY_END_BLOCKED, /* no attempt was made, or none that counts: park for `wait_ms` */
	BUD_DELIVERY_END_DELIVERED,
	BUD_DELIVERY_END_AGAIN,     /* an attempt failed: the next one in `wait_ms` */
	BUD_DELIVERY_END_DEAD,      /* given up: a dead letter, for `reason` */
	BUD_DELIVERY_END_EXPIRED,   /* the event's expirytime has passed: of no use any more */
	BUD_DELIVERY_END_CANCELLED, /* its subscription is deleted, or it has no permit */
};

/* Id, timestamp, four lines of signatures, hops, replay, trace. */
#define BUD_DELIVERY_HEADERS 9

/* Deliveries that go out in one request. Their claim's, and there until the last one has ended. */
struct bud_batch {
	struct bud_delivery **members;
	size_t n;
};

struct bud_delivery {
	struct bud_list link;          /* bud_gate::waiting */
	struct bud_receiver *receiver; /* a reference */
	struct bud_event *event;       /* a reference */
	unsigned attempt;              /* this attempt's number, from 1 */
	int64_t published_ms;          /* when its event was stored, by Redis */
	bool is_replay;                /* somebody asked for it again */
	enum bud_share share;          /* of its slot; set by the gate */
	bool is_probe;                 /* its slot is the probe's */
	struct bud_batch *batch;       /* of its first member, which stands for all; else NULL */
	enum bud_delivery_state state;
	enum bud_delivery_end end;
	int64_t wait_ms;
	bool is_alone;      /* of BLOCKED: others of its lane need not wait for what it waits for */
	bool is_untold;     /* of DEAD: no event tells of it, since it has no permit yet */
	const char *reason; /* of DEAD: a static word */
	int status;         /* of the last response; 0: none */
	char *response;     /* its body's beginning, if it was text and no success; or NULL */
	int64_t started_mono_ms;
	/* Called once when it ended after an offer that was taken; not from within the offer. */
	void (*on_end)(struct bud_delivery *delivery);
	void *owner;
	/* Of the attempt under way; libcurl reads them until it ends. */
	const char *headers[BUD_DELIVERY_HEADERS];
	char id_line[56];
	char timestamp_line[44];
	char signature_line[72];
	char trace_line[72];
	struct bud_message_extra *extra; /* NULL: what is above is enough */
};

/* Takes references on both. */
void bud_delivery_init(struct bud_delivery *delivery, struct bud_receiver *receiver,
	struct bud_event *event, unsigned attempt);
/* Not while it is waiting or running. */
void bud_delivery_finish(struct bud_delivery *delivery);
/* It is owed still: it goes to a lane. */
bool bud_delivery_is_owed(const struct bud_delivery *delivery);
/* Appends why it is dead: {"reason":"...","status":500,"response":"..."}. */
void bud_delivery_write_why(const struct bud_delivery *delivery, struct bud_buffer *out);
