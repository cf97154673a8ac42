/* Filters. The tree of dialects becomes a list of tests, each naming the test to go on with when it
 * holds and when it does not; `not` merely swaps the two. So matching is a loop without a stack.
 *
 * The tree is walked from its last leaf to its first, because then both ways out of a test are
 * known when it is written. */
#include "subscription/filter.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/event.h"
#include "event/uri.h"

#define DIALECTS "exact, prefix, suffix, altinn, all, any, not"

/* Ways out that are no tests. */
#define HOLDS       UINT16_MAX
#define FAILS       (UINT16_MAX - 1)
#define IS_END(way) ((way) >= FAILS)

enum dialect {
	DIALECT_EXACT,
	DIALECT_PREFIX,
	DIALECT_SUFFIX,
	DIALECT_ALTINN,
	DIALECT_ALL,
	DIALECT_ANY,
	DIALECT_NOT,
	DIALECT_UNKNOWN,
};

static const char *const dialect_names[] = {
	"exact", "prefix", "suffix", "altinn", "all", "any", "not"};

/* What a test of a pair asks. The first three are the dialects of the same number. */
enum kind {
	KIND_EXACT = DIALECT_EXACT,
	KIND_PREFIX = DIALECT_PREFIX,
	KIND_SUFFIX = DIALECT_SUFFIX,
	KIND_BASE,
	KIND_UNIT,
};

/* The members of the dialect `altinn`. */
static const struct altinn_member {
	const char *name;
	const char *attribute;
	enum kind kind;
} altinn_members[] = {
	{"resource", "resource", KIND_EXACT},
	{"type", "type", KIND_EXACT},
	{"subject", "subject", KIND_EXACT},
	{"unit", "subject", KIND_UNIT},
	{"source", "source", KIND_BASE},
};

/* Attributes that an event has at hand. */
enum field {
	FIELD_TYPE,
	FIELD_SOURCE,
	FIELD_SUBJECT,
	FIELD_ID,
	FIELD_OTHER,
};

static const char *const field_names[] = {"type", "source", "subject", "id"};

struct test {
	uint32_t name_at; /* in the text */
	uint32_t value_at;
	uint16_t name_len;
	uint16_t value_len;
	uint16_t on_true;
	uint16_t on_false;
	uint8_t kind;
	uint8_t field;
	bool is_needed; /* no event matches unless this test holds */
};

struct bud_filter {
	uint16_t start;
	uint16_t n_tests;
	const char *text; /* behind the tests */
	struct test tests[];
};

/* An all, any or not whose members are being compiled, last one first. */
struct frame {
	enum dialect dialect;
	const json_t *members; /* an array; for not: the one filter */
	size_t left;           /* also the place of the member at hand */
	uint16_t start;        /* of what is compiled so far */
	uint16_t on_true;
	uint16_t on_false;
	bool is_needed;
};

struct compiler {
	struct frame frames[BUD_FILTER_DEPTH_MAX];
	unsigned depth;
	unsigned nodes;
	uint16_t n_tests;
	struct bud_buffer text;
	struct bud_error *error;
	struct test tests[BUD_FILTER_NODES_MAX];
};

/* Says what is wrong with the member at hand; `dialect` and `name` (either may be NULL) lead on
 * from there. */
__attribute__((format(printf, 4, 5))) static int refuse(const struct compiler *compiler,
	const char *dialect, const char *name, const char *format, ...)
{
	struct bud_buffer path = {0};
	char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (unsigned i = 0; i < compiler->depth; i++) {
		const struct frame *frame = &compiler->frames[i];
		bud_buffer_format(&path, "%s", i ? "." : "filters");
		if (i > 0)
			bud_buffer_text(&path, dialect_names[frame->dialect]);
		if (frame->dialect != DIALECT_NOT)
			bud_buffer_format(&path, "[%zu]", frame->left);
	}
	if (dialect)
		bud_buffer_format(&path, ".%s", dialect);
	if (name)
		bud_buffer_format(&path, ".%s", name);
	bud_error_set(compiler->error, path.at, "%s %s", path.at, text);
	bud_buffer_finish(&path);
	return -EINVAL;
}

static int count_node(struct compiler *compiler)
{
	if (compiler->nodes == BUD_FILTER_NODES_MAX)
		return bud_error_set(compiler->error, "filters", "filters has more than %u nodes",
			BUD_FILTER_NODES_MAX);
	compiler->nodes++;
	return 0;
}

static int check_pair(
	struct compiler *compiler, enum dialect dialect, const char *name, const json_t *value)
{
	const char *in = dialect_names[dialect];

	if (bud_attribute_check_name(bud_span(name), NULL) < 0 ||
		strlen(name) > BUD_FILTER_TEXT_MAX)
		return refuse(compiler, in, name,
			"names no attribute: lower-case letters and digits, and not \"data\"");
	if (!json_is_string(value))
		return refuse(compiler, in, name, "must be a text");
	if (json_string_length(value) == 0)
		return refuse(compiler, in, name, "must not be empty");
	if (json_string_length(value) > BUD_FILTER_TEXT_MAX)
		return refuse(compiler, in, name, "is longer than %u bytes", BUD_FILTER_TEXT_MAX);
	return count_node(compiler);
}

static uint8_t field_of(const char *name)
{
	uint8_t field = 0;

	while (field < FIELD_OTHER && strcmp(field_names[field], name) != 0)
		field++;
	return field;
}

/* In front of what the frame has: the pair holds and so does the rest of the object, or `on_false`.
 */
static void write_test(
	struct compiler *compiler, const struct test *plan, const char *name, const json_t *value)
{
	struct test *test = &compiler->tests[compiler->n_tests++];

	*test = *plan;
	test->field = field_of(name);
	test->name_len = (uint16_t)strlen(name);
	test->name_at = (uint32_t)compiler->text.len;
	bud_buffer_add(&compiler->text, name, test->name_len);
	test->value_len = (uint16_t)json_string_length(value);
	test->value_at = (uint32_t)compiler->text.len;
	bud_buffer_add(&compiler->text, json_string_value(value), test->value_len);
}

/* From a member to the attribute that is tested, and how. */
static int read_altinn(
	struct compiler *compiler, struct test *test, const char **name, const json_t *value)
{
	for (size_t i = 0; i < sizeof(altinn_members) / sizeof(*altinn_members); i++) {
		const struct altinn_member *member = &altinn_members[i];
		if (strcmp(member->name, *name) != 0)
			continue;
		if (member->kind == KIND_BASE &&
			!bud_uri_is_absolute(bud_span(json_string_value(value))))
			return refuse(compiler, "altinn", *name, "must be an absolute URL");
		test->kind = (uint8_t)member->kind;
		*name = member->attribute;
		return 0;
	}
	return refuse(compiler, "altinn", *name,
		"is unknown; known are resource, type, subject, unit, source");
}

static int compile_pairs(struct compiler *compiler, enum dialect dialect, const json_t *pairs,
	const struct frame *plan)
{
	struct frame *frame = &compiler->frames[compiler->depth - 1];
	struct test test = {.kind = (uint8_t)dialect,
		.on_true = plan->on_true,
		.on_false = plan->on_false,
		.is_needed = plan->is_needed};
	const char *name;
	json_t *value;

	if (!json_is_object(pairs) || json_object_size(pairs) == 0)
		return refuse(compiler, dialect_names[dialect], NULL,
			"must be an object of at least one attribute with a text");
	json_object_foreach((json_t *)pairs, name, value)
	{
		const char *attribute = name;
		int r = check_pair(compiler, dialect, name, value);
		if (r == 0 && dialect == DIALECT_ALTINN)
			r = read_altinn(compiler, &test, &attribute, value);
		if (r < 0)
			return r;
		write_test(compiler, &test, attribute, value);
		test.on_true = (uint16_t)(compiler->n_tests - 1);
	}
	frame->start = test.on_true;
	return 0;
}

static int open_frame(struct compiler *compiler, const struct frame *plan)
{
	const char *name = dialect_names[plan->dialect];
	struct frame *frame;

	if (plan->dialect == DIALECT_NOT && !json_is_object(plan->members))
		return refuse(compiler, name, NULL, "must be one filter, an object");
	if (plan->dialect != DIALECT_NOT && json_array_size(plan->members) == 0)
		return refuse(compiler, name, NULL, "must be an array of at least one filter");
	if (compiler->depth == BUD_FILTER_DEPTH_MAX)
		return refuse(
			compiler, name, NULL, "is nested more than %u deep", BUD_FILTER_DEPTH_MAX);
	frame = &compiler->frames[compiler->depth++];
	*frame = *plan;
	frame->left = plan->dialect == DIALECT_NOT ? 1 : json_array_size(plan->members);
	frame->start = plan->dialect == DIALECT_ALL ? plan->on_true : plan->on_false;
	if (plan->dialect == DIALECT_NOT || (plan->dialect == DIALECT_ANY && frame->left > 1))
		frame->is_needed = false;
	return count_node(compiler);
}

static enum dialect dialect_of(const char *name)
{
	enum dialect dialect = 0;

	while (dialect < DIALECT_UNKNOWN && strcmp(dialect_names[dialect], name) != 0)
		dialect++;
	return dialect;
}

/* Compiles the next member of the innermost frame, or opens a frame for it. */
static int compile_member(struct compiler *compiler)
{
	struct frame *frame = &compiler->frames[compiler->depth - 1];
	struct frame plan = {.is_needed = frame->is_needed,
		.on_true = frame->on_true,
		.on_false = frame->on_false};
	const json_t *member = frame->members;
	void *only;
	const char *name;

	frame->left--;
	if (frame->dialect != DIALECT_NOT)
		member = json_array_get(frame->members, frame->left);
	if (json_object_size(member) != 1)
		return refuse(compiler, NULL, NULL, "must be an object with one of " DIALECTS);
	only = json_object_iter((json_t *)member);
	name = json_object_iter_key(only);
	plan.members = json_object_iter_value(only);
	plan.dialect = dialect_of(name);
	if (frame->dialect == DIALECT_ALL)
		plan.on_true = frame->start;
	if (frame->dialect == DIALECT_ANY)
		plan.on_false = frame->start;
	if (frame->dialect == DIALECT_NOT) {
		plan.on_true = frame->on_false;
		plan.on_false = frame->on_true;
	}
	if (plan.dialect == DIALECT_UNKNOWN)
		return refuse(compiler, name, NULL, "is no known dialect: " DIALECTS);
	if (plan.dialect >= DIALECT_ALL)
		return open_frame(compiler, &plan);
	return compile_pairs(compiler, plan.dialect, plan.members, &plan);
}

static int compile(struct compiler *compiler, uint16_t *out_start)
{
	while (compiler->depth > 0) {
		struct frame *frame = &compiler->frames[compiler->depth - 1];
		if (frame->left > 0) {
			int r = compile_member(compiler);
			if (r < 0)
				return r;
			continue;
		}
		*out_start = frame->start;
		if (--compiler->depth > 0)
			frame[-1].start = frame->start;
	}
	return 0;
}

static struct bud_filter *make(const struct compiler *compiler, uint16_t start)
{
	size_t bytes = compiler->n_tests * sizeof(struct test);
	struct bud_filter *filter = bud_alloc(sizeof(*filter) + bytes + compiler->text.len);
	char *text = (char *)filter->tests + bytes;

	filter->start = start;
	filter->n_tests = compiler->n_tests;
	filter->text = text;
	memcpy(filter->tests, compiler->tests, bytes);
	memcpy(text, compiler->text.at, compiler->text.len);
	return filter;
}

int bud_filter_compile(
	const struct json_t *filters, struct bud_filter **out_filter, struct bud_error *error)
{
	struct compiler *compiler;
	uint16_t start = HOLDS;
	int r;

	if (!json_is_array(filters))
		return bud_error_set(error, "filters", "filters must be an array");
	if (json_array_size(filters) == 0) {
		*out_filter = NULL;
		return 0;
	}
	compiler = bud_new(struct compiler);
	compiler->error = error;
	compiler->depth = 1;
	compiler->frames[0] = (struct frame){.dialect = DIALECT_ALL,
		.members = filters,
		.left = json_array_size(filters),
		.start = HOLDS,
		.on_true = HOLDS,
		.on_false = FAILS,
		.is_needed = true};
	r = compile(compiler, &start);
	if (r == 0)
		*out_filter = make(compiler, start);
	bud_buffer_finish(&compiler->text);
	free(compiler);
	return r;
}

void bud_filter_destroy(struct bud_filter *filter)
{
	free(filter);
}

static struct bud_span name_of(const struct bud_filter *filter, const struct test *test)
{
	return (struct bud_span){filter->text + test->name_at, test->name_len};
}

static struct bud_span value_of(const struct bud_filter *filter, const struct test *test)
{
	return (struct bud_span){filter->text + test->value_at, test->value_len};
}

static struct bud_span attribute_of(
	const struct bud_filter *filter, const struct test *test, const struct bud_event *event)
{
	const struct bud_attribute *attribute;

	switch (test->field) {
	case FIELD_TYPE:
		return event->type;
	case FIELD_SOURCE:
		return event->source;
	case FIELD_SUBJECT:
		return event->subject;
	case FIELD_ID:
		return event->id;
	default:
		attribute = bud_event_find(event, name_of(filter, test));
		return attribute ? attribute->value : (struct bud_span){0};
	}
}

static bool holds(
	const struct bud_filter *filter, const struct test *test, const struct bud_event *event)
{
	struct bud_span value = attribute_of(filter, test, event);
	struct bud_span wanted = value_of(filter, test);

	if (!value.at)
		return false;
	switch ((enum kind)test->kind) {
	case KIND_PREFIX:
		return bud_span_starts(value, wanted);
	case KIND_SUFFIX:
		return bud_span_ends(value, wanted);
	case KIND_BASE:
		return bud_uri_is_base(wanted, value);
	case KIND_UNIT:
		if (event->is_main_unknown ||
			(event->main_subject && bud_span_is(wanted, event->main_subject)))
			return true;
		break;
	case KIND_EXACT:
		break;
	}
	return bud_span_equals(value, wanted);
}

bool bud_filter_match(const struct bud_filter *filter, const struct bud_event *event)
{
	uint16_t way = filter ? filter->start : HOLDS;

	while (!IS_END(way)) {
		const struct test *test = &filter->tests[way];
		way = holds(filter, test, event) ? test->on_true : test->on_false;
	}
	return way == HOLDS;
}

bool bud_filter_has_unit(const struct bud_filter *filter)
{
	for (size_t i = 0; filter && i < filter->n_tests; i++)
		if (filter->tests[i].kind == KIND_UNIT)
			return true;
	return false;
}

struct bud_span bud_filter_needs(const struct bud_filter *filter, const char *attribute)
{
	for (size_t i = 0; filter && i < filter->n_tests; i++) {
		const struct test *test = &filter->tests[i];
		bool is_one = test->kind == KIND_EXACT || test->kind == KIND_UNIT;
		if (test->is_needed && is_one && bud_span_is(name_of(filter, test), attribute))
			return value_of(filter, test);
	}
	return (struct bud_span){0};
}
