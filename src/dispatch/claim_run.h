/* A claim's run: what was taken of a lane, from the claim to its last result. Within dispatch/, for
 * claim.c, which makes them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "core/map.h"
#include "dispatch/delivery.h"
#include "dispatch/endpoint.h"
#include "dispatch/lane_plan.h"
#include "store/member.h"
#include "subscription/table.h"

struct bud_desk;     /* dispatch/desk.h */
struct bud_receiver; /* dispatch/receiver.h */
struct bud_resolves; /* dispatch/resolve.h */

/* A lease outlives the attempt's time-out by this much; an attempt starts only in its first half.
 */
#define BUD_LEASE_SPARE_MS 10000
#define BUD_LEASE_START_MS (BUD_LEASE_SPARE_MS / 2)

enum bud_claim_state {
	BUD_CLAIM_STATE_CLAIMING,
	BUD_CLAIM_STATE_BARRIER,
	BUD_CLAIM_STATE_RUNNING,
};

struct bud_claim_item {
	struct bud_delivery delivery;
	struct bud_claim_run *claim;
	struct bud_member id;
	int64_t lease;
};

struct bud_claim_run {
	/* bud_claims::waiting while in BARRIER; ::ripe while in RUNNING and its lane may be claimed
	 * again. */
	struct bud_list link;
	struct bud_claims *claims;
	enum bud_claim_state state;
	unsigned n_replies;            /* still to come */
	bool is_full;                  /* got all it asked for */
	bool is_followed;              /* by another claim of its lane */
	struct bud_receiver *receiver; /* NULL: forgetting */
	struct bud_lane_plan plan;
	char token[33];         /* "": the lane is not held */
	bool is_held;           /* by this claim, until its release */
	size_t attempts;        /* made under it */
	struct bud_slots slots; /* reserved and not used yet */
	size_t asked;
	int64_t sent_mono_ms;
	int64_t claimed_ms; /* by Redis' clock, as what was claimed was stored */
	struct bud_table_version version;
	size_t n;
	size_t n_open;
	struct bud_claim_item *items;
	struct bud_batch batch; /* BATCH: those that start */
	char lane[];
};

struct bud_claims {
	const struct bud_desk *desk;
	struct bud_resolves *resolves;
	struct bud_map by_lane;  /* the newest of each */
	struct bud_list waiting; /* claim::link */
	struct bud_list ripe;    /* claim::link */
	size_t n;
	size_t n_deliveries;
	bool has_more;
};

/* The table is new enough: starts all that may start; the rest goes back. */
void bud_claim_run_start(struct bud_claim_run *claim, int64_t mono_ms);
/* Keeps so many of the reserved slots, and at once: others may wait for the rest. */
void bud_claim_run_keep_slots(struct bud_claim_run *claim, size_t n);
/* Nothing runs: gives the slots back and everything up. */
void bud_claim_run_finish(struct bud_claim_run *claim);
