/* Explanations of SQL. */
#include "subscription/explain_sql.h"

#include <assert.h>
#include <cesql.h>
#include <inttypes.h>

#include "core/alloc.h"
#include "event/event.h"
#include "subscription/filter_sql.h"

static struct bud_span span_of(struct cesql_text text)
{
	return (struct bud_span){text.at, text.len};
}

static void write_value(struct bud_buffer *out, const struct cesql_value *value)
{
	switch (value->type) {
	case CESQL_TYPE_STRING:
		bud_buffer_json(out, span_of(value->string));
		break;
	case CESQL_TYPE_INTEGER:
		bud_buffer_format(out, "%" PRId32, value->integer);
		break;
	case CESQL_TYPE_BOOLEAN:
		bud_buffer_text(out, value->boolean ? "true" : "false");
		break;
	}
}

/* True: a text for one, an array for several, and an object for what is no text to be equal to. */
static void write_wanted(
	struct bud_buffer *out, const struct cesql_expression *expression, size_t i)
{
	struct cesql_conjunct conjunct = cesql_conjunct(expression, i);

	if (conjunct.need == CESQL_NEED_EXISTS) {
		bud_buffer_text(out, "{\"exists\":true}");
		return;
	}
	if (conjunct.need == CESQL_NEED_PREFIX)
		bud_buffer_text(out, "{\"prefix\":");
	if (conjunct.literals_n > 1)
		bud_buffer_byte(out, '[');
	for (size_t j = 0; j < conjunct.literals_n; j++) {
		if (j > 0)
			bud_buffer_byte(out, ',');
		bud_buffer_json(out, span_of(cesql_literal(expression, i, j)));
	}
	if (conjunct.literals_n > 1)
		bud_buffer_byte(out, ']');
	if (conjunct.need == CESQL_NEED_PREFIX)
		bud_buffer_byte(out, '}');
}

static bool need_holds(
	const struct cesql_expression *expression, size_t i, const struct bud_attribute *attribute)
{
	struct cesql_conjunct conjunct = cesql_conjunct(expression, i);

	if (!attribute || conjunct.need == CESQL_NEED_EXISTS)
		return attribute;
	for (size_t j = 0; j < conjunct.literals_n; j++) {
		struct bud_span literal = span_of(cesql_literal(expression, i, j));
		if (conjunct.need == CESQL_NEED_PREFIX ? bud_span_starts(attribute->value, literal)
						       : bud_span_equals(attribute->value, literal))
			return true;
	}
	return false;
}

struct explaining {
	const struct cesql_expression *expression;
	const struct bud_event *event;
	bud_sql_clause_fn fn;
	void *owner;
};

static void explain_need(const struct explaining *explaining, size_t i)
{
	struct cesql_conjunct conjunct = cesql_conjunct(explaining->expression, i);
	const struct bud_attribute *attribute =
		bud_event_find(explaining->event, span_of(conjunct.attribute));
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer wanted = {0};
	bud_auto(buffer) struct bud_buffer actual = {0};
	struct bud_sql_clause clause = {.holds = need_holds(explaining->expression, i, attribute)};

	bud_buffer_span(&name, span_of(conjunct.attribute));
	write_wanted(&wanted, explaining->expression, i);
	if (attribute)
		bud_buffer_json(&actual, attribute->value);
	else
		bud_buffer_text(&actual, "null");
	clause.name = name.at;
	clause.wanted = wanted.at;
	clause.actual = actual.at;
	explaining->fn(explaining->owner, &clause);
}

static void explain_whole(const struct explaining *explaining, struct bud_span text)
{
	char scratch[CESQL_SCRATCH_BYTES];
	bud_auto(buffer) struct bud_buffer wanted = {0};
	bud_auto(buffer) struct bud_buffer actual = {0};
	struct cesql_value value;
	enum cesql_error error =
		bud_sql_evaluate(explaining->expression, explaining->event, scratch, &value);
	struct bud_sql_clause clause = {.holds = error == CESQL_ERROR_NONE &&
						 value.type == CESQL_TYPE_BOOLEAN && value.boolean};

	bud_buffer_json(&wanted, text);
	write_value(&actual, &value);
	clause.wanted = wanted.at;
	clause.actual = actual.at;
	clause.error = error == CESQL_ERROR_NONE ? NULL : cesql_error_name(error);
	explaining->fn(explaining->owner, &clause);
}

void bud_explain_sql(
	struct bud_span text, const struct bud_event *event, bud_sql_clause_fn fn, void *owner)
{
	struct cesql_expression *expression = NULL;
	struct explaining explaining = {.event = event, .fn = fn, .owner = owner};
	int r = bud_sql_compile(text, &expression, NULL);

	assert(r == 0);
	explaining.expression = expression;
	explain_whole(&explaining, text);
	for (size_t i = 0; i < cesql_conjuncts_n(expression); i++)
		explain_need(&explaining, i);
	cesql_destroy(expression);
}
