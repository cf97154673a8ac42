/* The hand table: events read and not settled yet, with their deliveries. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/list.h"
#include "core/map.h"
#include "dispatch/delivery.h"
#include "store/member.h"

struct bud_desk;      /* dispatch/desk.h */
struct bud_entry;     /* store/partition.h */
struct bud_receivers; /* dispatch/receiver.h */
struct bud_resolves;  /* dispatch/resolve.h */

/* barrier -> sending -> acking, or settling -> (left the table) -> leased while attempts still run.
 * What Redis did not answer goes back to be sent again. */
enum bud_hand_state {
	BUD_HAND_BARRIER,   /* waits for the table to be new enough */
	BUD_HAND_LOOKING,   /* the register is asked for its main unit */
	BUD_HAND_ASKING,    /* a broadcast that waits for the decision point */
	BUD_HAND_SENDING,   /* its deliveries are under way */
	BUD_HAND_UNACKED,   /* all delivered: to be acked */
	BUD_HAND_ACKING,    /* XACK is under way */
	BUD_HAND_UNSETTLED, /* something is to be parked: settle is to be sent, again */
	BUD_HAND_SETTLING,  /* settle is under way */
	BUD_HAND_LEASED,    /* settled; attempts that outlived it go on under their leases */
	BUD_HAND_STATES,
};

struct bud_hand_delivery {
	struct bud_delivery delivery;
	bool is_undecided;      /* NEW: waits for the decision point */
	bool is_leased;         /* parked while it ran, by the last settle that was sent */
	bool was_leased;        /* … or by an earlier one, whose reply was lost */
	int64_t lease_delay_ms; /* from settle's now to the end of the lease */
	int64_t lease;          /* 0: not known */
};

/* One event in hand. */
struct bud_hand {
	struct bud_list link; /* bud_hands::lists[state]; of an ack's batch while ACKING */
	struct bud_hands *hands;
	struct bud_member id;
	char key[20]; /* of the map: the id's numbers */
	enum bud_hand_state state;
	struct bud_event *event; /* a reference; NULL when its content is gone or not to be read */
	int64_t arrived_mono_ms;
	int64_t retry_mono_ms; /* UNSETTLED: not before */
	int64_t settle_us;     /* SETTLING: since */
	uint64_t asked;        /* of the decision point: waits until it has done this */
	bool is_suspect;
	bool is_poison;    /* to the dead letters unmatched */
	bool is_broadcast; /* parked in chunks behind `cursor` */
	uint64_t cursor;
	uint64_t chunk_end; /* cursor when the chunk under way is settled */
	bool chunk_is_last;
	size_t refused_n; /* of the settle under way: not parked, for quotas */
	size_t n_open;    /* deliveries that have not ended */
	size_t n;
	struct bud_hand_delivery *deliveries;
};

struct bud_hands {
	const struct bud_desk *desk;
	struct bud_receivers *receivers;
	struct bud_resolves *resolves; /* of attempts that outlive their event here */
	struct bud_map by_id;          /* all but LEASED */
	struct bud_list lists[BUD_HAND_STATES];
	size_t bytes;
	size_t mean_bytes; /* of events lately */
	bool is_parking;   /* nothing is to be sent any more */
	size_t n_unacked;
	size_t n_suspects;
	void (*on_room)(void *owner);
	void *owner;
};

/* Embedded; borrows all. `on_room` is called when an event left the table. */
void bud_hands_init(struct bud_hands *hands, const struct bud_desk *desk,
	struct bud_receivers *receivers, struct bud_resolves *resolves);
/* No attempt is running and no command under way any more. */
void bud_hands_finish(struct bud_hands *hands);
bool bud_hands_has(const struct bud_hands *hands, const struct bud_member *id);
/* Events that may be taken on, by number and by bytes, judged by the mean size lately. */
size_t bud_hands_room(const struct bud_hands *hands);
/* An eighth of the table is free: worth a read after it was full. */
bool bud_hands_is_roomy(const struct bud_hands *hands);

struct bud_take {
	const struct bud_entry *entry;
	bool is_suspect; /* was delivered several times before: alone in hand of its kind */
	uint64_t cursor; /* of a broadcast under way; else 0 */
};

/* Takes an event in hand, for bud_hands_match(), unless it is there already. */
void bud_hands_take(struct bud_hands *hands, const struct bud_take *take);
/* The table is new enough: matches all that wait for it, and starts their deliveries. */
void bud_hands_match(struct bud_hands *hands);
/* Straight to the dead letters, unmatched: it failed again and again. */
void bud_hands_poison(struct bud_hands *hands, const struct bud_member *id);

/* Each few milliseconds: parks what took too long, repeats what Redis did not answer, acks. */
void bud_hands_tick(struct bud_hands *hands, int64_t mono_ms);
/* Parks what is not delivered, now and from now on: the end of a drain. */
void bud_hands_park_all(struct bud_hands *hands);
/* Events whose last attempts still run under a lease. */
bool bud_hands_is_empty(const struct bud_hands *hands);

/* Between hand.c and hand_settle.c. */
void bud_hand_set_state(struct bud_hand *hand, enum bud_hand_state state);
/* Out of the table, freed once no attempt runs. */
void bud_hand_leave(struct bud_hand *hand);
/* Everything ended: ack it, or settle what is left. */
void bud_hand_finish_sending(struct bud_hand *hand);
/* Sends settle for what is not delivered; what runs is parked under a lease. */
void bud_hand_settle(struct bud_hand *hand);
/* Sends the acks that wait. */
void bud_hands_flush_acks(struct bud_hands *hands);
/* An attempt ended after its event was settled. */
void bud_hand_resolve_leased(struct bud_hand *hand, struct bud_hand_delivery *item);
