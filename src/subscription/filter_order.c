/* The canonical order: from the last term to the first, so that the members of a term are in order
 * before the term itself is. */
#include "subscription/filter_order.h"

#include <stdlib.h>

#include "subscription/filter_terms.h"

struct member {
	uint64_t digest;
	uint16_t term;
	uint8_t kind;
};

struct members {
	size_t n;
	struct member at[BUD_TERMS_MAX];
};

/* Only tells terms apart while one filter is ordered; nothing is found by it, so it has no key. */
static uint64_t mix(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
	return digest ^ digest >> 32;
}

static uint64_t mix_text(uint64_t digest, struct bud_span text)
{
	uint64_t word;

	digest = mix(digest, text.len);
	for (; text.len >= sizeof(word); text.at += sizeof(word), text.len -= sizeof(word)) {
		memcpy(&word, text.at, sizeof(word));
		digest = mix(digest, word);
	}
	word = 0;
	if (text.len > 0)
		memcpy(&word, text.at, text.len);
	return mix(digest, word);
}

static void digest_leaf(struct bud_term *term)
{
	term->digest = mix_text(mix_text(term->kind + 1u, term->name), term->value);
}

/* What is asked last comes first. */
static int by_order(const void *a, const void *b)
{
	const struct member *one = a;
	const struct member *other = b;

	if (one->kind != other->kind)
		return one->kind > other->kind ? -1 : 1;
	if (one->digest != other->digest)
		return one->digest > other->digest ? -1 : 1;
	return 0;
}

static void add_member(const struct bud_terms *terms, struct members *members, uint16_t at)
{
	const struct bud_term *term = &terms->at[at];

	members->at[members->n++] = (struct member){term->digest, at, term->kind};
}

/* The members of a term, and in place of one of its own kind the members of that. */
static void collect(const struct bud_terms *terms, uint16_t at, struct members *members)
{
	const struct bud_term *term = &terms->at[at];

	members->n = 0;
	for (uint16_t i = term->first; i != BUD_TERM_NONE; i = terms->at[i].next) {
		const struct bud_term *member = &terms->at[i];
		if (member->kind != term->kind || member->is_types) {
			add_member(terms, members, i);
			continue;
		}
		for (uint16_t j = member->first; j != BUD_TERM_NONE; j = terms->at[j].next)
			add_member(terms, members, j);
	}
}

static bool are_same(const struct bud_term *term, const struct bud_term *other)
{
	return !bud_term_has_members(term) && term->kind == other->kind &&
	       bud_span_equals(term->name, other->name) &&
	       bud_span_equals(term->value, other->value);
}

static void drop_doubles(const struct bud_terms *terms, struct members *members)
{
	size_t n = 1;

	for (size_t i = 1; i < members->n; i++)
		if (!are_same(&terms->at[members->at[i].term], &terms->at[members->at[n - 1].term]))
			members->at[n++] = members->at[i];
	members->n = n;
}

/* In its parent's place: the parent stays in its own list. */
static void replace(struct bud_terms *terms, uint16_t at, uint16_t by)
{
	uint16_t next = terms->at[at].next;

	terms->at[at] = terms->at[by];
	terms->at[at].next = next;
}

static void order_members(struct bud_terms *terms, uint16_t at, struct members *members)
{
	struct bud_term *term = &terms->at[at];

	collect(terms, at, members);
	if (members->n > 1) {
		qsort(members->at, members->n, sizeof(*members->at), by_order);
		drop_doubles(terms, members);
	}
	if (members->n == 1) {
		replace(terms, at, members->at[0].term);
		return;
	}
	term->digest = term->kind + 1u;
	term->first = members->at[0].term;
	for (size_t i = 0; i < members->n; i++) {
		term->digest = mix(term->digest, members->at[i].digest);
		terms->at[members->at[i].term].next =
			i + 1 < members->n ? members->at[i + 1].term : BUD_TERM_NONE;
	}
}

static void order_not(struct bud_terms *terms, uint16_t at)
{
	struct bud_term *term = &terms->at[at];
	const struct bud_term *member = &terms->at[term->first];

	if (member->kind == BUD_TERM_NOT)
		replace(terms, at, member->first);
	else
		term->digest = mix(term->kind + 1u, member->digest);
}

void bud_terms_order(struct bud_terms *terms)
{
	struct members members;

	for (size_t i = terms->n; i-- > 0;) {
		struct bud_term *term = &terms->at[i];
		if (!bud_term_has_members(term))
			digest_leaf(term);
		else if (term->kind == BUD_TERM_NOT)
			order_not(terms, (uint16_t)i);
		else
			order_members(terms, (uint16_t)i, &members);
	}
}
