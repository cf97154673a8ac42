/* The program of a filter. The tree is walked from its last leaf to its first, because then both
 * ways out of a test are known when it is written. */
#include "subscription/filter_program.h"

#include <assert.h>

#include "core/alloc.h"
#include "event/notice.h"
#include "subscription/filter_cover.h"

/* Nested terms, an object of pairs in the innermost, and the frame around the first term. */
#define FRAMES_MAX (BUD_FILTER_DEPTH_MAX + 4)

static const char *const field_names[] = {"type", "source", "subject", "id", "resource"};

static_assert(sizeof(field_names) / sizeof(*field_names) == BUD_FIELD_OTHER, "a name per field");
static_assert(sizeof(struct bud_test) == 20, "no padding");

/* An all, any or not whose members are being written, last one first. */
struct frame {
	uint8_t kind;
	bool is_needed;
	uint16_t next;  /* member */
	uint16_t start; /* of what is written so far */
	uint16_t on_true;
	uint16_t on_false;
};

static uint8_t field_of(struct bud_span name)
{
	uint8_t field = 0;

	while (field < BUD_FIELD_OTHER && !bud_span_is(name, field_names[field]))
		field++;
	return field;
}

/* In front of what the frame has: the way to go on from there is this test. */
static void write_test(struct bud_program *program, struct bud_term *term, const struct frame *plan)
{
	struct bud_test *test = &program->tests[program->n_tests];

	term->test = program->n_tests++;
	*test = (struct bud_test){
		.value_len = (uint16_t)term->value.len,
		.on_true = plan->on_true,
		.on_false = plan->on_false,
		.kind = term->kind,
		.field = field_of(term->name),
		.is_needed = plan->is_needed,
	};
	if (test->field == BUD_FIELD_OTHER) {
		test->name_at = (uint32_t)program->text.len;
		test->name_len = (uint16_t)term->name.len;
		bud_buffer_span(&program->text, term->name);
	}
	test->value_at = (uint32_t)program->text.len;
	bud_buffer_span(&program->text, term->value);
}

/* Nothing leads there: only a cover and bud_filter_needs() know them. */
static void write_hint(struct bud_program *program, struct bud_term *term, bool is_needed)
{
	const struct frame nowhere = {.is_needed = is_needed && term->kind == BUD_TERM_EXACT,
		.on_true = BUD_TEST_FAILS,
		.on_false = BUD_TEST_FAILS};

	write_test(program, term, &nowhere);
}

static void write_hints(
	struct bud_program *program, struct bud_terms *terms, uint16_t first, bool are_needed)
{
	for (uint16_t i = first; i != BUD_TERM_NONE; i = terms->at[i].next) {
		if (!bud_term_has_members(&terms->at[i])) {
			write_hint(program, &terms->at[i], are_needed);
			continue;
		}
		for (uint16_t j = terms->at[i].first; j != BUD_TERM_NONE; j = terms->at[j].next)
			write_hint(program, &terms->at[j], false);
	}
}

static void write_sql(
	struct bud_program *program, struct bud_terms *terms, struct bud_term *term, bool is_needed)
{
	struct cesql_expression **own = &terms->expressions[term->expression];

	program->tests[term->test].expression = (uint8_t)program->n_expressions;
	program->expressions[program->n_expressions++] = bud_move(*own);
	write_hints(program, terms, term->first, is_needed);
}

/* The ways out of the next member, in a frame that would be its own. */
static struct frame plan_member(const struct frame *frame, const struct bud_term *member)
{
	struct frame plan = {.kind = member->kind,
		.next = member->first,
		.is_needed = frame->is_needed && frame->kind == BUD_TERM_ALL,
		.on_true = frame->on_true,
		.on_false = frame->on_false};

	if (frame->kind == BUD_TERM_ALL) {
		plan.on_true = frame->start;
	} else if (frame->kind == BUD_TERM_ANY) {
		plan.on_false = frame->start;
	} else {
		plan.on_true = frame->on_false;
		plan.on_false = frame->on_true;
	}
	plan.start = plan.kind == BUD_TERM_ALL ? plan.on_true : plan.on_false;
	return plan;
}

void bud_program_write(struct bud_program *program, struct bud_terms *terms)
{
	struct frame frames[FRAMES_MAX];
	size_t depth = 1;

	program->n_tests = 0;
	program->n_expressions = 0;
	program->text = (struct bud_buffer){0};
	frames[0] = (struct frame){.kind = BUD_TERM_ALL,
		.is_needed = true,
		.next = 0,
		.start = BUD_TEST_HOLDS,
		.on_true = BUD_TEST_HOLDS,
		.on_false = BUD_TEST_FAILS};
	while (depth > 0) {
		struct frame *frame = &frames[depth - 1];
		struct bud_term *member;
		struct frame plan;
		if (frame->next == BUD_TERM_NONE) {
			program->start = frame->start;
			if (--depth > 0)
				frame[-1].start = frame->start;
			continue;
		}
		member = &terms->at[frame->next];
		frame->next = frame->kind == BUD_TERM_NOT ? BUD_TERM_NONE : member->next;
		plan = plan_member(frame, member);
		if (bud_term_has_members(member)) {
			assert(depth < FRAMES_MAX);
			frames[depth++] = plan;
		} else {
			write_test(program, member, &plan);
			frame->start = member->test;
			if (member->kind == BUD_TERM_SQL)
				write_sql(program, terms, member, plan.is_needed);
		}
	}
}

static bool has_kind(const struct bud_program *program, enum bud_term_kind kind)
{
	for (size_t i = 0; i < program->n_tests; i++)
		if (program->tests[i].kind == kind)
			return true;
	return false;
}

/* Whatever it says of them. Without the last dot, which a prefix may leave out. */
static bool names_notices(const struct bud_program *program)
{
	return program->text.len > 0 && memmem(program->text.at, program->text.len,
						BUD_NOTICE_PREFIX, strlen(BUD_NOTICE_PREFIX) - 1);
}

struct bud_filter *bud_program_make(
	const struct bud_program *program, const struct bud_cover *cover)
{
	size_t tests_bytes = program->n_tests * sizeof(struct bud_test);
	size_t cover_bytes = cover->len * sizeof(*cover->words);
	size_t expressions_bytes = program->n_expressions * sizeof(*program->expressions);
	size_t bytes = sizeof(struct bud_filter) + tests_bytes + cover_bytes + program->text.len;
	struct bud_filter *filter =
		bud_alloc(bytes + (expressions_bytes ? expressions_bytes + sizeof(void *) - 1 : 0));
	char *behind = (char *)filter->tests;

	*filter = (struct bud_filter){
		.text_len = (uint32_t)program->text.len,
		.n_tests = program->n_tests,
		.start = program->start,
		.n_covers = cover->n,
		.cover_len = cover->len,
		.n_expressions = program->n_expressions,
		.has_unit = has_kind(program, BUD_TERM_UNIT),
		.names_notices = names_notices(program),
		.is_wide = cover->is_wide,
		.is_covered = cover->is_whole,
	};
	memcpy(behind, program->tests, tests_bytes);
	if (cover_bytes > 0)
		memcpy(behind + tests_bytes, cover->words, cover_bytes);
	if (program->text.len > 0)
		memcpy(behind + tests_bytes + cover_bytes, program->text.at, program->text.len);
	if (expressions_bytes > 0)
		memcpy(bud_filter_expressions(filter), program->expressions, expressions_bytes);
	return filter;
}

struct bud_span bud_filter_name_of(const struct bud_filter *filter, const struct bud_test *test)
{
	if (test->field != BUD_FIELD_OTHER)
		return bud_span(field_names[test->field]);
	return (struct bud_span){bud_filter_text(filter) + test->name_at, test->name_len};
}
