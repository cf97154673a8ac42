/* Filters: terms are read (filter_terms.c), put in order (filter_order.c) and written as a program
 * (filter_program.c) beside what an index may rely on (filter_cover.c). Here it is run. */
#include "subscription/filter.h"

#include <cesql.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "event/event.h"
#include "event/notice.h"
#include "event/uri.h"
#include "subscription/filter_cover.h"
#include "subscription/filter_order.h"
#include "subscription/filter_program.h"
#include "subscription/filter_sql.h"
#include "subscription/filter_terms.h"

/* Tens of kilobytes, not cleared: what counts is written before it is read. On the stack, for the
 * allocator tidies up after each free of so much. */
struct compiler {
	struct bud_terms terms;
	struct bud_program program;
};

static struct bud_filter *make(struct compiler *compiler)
{
	struct bud_filter *filter;
	struct bud_cover cover;

	bud_terms_order(&compiler->terms);
	bud_program_write(&compiler->program, &compiler->terms);
	bud_cover_find(&compiler->terms, &cover);
	filter = bud_program_make(&compiler->program, &cover);
	free(cover.words);
	bud_buffer_finish(&compiler->program.text);
	return filter;
}

int bud_filter_compile_all(const struct bud_filter_source *source, struct bud_filter **out_filter,
	struct bud_error *error)
{
	struct compiler compiler;
	int r;

	if (source->filters && !json_is_array(source->filters))
		return bud_error_set(error, "filters", "filters must be an array");
	if (json_array_size(source->filters) == 0 && !source->source && source->n_types == 0) {
		*out_filter = NULL;
		return 0;
	}
	r = bud_terms_parse(&compiler.terms, source, error);
	if (r == 0)
		*out_filter = make(&compiler);
	bud_terms_finish(&compiler.terms);
	return r;
}

int bud_filter_compile(
	const struct json_t *filters, struct bud_filter **out_filter, struct bud_error *error)
{
	struct bud_filter_source source = {.filters = filters};

	if (!json_is_array(filters))
		return bud_error_set(error, "filters", "filters must be an array");
	return bud_filter_compile_all(&source, out_filter, error);
}

void bud_filter_hold(const struct bud_filter *filter)
{
	/* All but this and the uses is immutable. */
	atomic_uint *holders = &((struct bud_filter *)(uintptr_t)filter)->holders;

	atomic_fetch_add_explicit(holders, 1, memory_order_relaxed);
}

void bud_filter_destroy(struct bud_filter *filter)
{
	if (!filter || atomic_fetch_sub_explicit(&filter->holders, 1, memory_order_acq_rel) > 0)
		return;
	for (size_t i = 0; i < filter->n_expressions; i++)
		cesql_destroy(bud_filter_expressions(filter)[i]);
	free(filter);
}

struct bud_span bud_filter_bytes(const struct bud_filter *filter)
{
	const char *from = (const char *)filter->tests;

	return (struct bud_span){from, (size_t)(bud_filter_text(filter) + filter->text_len - from)};
}

bool bud_filter_equals(const struct bud_filter *filter, const struct bud_filter *other)
{
	return filter->n_tests == other->n_tests && filter->start == other->start &&
	       filter->cover_len == other->cover_len &&
	       bud_span_equals(bud_filter_bytes(filter), bud_filter_bytes(other));
}

uint32_t *bud_filter_uses(struct bud_filter *filter)
{
	return &filter->uses;
}

static struct bud_span attribute_of(
	const struct bud_filter *filter, const struct bud_test *test, const struct bud_event *event)
{
	const struct bud_attribute *attribute;

	switch ((enum bud_test_field)test->field) {
	case BUD_FIELD_TYPE:
		return event->type;
	case BUD_FIELD_SOURCE:
		return event->source;
	case BUD_FIELD_SUBJECT:
		return event->subject;
	case BUD_FIELD_ID:
		return event->id;
	case BUD_FIELD_RESOURCE:
	case BUD_FIELD_OTHER:
		break;
	}
	attribute = bud_event_find(event, bud_filter_name_of(filter, test));
	return attribute ? attribute->value : (struct bud_span){0};
}

static bool holds(
	const struct bud_filter *filter, const struct bud_test *test, const struct bud_event *event)
{
	struct bud_span value = attribute_of(filter, test, event);
	struct bud_span wanted = bud_filter_value_of(filter, test);

	if (test->kind == BUD_TERM_SQL)
		return bud_sql_passes(bud_filter_expressions(filter)[test->expression], event);
	if (!value.at)
		return false;
	switch ((enum bud_term_kind)test->kind) {
	case BUD_TERM_PREFIX:
		return bud_span_starts(value, wanted);
	case BUD_TERM_SUFFIX:
		return bud_span_ends(value, wanted);
	case BUD_TERM_BASE:
		return bud_uri_is_base(wanted, value);
	case BUD_TERM_UNIT:
		if (event->is_main_unknown ||
			(event->main_subject && bud_span_is(wanted, event->main_subject)))
			return true;
		break;
	case BUD_TERM_EXACT:
	case BUD_TERM_SQL:
	case BUD_TERM_NOT:
	case BUD_TERM_ALL:
	case BUD_TERM_ANY:
		break;
	}
	return bud_span_equals(value, wanted);
}

bool bud_filter_match(const struct bud_filter *filter, const struct bud_event *event)
{
	uint16_t way = filter ? filter->start : BUD_TEST_HOLDS;

	while (!BUD_TEST_IS_END(way)) {
		const struct bud_test *test = &filter->tests[way];
		way = holds(filter, test, event) ? test->on_true : test->on_false;
	}
	return way == BUD_TEST_HOLDS;
}

bool bud_filter_has_unit(const struct bud_filter *filter)
{
	return filter && filter->has_unit;
}

bool bud_filter_names_notices(const struct bud_filter *filter)
{
	return filter && filter->names_notices;
}

/* Who wants "everything" means everything of others, and would be told of its own dead letters. */
bool bud_filter_wants(const struct bud_filter *filter, const struct bud_event *event)
{
	if (bud_notice_is_ours(event->type) && !bud_filter_names_notices(filter))
		return false;
	return bud_filter_match(filter, event);
}

struct bud_span bud_filter_needs(const struct bud_filter *filter, const char *attribute)
{
	for (size_t i = 0; filter && i < filter->n_tests; i++) {
		const struct bud_test *test = &filter->tests[i];
		bool is_one = test->kind == BUD_TERM_EXACT || test->kind == BUD_TERM_UNIT;
		if (test->is_needed && is_one &&
			bud_span_is(bud_filter_name_of(filter, test), attribute))
			return bud_filter_value_of(filter, test);
	}
	return (struct bud_span){0};
}

size_t bud_filter_cover_n(const struct bud_filter *filter)
{
	return filter ? filter->n_covers : 0;
}

static struct bud_literal literal_of(const struct bud_filter *filter, const struct bud_test *test)
{
	struct bud_literal literal = {BUD_LITERAL_EXACT, bud_filter_name_of(filter, test),
		bud_filter_value_of(filter, test)};

	if (test->kind == BUD_TERM_PREFIX)
		literal.kind = BUD_LITERAL_PREFIX;
	else if (test->kind == BUD_TERM_BASE)
		literal.kind = BUD_LITERAL_BASE;
	return literal;
}

size_t bud_filter_cover_next(const struct bud_filter *filter, size_t *position,
	struct bud_literal literals[BUD_COVER_LITERALS_MAX])
{
	const uint16_t *words = bud_filter_cover_words(filter);
	size_t n;

	if (*position == filter->cover_len)
		return 0;
	n = words[(*position)++];
	for (size_t i = 0; i < n; i++)
		literals[i] = literal_of(filter, &filter->tests[words[(*position)++]]);
	return n;
}

bool bud_filter_is_wide(const struct bud_filter *filter)
{
	return filter && filter->is_wide;
}

bool bud_filter_is_covered(const struct bud_filter *filter)
{
	return filter && filter->is_covered;
}
