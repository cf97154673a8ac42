/* Whatever a random expression gives for a random event, the reference gives as well: value and
 * error. Two ways to write it are one expression. And what passes has all that the conjuncts say.
 *
 *   test_reference [SEED [EXPRESSIONS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_tree.h"

#define EXPRESSIONS_DEFAULT 40000u
#define EVENTS              5u /* per expression */
#define TEXT_MAX            16384u
#define SCRATCH_BYTES       32768u
#define TEXTS_BYTES         1024u

static struct random_tree tree;
static struct reference_event event;
static struct cesql_value values[REFERENCE_ATTRIBUTES]; /* the same event, for the library */
static char texts[REFERENCE_ATTRIBUTES][TEXTS_BYTES];
static struct {
	size_t comparisons, passed, conjuncts, errors[CESQL_ERROR_GENERIC + 1];
	size_t kinds[REFERENCE_CALL + 1], operators[REFERENCE_OPERATORS];
	size_t functions[REFERENCE_FUNCTIONS];
} seen;

static bool find_attribute(const void *data, struct cesql_text name, struct cesql_value *out_value)
{
	(void)data;
	for (size_t i = 0; i < REFERENCE_ATTRIBUTES; i++) {
		if (strlen(reference_attributes[i]) != name.len ||
			memcmp(reference_attributes[i], name.at, name.len) != 0)
			continue;
		if (event.exists[i])
			*out_value = values[i];
		return event.exists[i];
	}
	abort(); /* no other name was written */
}

static const struct cesql_event library_event = {find_attribute, NULL};

static void translate_event(void)
{
	for (size_t i = 0; i < REFERENCE_ATTRIBUTES; i++) {
		const struct reference_value *value = &event.values[i];
		values[i].type = value->type;
		if (value->type == CESQL_TYPE_STRING)
			values[i].string = (struct cesql_text){texts[i],
				random_encode(value->string.at, value->string.n, texts[i])};
		else if (value->type == CESQL_TYPE_INTEGER)
			values[i].integer = value->number;
		else
			values[i].boolean = value->number;
	}
}

static void count(const struct reference_node *node)
{
	seen.kinds[node->kind]++;
	if (node->kind == REFERENCE_BINARY)
		seen.operators[node->name]++;
	if (node->kind == REFERENCE_CALL)
		seen.functions[node->name]++;
	for (size_t i = 0; i < node->n; i++)
		count(node->children[i]);
}

static void disagree(const char *what, const char *text, size_t len)
{
	printf("%s\n%.*s\n", what, (int)len, text);
	for (size_t i = 0; i < REFERENCE_ATTRIBUTES; i++) {
		printf("  %s: ", reference_attributes[i]);
		if (!event.exists[i])
			printf("none\n");
		else if (values[i].type == CESQL_TYPE_STRING)
			printf("\"%.*s\"\n", (int)values[i].string.len, values[i].string.at);
		else if (values[i].type == CESQL_TYPE_INTEGER)
			printf("%d\n", values[i].integer);
		else
			printf("%s\n", values[i].boolean ? "true" : "false");
	}
	exit(1);
}

static bool is_same(const struct cesql_value *value, const struct reference_value *expected)
{
	static char text[REFERENCE_STRING_MAX * 4];

	if (value->type != expected->type)
		return false;
	if (value->type == CESQL_TYPE_INTEGER)
		return value->integer == expected->number;
	if (value->type == CESQL_TYPE_BOOLEAN)
		return value->boolean == (bool)expected->number;
	return value->string.len == random_encode(expected->string.at, expected->string.n, text) &&
	       memcmp(value->string.at, text, value->string.len) == 0;
}

/* As an index sees it. */
static struct cesql_text text_of(const struct cesql_value *value, char *buffer)
{
	if (value->type == CESQL_TYPE_STRING)
		return value->string;
	if (value->type == CESQL_TYPE_INTEGER)
		sprintf(buffer, "%d", value->integer);
	else
		strcpy(buffer, value->boolean ? "true" : "false");
	return (struct cesql_text){buffer, strlen(buffer)};
}

static bool holds(const struct cesql_expression *expression, size_t i)
{
	struct cesql_conjunct conjunct = cesql_conjunct(expression, i);
	struct cesql_value value;
	char buffer[16];
	struct cesql_text text;

	if (!find_attribute(NULL, conjunct.attribute, &value))
		return false;
	text = text_of(&value, buffer);
	for (size_t k = 0; k < conjunct.literals_n; k++) {
		struct cesql_text literal = cesql_literal(expression, i, k);
		bool is_prefix = conjunct.need == CESQL_NEED_PREFIX;
		if ((is_prefix ? text.len >= literal.len : text.len == literal.len) &&
			memcmp(text.at, literal.at, literal.len) == 0)
			return true;
	}
	return conjunct.need == CESQL_NEED_EXISTS;
}

static void compare(const struct reference_node *node, const struct cesql_expression *expression,
	const char *text, size_t len)
{
	static struct reference_value expected;
	static char scratch[SCRATCH_BYTES];
	struct cesql_value value;
	enum cesql_error error =
		cesql_evaluate(expression, &library_event, scratch, sizeof(scratch), &value);

	reference_evaluate(node, &event, &expected);
	if (error != expected.error || !is_same(&value, &expected))
		disagree("value or error", text, len);
	seen.comparisons++;
	seen.errors[error]++;
	if (!cesql_passes(expression, &library_event, scratch, sizeof(scratch)))
		return;
	seen.passed++;
	for (size_t i = 0; i < cesql_conjuncts_n(expression); i++) {
		seen.conjuncts++;
		if (!holds(expression, i))
			disagree("passes without a conjunct", text, len);
	}
}

static void try_expression(void)
{
	static char text[TEXT_MAX];
	static char other_text[TEXT_MAX];
	const struct reference_node *node =
		random_tree_make(&tree, 1 + random_below(&tree.state, 4));
	size_t len = random_tree_write(&tree.state, node, text);
	size_t other_len = random_tree_write(&tree.state, node, other_text);
	struct cesql_expression *expression;
	struct cesql_expression *other;

	if (len > CESQL_LENGTH_MAX || other_len > CESQL_LENGTH_MAX)
		return;
	if (cesql_compile(text, len, NULL, &expression, NULL) != 0)
		disagree("is no expression", text, len);
	if (cesql_compile(other_text, other_len, NULL, &other, NULL) != 0)
		disagree("is no expression", other_text, other_len);
	if (!cesql_equals(expression, other) || cesql_hash(expression) != cesql_hash(other))
		disagree("is not the same, written another way", text, len);
	count(node);
	for (size_t i = 0; i < EVENTS; i++) {
		random_event_make(&tree.state, &event);
		translate_event();
		compare(node, expression, text, len);
	}
	cesql_destroy(expression);
	cesql_destroy(other);
}

/* A comparison that never meets something says nothing about it. */
static bool is_enough(const char *what, const size_t *counts, size_t from, size_t n, size_t least)
{
	bool is = true;

	printf("%s:", what);
	for (size_t i = from; i < n; i++) {
		printf(" %zu", counts[i]);
		is = is && counts[i] >= least;
	}
	printf("\n");
	return is;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 0) : EXPRESSIONS_DEFAULT;
	size_t least = n / 200;
	bool is = true;

	if (argc < 3 && getenv("BUD_TEST_NIGHTLY"))
		n *= 50;
	tree.state = seed * 0x9E3779B97F4A7C15u + 1;
	for (size_t i = 0; i < n; i++)
		try_expression();
	printf("seed %llu: %zu comparisons, %zu passed, %zu conjuncts held\n",
		(unsigned long long)seed, seen.comparisons, seen.passed, seen.conjuncts);
	is &= is_enough("kinds", seen.kinds, 0, REFERENCE_CALL + 1, least);
	is &= is_enough("operators", seen.operators, 0, REFERENCE_OPERATORS, least);
	is &= is_enough("functions", seen.functions, 0, REFERENCE_FUNCTIONS, least);
	is &= is_enough("errors", seen.errors, CESQL_ERROR_MATH, CESQL_ERROR_GENERIC, least);
	if (!is || seen.passed < n / 4)
		printf("some of it was not met often enough\n");
	return is && seen.passed >= n / 4 ? 0 : 1;
}
