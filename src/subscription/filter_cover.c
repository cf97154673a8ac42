/* The cover: from the last term to the first, so members come before what they are members of.
 *
 *   exact, unit, prefix, base   itself
 *   all                         each alternative of a member with each of the others, as long as
 *                               these are few; a member without a cover is left out
 *   any                         the alternatives of all members; none if a member has none
 *   sql                         as an all of its hints (filter_sql.c)
 *   suffix, not                 none */
#include "subscription/filter_cover.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "subscription/filter_terms.h"

struct alternative {
	uint8_t n;
	bool is_whole; /* nothing was left out */
	uint16_t terms[BUD_COVER_LITERALS_MAX];
};

struct finding {
	struct bud_terms *terms;
	struct alternative *at; /* of all terms */
	size_t n;
	size_t room;
};

static struct alternative *push(struct finding *finding, const struct alternative *alternative)
{
	if (finding->n == finding->room) {
		finding->room = finding->room ? finding->room * 2 : 16;
		finding->at = bud_realloc(finding->at, finding->room * sizeof(*finding->at));
	}
	finding->at[finding->n] = *alternative;
	return &finding->at[finding->n++];
}

static bool is_exact(const struct bud_term *term)
{
	return term->kind == BUD_TERM_EXACT || term->kind == BUD_TERM_UNIT;
}

/* Literals of which an index can use one beside the other: one per attribute, exact ones first. */
static void add_literal(const struct finding *finding, struct alternative *alternative, uint16_t at)
{
	const struct bud_term *term = &finding->terms->at[at];

	for (size_t i = 0; i < alternative->n; i++) {
		const struct bud_term *other = &finding->terms->at[alternative->terms[i]];
		if (!bud_span_equals(other->name, term->name))
			continue;
		if (alternative->terms[i] == at)
			return;
		alternative->is_whole = false;
		if (is_exact(other) || (!is_exact(term) && other->value.len >= term->value.len))
			return;
		alternative->terms[i] = at;
		return;
	}
	if (alternative->n == BUD_COVER_LITERALS_MAX)
		alternative->is_whole = false;
	else
		alternative->terms[alternative->n++] = at;
}

/* Of the term: what stands from `from` on. */
static void set_cover(struct finding *finding, uint16_t at, size_t from)
{
	finding->terms->at[at].cover_at = (uint32_t)from;
	finding->terms->at[at].covers = (uint16_t)(finding->n - from);
}

static void cover_leaf(struct finding *finding, uint16_t at)
{
	const struct bud_term *term = &finding->terms->at[at];
	struct alternative one = {.n = 1, .is_whole = is_exact(term), .terms = {at}};

	if (term->test == BUD_TERM_NONE || term->kind == BUD_TERM_SUFFIX)
		return;
	push(finding, &one);
	set_cover(finding, at, finding->n - 1);
}

/* Each of the `n` alternatives from `from` on with each of the member's; these come behind. */
static void multiply(struct finding *finding, size_t from, size_t n, const struct bud_term *member)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < member->covers; j++) {
			struct alternative made = finding->at[from + i];
			struct alternative by = finding->at[member->cover_at + j];
			made.is_whole = made.is_whole && by.is_whole;
			for (size_t k = 0; k < by.n; k++)
				add_literal(finding, &made, by.terms[k]);
			push(finding, &made);
		}
	}
}

/* Members with one alternative first: they make no more of them. */
static void cover_all(struct finding *finding, uint16_t at)
{
	struct bud_terms *terms = finding->terms;
	struct alternative none = {.is_whole = true};
	bool is_wide = false;
	size_t from = finding->n;
	size_t n = 1;

	push(finding, &none);
	for (int is_many = 0; is_many < 2; is_many++) {
		for (uint16_t i = terms->at[at].first; i != BUD_TERM_NONE; i = terms->at[i].next) {
			const struct bud_term *member = &terms->at[i];
			bool is_first = n == 1 && finding->at[from].n == 0;
			if (member->covers > 0 && (member->covers > 1) != is_many)
				continue;
			is_wide = is_wide || member->is_wide;
			if (member->covers == 0 ||
				(!is_first && n * member->covers > BUD_FILTER_POSTINGS_MAX)) {
				for (size_t j = 0; j < n; j++)
					finding->at[from + j].is_whole = false;
				continue;
			}
			multiply(finding, from, n, member);
			from += n;
			n *= member->covers;
		}
	}
	if (finding->at[from].n > 0)
		set_cover(finding, at, from);
	else
		terms->at[at].is_wide = is_wide;
}

static void cover_sql(struct finding *finding, uint16_t at)
{
	const struct bud_term *term = &finding->terms->at[at];

	if (term->test == BUD_TERM_NONE)
		return;
	cover_all(finding, at);
	for (size_t i = 0; i < term->covers; i++)
		finding->at[term->cover_at + i].is_whole = false;
}

static void cover_any(struct finding *finding, uint16_t at)
{
	struct bud_terms *terms = finding->terms;
	size_t max = terms->at[at].is_types ? BUD_TYPES_MAX : BUD_FILTER_POSTINGS_MAX;
	size_t from = finding->n;
	bool is_wide = false;
	size_t n = 0;

	for (uint16_t i = terms->at[at].first; i != BUD_TERM_NONE; i = terms->at[i].next) {
		if (terms->at[i].covers == 0 && !terms->at[i].is_wide)
			return;
		is_wide = is_wide || terms->at[i].is_wide;
		n += terms->at[i].covers;
	}
	terms->at[at].is_wide = is_wide || n > max;
	if (terms->at[at].is_wide)
		return;
	for (uint16_t i = terms->at[at].first; i != BUD_TERM_NONE; i = terms->at[i].next) {
		for (size_t j = 0; j < terms->at[i].covers; j++) {
			struct alternative one = finding->at[terms->at[i].cover_at + j];
			push(finding, &one);
		}
	}
	set_cover(finding, at, from);
}

static void write_cover(const struct finding *finding, struct bud_cover *out)
{
	const struct bud_term *top = &finding->terms->at[0];
	const struct alternative *from = finding->at + top->cover_at;

	*out = (struct bud_cover){.n = top->covers, .is_whole = top->covers > 0};
	out->is_wide = top->is_wide;
	for (size_t i = 0; i < top->covers; i++)
		out->len = (uint16_t)(out->len + 1 + from[i].n);
	if (out->len == 0)
		return;
	out->words = bud_alloc(out->len * sizeof(*out->words));
	out->len = 0;
	for (size_t i = 0; i < top->covers; i++) {
		out->is_whole = out->is_whole && from[i].is_whole;
		out->words[out->len++] = from[i].n;
		for (size_t j = 0; j < from[i].n; j++)
			out->words[out->len++] = finding->terms->at[from[i].terms[j]].test;
	}
}

void bud_cover_find(struct bud_terms *terms, struct bud_cover *out_cover)
{
	struct finding finding = {.terms = terms};

	for (size_t i = terms->n; i-- > 0;) {
		struct bud_term *term = &terms->at[i];
		term->covers = 0;
		if (term->kind == BUD_TERM_SQL)
			cover_sql(&finding, (uint16_t)i);
		else if (!bud_term_has_members(term))
			cover_leaf(&finding, (uint16_t)i);
		else if (term->kind == BUD_TERM_ALL)
			cover_all(&finding, (uint16_t)i);
		else if (term->kind == BUD_TERM_ANY)
			cover_any(&finding, (uint16_t)i);
	}
	write_cover(&finding, out_cover);
	free(finding.at);
}
