/* Trust: what tokens are checked against, as it is now: each issuer's keys and the API keys. One
 * thread puts, others take sets, which never change. It also carries a worker's wish for fresher
 * keys of an issuer, and whether it was fulfilled, and other issuers to the one that puts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auth/issuers.h"

struct bud_api_keys; /* auth/api_keys.h */
struct bud_jwk_set;  /* crypto/jwk.h */
struct bud_trust;    /* opaque; shared by threads */

/* Lent until bud_trust_set_unref(). */
struct bud_trust_set {
	uint64_t generation;                       /* a higher one is newer */
	const struct bud_issuers *issuers;         /* NULL: no tokens are accepted */
	struct bud_jwk_set *keys[BUD_ISSUERS_MAX]; /* NULL: not there yet, or too old */
	struct bud_api_keys *api_keys;             /* NULL: not there yet */
};

/* Takes a reference of `issuers` (may be NULL), whose fixed keys are put at once. */
struct bud_trust *bud_trust_create(struct bud_issuers *issuers);
/* Sets that were taken stay. NULL is fine. */
void bud_trust_destroy(struct bud_trust *trust);

/* By the one thread that writes: take a reference of the keys (NULL: none any more). */
void bud_trust_put_keys(struct bud_trust *trust, size_t issuer, struct bud_jwk_set *keys);
void bud_trust_put_api_keys(struct bud_trust *trust, struct bud_api_keys *keys);
/* Puts the issuers that were offered last, in other places maybe. Keys of those that stay stay;
 * what is wanted is answered, and not with fresh keys. False: none were offered since. */
bool bud_trust_put_offered(struct bud_trust *trust);

const struct bud_trust_set *bud_trust_take(struct bud_trust *trust);
/* NULL is fine. */
void bud_trust_set_unref(const struct bud_trust_set *set);
/* Of now, without a lock. */
uint64_t bud_trust_generation(const struct bud_trust *trust);

/* By any thread: other issuers, in place of those that are trusted. Takes a reference. */
void bud_trust_offer_issuers(struct bud_trust *trust, struct bud_issuers *issuers);
/* By any thread: asks for fresh keys of an issuer. The ticket is for bud_trust_is_answered(). */
uint64_t bud_trust_want(struct bud_trust *trust, size_t issuer);
/* Whether its issuer was asked since, or will not be for now; `out_is_fresh`: and that the last
 * answer was a key set. */
bool bud_trust_is_answered(
	const struct bud_trust *trust, size_t issuer, uint64_t ticket, bool *out_is_fresh);
/* By the thread that fetches: what is wanted and not answered; 0: nothing. */
uint64_t bud_trust_wanted(const struct bud_trust *trust, size_t issuer);
/* All wishes up to `ticket` are answered. */
void bud_trust_answer(struct bud_trust *trust, size_t issuer, uint64_t ticket, bool is_fresh);
