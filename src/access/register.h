/* The register: who a party is and which unit it belongs to, from a file or over HTTP, kept for a
 * while. One per worker. Numbers of persons are sent to the register and nowhere else. */
#pragma once
#include "access/parties.h"

struct bud_fetch;    /* fetch/fetch.h */
struct bud_metrics;  /* core/metrics.h */
struct bud_register; /* opaque; belongs to the loop's thread */

/* All borrowed until it is destroyed, but `url` and `header`. */
struct bud_register_options {
	const struct bud_parties *parties; /* asked first; NULL: there is no file */
	struct bud_fetch *fetch;
	struct bud_metrics *metrics;
	const char *url;    /* Altinn Register's base, ".../register/api"; "" or NULL: none */
	const char *header; /* "Name: value" sent along; "" or NULL: none */
	unsigned timeout_ms;
	int64_t kept_ms; /* what was found; what was not, a tenth of that */
};

enum bud_register_outcome {
	BUD_REGISTER_FOUND,
	BUD_REGISTER_NONE,   /* there is no such party, or it is no sub-unit */
	BUD_REGISTER_FAILED, /* nobody can say now */
	BUD_REGISTER_ASKED,  /* `fn` will be called once, not before this returns */
};

/* `party` is lent, NULL unless FOUND. Never ASKED. */
typedef void (*bud_register_fn)(
	void *owner, enum bud_register_outcome outcome, const struct bud_party *party);

/* NULL with `error` filled: URL or header cannot be used. */
BUD_MUST_CHECK struct bud_register *bud_register_create(
	const struct bud_register_options *options, struct bud_error *error);
/* After the fetch is closed, which ends every call. NULL is fine. */
void bud_register_destroy(struct bud_register *reg);

struct bud_register_question {
	enum bud_party_question what;
	struct bud_span identifier; /* as bud_party_urn() takes it; anything else is NONE */
};
/* FOUND fills *out_party at once. */
enum bud_register_outcome bud_register_ask(struct bud_register *reg,
	const struct bud_register_question *question, bud_register_fn fn, void *owner,
	struct bud_party *out_party);
