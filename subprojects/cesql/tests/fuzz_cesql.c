/* The first line is an expression, each further one an attribute: name, `=` for a string, `#` for
 * an integer or `?` for a boolean, and its value. What must hold of any: a fault lies within the
 * text; the same comes out twice, and in parentheses; less scratch gives the same or generic; what
 * passes has its conjuncts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cesql.h"

#define ATTRIBUTES_MAX 16u
#define SCRATCH_BYTES  65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct attribute {
	struct cesql_text name;
	struct cesql_value value;
};
struct attributes {
	size_t n;
	struct attribute all[ATTRIBUTES_MAX];
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_equal(struct cesql_text a, struct cesql_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static struct cesql_text take_line(struct cesql_text *rest)
{
	const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
	struct cesql_text line = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
	size_t taken = line.len + (end != NULL);

	*rest = (struct cesql_text){rest->at + taken, rest->len - taken};
	return line;
}

/* Values are UTF-8, as the header asks for: only an expression is checked. A text in quotes says
 * whether it is. */
static bool is_utf8(struct cesql_text text)
{
	struct cesql_expression *expression;
	char quoted[CESQL_LENGTH_MAX];

	if (text.len + 2 > sizeof(quoted) || memchr(text.at, '\'', text.len) ||
		memchr(text.at, '\\', text.len))
		return false;
	quoted[0] = '\'';
	memcpy(quoted + 1, text.at, text.len);
	quoted[text.len + 1] = '\'';
	if (cesql_compile(quoted, text.len + 2, NULL, &expression, NULL) != 0)
		return false;
	cesql_destroy(expression);
	return true;
}

static bool read_attribute(struct cesql_text line, struct attribute *out)
{
	char number[12] = {0};
	size_t name_len = 0;
	struct cesql_text value;

	while (name_len < line.len && !strchr("=#?", line.at[name_len]))
		name_len++;
	if (name_len == line.len)
		return false;
	value = (struct cesql_text){line.at + name_len + 1, line.len - name_len - 1};
	out->name = (struct cesql_text){line.at, name_len};
	memcpy(number, value.at, value.len < 11 ? value.len : 11);
	out->value = (struct cesql_value){.type = CESQL_TYPE_STRING, .string = value};
	if (line.at[name_len] == '#')
		out->value = (struct cesql_value){
			.type = CESQL_TYPE_INTEGER, .integer = (int32_t)atoll(number)};
	else if (line.at[name_len] == '?')
		out->value = (struct cesql_value){
			.type = CESQL_TYPE_BOOLEAN, .boolean = number[0] == '1'};
	else if (!is_utf8(value))
		return false;
	return true;
}

static bool find_attribute(const void *event, struct cesql_text name, struct cesql_value *out_value)
{
	const struct attributes *attributes = event;

	for (size_t i = 0; i < attributes->n; i++) {
		if (!is_equal(attributes->all[i].name, name))
			continue;
		*out_value = attributes->all[i].value;
		return true;
	}
	return false;
}

static bool is_same(const struct cesql_value *a, const struct cesql_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == CESQL_TYPE_STRING)
		return is_equal(a->string, b->string);
	return a->type == CESQL_TYPE_INTEGER ? a->integer == b->integer : a->boolean == b->boolean;
}

static bool holds(
	const struct cesql_expression *expression, size_t i, const struct cesql_event *event)
{
	struct cesql_conjunct conjunct = cesql_conjunct(expression, i);
	struct cesql_value value;
	char number[16];

	if (!event->attribute(event->event, conjunct.attribute, &value))
		return false;
	if (value.type == CESQL_TYPE_INTEGER) {
		int len = snprintf(number, sizeof(number), "%d", value.integer);
		value.string = (struct cesql_text){number, (size_t)len};
	} else if (value.type == CESQL_TYPE_BOOLEAN) {
		value.string = value.boolean ? (struct cesql_text){"true", 4}
					     : (struct cesql_text){"false", 5};
	}
	for (size_t k = 0; k < conjunct.literals_n; k++) {
		struct cesql_text literal = cesql_literal(expression, i, k);
		struct cesql_text text = value.string;
		if (conjunct.need == CESQL_NEED_PREFIX && text.len > literal.len)
			text.len = literal.len;
		if (is_equal(text, literal))
			return true;
	}
	return conjunct.need == CESQL_NEED_EXISTS;
}

/* Parentheses change nothing, unless they are too many or too long. */
static void check_parentheses(struct cesql_text text, const struct cesql_expression *expression)
{
	struct cesql_expression *other;
	char longer[CESQL_LENGTH_MAX + 4];

	longer[0] = '(';
	memcpy(longer + 1, text.at, text.len);
	memcpy(longer + 1 + text.len, "\n)", 2);
	if (cesql_compile(longer, text.len + 3, NULL, &other, NULL) != 0)
		return;
	must(cesql_equals(expression, other) && cesql_hash(expression) == cesql_hash(other));
	cesql_destroy(other);
}

static void check_evaluation(
	const struct cesql_expression *expression, const struct cesql_event *event)
{
	static char scratch[SCRATCH_BYTES];
	struct cesql_value value;
	enum cesql_error error =
		cesql_evaluate(expression, event, scratch, sizeof(scratch), &value);

	must(error != CESQL_ERROR_PARSE);
	for (size_t len = 0; len < 64; len += 9) {
		char *small = malloc(len + 1);
		struct cesql_value other;
		enum cesql_error other_error =
			cesql_evaluate(expression, event, small + 1, len, &other);
		must(other_error == CESQL_ERROR_GENERIC ||
			(other_error == error && is_same(&value, &other)));
		free(small);
	}
	if (!cesql_passes(expression, event, scratch, sizeof(scratch)))
		return;
	must(error == CESQL_ERROR_NONE && value.type == CESQL_TYPE_BOOLEAN && value.boolean);
	for (size_t i = 0; i < cesql_conjuncts_n(expression); i++)
		must(holds(expression, i, event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cesql_text rest = {(const char *)data, size};
	struct cesql_text text = take_line(&rest);
	struct attributes attributes = {0};
	struct cesql_event event = {find_attribute, &attributes};
	struct cesql_expression *expression;
	struct cesql_fault fault;

	if (cesql_compile(text.at, text.len, NULL, &expression, &fault) != 0) {
		must(fault.offset <= text.len && fault.message[0] &&
			memchr(fault.message, '\0', sizeof(fault.message)));
		return 0;
	}
	while (rest.len > 0 && attributes.n < ATTRIBUTES_MAX) {
		if (read_attribute(take_line(&rest), &attributes.all[attributes.n]))
			attributes.n++;
	}
	check_parentheses(text, expression);
	check_evaluation(expression, &event);
	cesql_destroy(expression);
	return 0;
}
