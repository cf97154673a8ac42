/* The program of a filter: tests, each naming the test to go on with when it holds and when it does
 * not; `not` merely swaps the two. So matching is a loop without a stack. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"
#include "subscription/filter_terms.h"

struct bud_cover; /* subscription/filter_cover.h */

/* Ways out that are no tests. */
#define BUD_TEST_HOLDS       UINT16_MAX
#define BUD_TEST_FAILS       (UINT16_MAX - 1)
#define BUD_TEST_IS_END(way) ((way) >= BUD_TEST_FAILS)

/* Attributes that an event has at hand, and some whose names need not be kept. */
enum bud_test_field {
	BUD_FIELD_TYPE,
	BUD_FIELD_SOURCE,
	BUD_FIELD_SUBJECT,
	BUD_FIELD_ID,
	BUD_FIELD_RESOURCE,
	BUD_FIELD_OTHER,
};

/* Without padding: programs are compared as bytes. */
struct bud_test {
	uint32_t name_at; /* in the text; 0 and no length for a field with a name of its own */
	uint32_t value_at;
	uint16_t name_len;
	uint16_t value_len;
	uint16_t on_true;
	uint16_t on_false;
	uint8_t kind; /* enum bud_term_kind, one without members */
	uint8_t field;
	uint8_t is_needed;  /* no event matches unless this test holds */
	uint8_t expression; /* of SQL: which */
};

struct bud_filter {
	atomic_uint holders; /* beside its owner */
	uint32_t uses;       /* the matcher's */
	uint32_t text_len;
	uint16_t n_tests;
	uint16_t start;
	uint16_t n_covers;
	uint16_t cover_len; /* of the numbers behind the tests: so many tests, then which, and again
			     */
	uint16_t n_expressions;
	bool has_unit;
	bool names_notices;
	bool is_wide;
	bool is_covered;
	struct bud_test tests[]; /* then the cover, the text, and where a pointer may, expressions
				  */
};

/* A program being written. */
struct bud_program {
	uint16_t start;
	uint16_t n_tests;
	struct bud_buffer text;
	uint16_t n_expressions;
	struct cesql_expression *expressions[BUD_FILTER_NODES_MAX]; /* taken from the terms */
	struct bud_test tests[BUD_TERMS_MAX];
};

/* Writes the tests of terms in order (filter_order.h) and notes in each term which is its test.
 * The text is the caller's to finish. */
void bud_program_write(struct bud_program *program, struct bud_terms *terms);
/* A filter of both, with one holder. */
struct bud_filter *bud_program_make(
	const struct bud_program *program, const struct bud_cover *cover);

static inline const uint16_t *bud_filter_cover_words(const struct bud_filter *filter)
{
	return (const uint16_t *)(filter->tests + filter->n_tests);
}

static inline const char *bud_filter_text(const struct bud_filter *filter)
{
	return (const char *)(bud_filter_cover_words(filter) + filter->cover_len);
}

/* Those of SQL, its own. */
static inline struct cesql_expression **bud_filter_expressions(const struct bud_filter *filter)
{
	size_t end = (size_t)(bud_filter_text(filter) + filter->text_len - (const char *)filter);

	return (struct cesql_expression **)((uintptr_t)filter + (end + sizeof(void *) - 1) /
									sizeof(void *) *
									sizeof(void *));
}

/* Lent by the filter. */
struct bud_span bud_filter_name_of(const struct bud_filter *filter, const struct bud_test *test);
static inline struct bud_span bud_filter_value_of(
	const struct bud_filter *filter, const struct bud_test *test)
{
	return (struct bud_span){bud_filter_text(filter) + test->value_at, test->value_len};
}
