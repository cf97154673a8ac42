/* Parties by their identifiers: what a register knows, or a file for tests and small set-ups. What
 * identifies a person is kept as a keyed hash only.
 *
 *   {"parties": [{"party": 51326197, "uuid": "…", "organization": "311443755",
 *                 "main_unit": "314249879"},
 *                {"party": 50660768, "uuid": "…", "person": "<11 digits>"}]}
 */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/text.h"

#define BUD_PARTIES_BYTES_MAX (16u << 20)

/* "" where it has none. A value. */
struct bud_party {
	char id[21];
	char uuid[37];
	char organization[10]; /* its number, 9 digits */
};

enum bud_party_question {
	BUD_PARTY_WHO,       /* is it */
	BUD_PARTY_MAIN_UNIT, /* of it */
};

/* Appends the URN of an identifier, as registers are asked for it: of /party/<id>, /organisation/,
 * /organization/ or /org/ with 9 digits, /person/ with 11, or of an URN of one of those. False: it
 * is none of them (an acronym, a user, a system). */
bool bud_party_urn(struct bud_span identifier, struct bud_buffer *out);
/* It names a person: not to be written anywhere. */
bool bud_party_is_person(struct bud_span urn);
/* What stands for the question. */
struct bud_hash_128 bud_party_key(
	const struct bud_hash_key *key, enum bud_party_question question, struct bud_span urn);

struct bud_parties; /* opaque; read-only, so any thread may ask */

/* -EINVAL: `error` names line and member; or the file's errno. */
BUD_MUST_CHECK int bud_parties_load(
	const char *path, struct bud_parties **out_parties, struct bud_error *error);
/* NULL is fine. */
void bud_parties_destroy(struct bud_parties *parties);
/* NULL: it knows none. Lent. `urn` is of bud_party_urn(). */
const struct bud_party *bud_parties_find(
	const struct bud_parties *parties, enum bud_party_question question, struct bud_span urn);
