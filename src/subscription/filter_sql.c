/* CloudEvents SQL. Hints are terms that belong to no program: of those that all must hold one is a
 * literal, or an any of literals of one attribute. A hint that is left out costs an index
 * something, nothing else. */
#include "subscription/filter_sql.h"

#include <errno.h>
#include <stdlib.h>

#include "event/event.h"
#include "subscription/filter_terms.h"

static struct bud_span span_of(struct cesql_text text)
{
	return (struct bud_span){text.at, text.len};
}

/* How many terms a hint takes; 0: it is left out. */
static size_t count_terms(const struct cesql_conjunct *conjunct)
{
	if (conjunct->need == CESQL_NEED_EXISTS || conjunct->literals_n == 0 ||
		conjunct->literals_n > BUD_FILTER_POSTINGS_MAX)
		return 0;
	return conjunct->literals_n > 1 ? conjunct->literals_n + 1 : 1;
}

static bool is_taken(const struct bud_terms *terms, const struct cesql_conjunct *conjunct)
{
	size_t n = count_terms(conjunct);

	return n > 0 && terms->hints + n <= BUD_TERMS_HINTS_MAX;
}

static void set_literal(struct bud_terms *terms, uint16_t at, const struct cesql_conjunct *conjunct,
	struct bud_span literal)
{
	struct bud_term *term = &terms->at[at];

	term->kind = conjunct->need == CESQL_NEED_PREFIX ? BUD_TERM_PREFIX : BUD_TERM_EXACT;
	term->name = span_of(conjunct->attribute);
	term->value = literal;
}

static void set_hint(
	struct bud_terms *terms, uint16_t at, const struct cesql_expression *expression, size_t i)
{
	struct cesql_conjunct conjunct = cesql_conjunct(expression, i);
	uint16_t place = at;

	if (conjunct.literals_n > 1) {
		terms->at[at].kind = BUD_TERM_ANY;
		place = bud_terms_append(terms, at, conjunct.literals_n);
	}
	for (size_t j = 0; j < conjunct.literals_n; j++)
		set_literal(terms, (uint16_t)(place + j), &conjunct,
			span_of(cesql_literal(expression, i, j)));
}

static void add_hints(
	struct bud_terms *terms, uint16_t at, const struct cesql_expression *expression)
{
	size_t n_conjuncts = cesql_conjuncts_n(expression);
	size_t taken[BUD_TERMS_HINTS_MAX];
	size_t n = 0;
	uint16_t place;

	for (size_t i = 0; i < n_conjuncts; i++) {
		struct cesql_conjunct conjunct = cesql_conjunct(expression, i);
		if (!is_taken(terms, &conjunct))
			continue;
		terms->hints += count_terms(&conjunct);
		taken[n++] = i;
	}
	if (n == 0)
		return;
	place = bud_terms_append(terms, at, n);
	for (size_t i = 0; i < n; i++)
		set_hint(terms, (uint16_t)(place + i), expression, taken[i]);
}

int bud_sql_compile(struct bud_span text, struct cesql_expression **out_expression,
	struct cesql_fault *out_fault)
{
	/* Strict: what can only give an error is a mistake that its author wants to hear of. */
	const struct cesql_limits limits = {.length_max = BUD_FILTER_TEXT_MAX,
		.depth_max = BUD_FILTER_DEPTH_MAX,
		.is_strict = true};
	int r = cesql_compile(text.at, text.len, &limits, out_expression, out_fault);

	if (r == -ENOMEM)
		abort();
	return r;
}

int bud_sql_read(
	struct bud_terms *terms, uint16_t at, struct bud_span text, struct cesql_fault *out_fault)
{
	struct bud_term *term = &terms->at[at];
	struct cesql_expression *expression = NULL;
	int r = bud_sql_compile(text, &expression, out_fault);

	if (r < 0)
		return r;
	term->kind = BUD_TERM_SQL;
	term->value = span_of(cesql_canonical(expression));
	term->expression = (uint16_t)terms->n_expressions;
	terms->expressions[terms->n_expressions++] = expression;
	add_hints(terms, at, expression);
	return 0;
}

static int32_t read_integer(struct bud_span text)
{
	char digits[16];

	if (text.len >= sizeof(digits))
		return 0; /* checked when it was published */
	memcpy(digits, text.at, text.len);
	digits[text.len] = '\0';
	return (int32_t)strtol(digits, NULL, 10);
}

static bool find_attribute(
	const void *context, struct cesql_text name, struct cesql_value *out_value)
{
	const struct bud_attribute *attribute =
		bud_event_find(context, (struct bud_span){name.at, name.len});

	if (!attribute)
		return false;
	switch (attribute->type) {
	case BUD_ATTRIBUTE_INTEGER:
		out_value->type = CESQL_TYPE_INTEGER;
		out_value->integer = read_integer(attribute->value);
		break;
	case BUD_ATTRIBUTE_BOOLEAN:
		out_value->type = CESQL_TYPE_BOOLEAN;
		out_value->boolean = bud_span_is(attribute->value, "true");
		break;
	case BUD_ATTRIBUTE_TEXT:
		out_value->type = CESQL_TYPE_STRING;
		out_value->string = (struct cesql_text){attribute->value.at, attribute->value.len};
		break;
	}
	return true;
}

enum cesql_error bud_sql_evaluate(const struct cesql_expression *expression,
	const struct bud_event *event, char *scratch, struct cesql_value *out_value)
{
	struct cesql_event asked = {find_attribute, event};

	return cesql_evaluate(expression, &asked, scratch, CESQL_SCRATCH_BYTES, out_value);
}

bool bud_sql_passes(const struct cesql_expression *expression, const struct bud_event *event)
{
	struct cesql_event asked = {find_attribute, event};
	char scratch[CESQL_SCRATCH_BYTES];

	return cesql_passes(expression, &asked, scratch, sizeof(scratch));
}
