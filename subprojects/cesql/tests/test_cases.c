/* Every line of cases.txt holds: value, kind of error, place of a fault. Each expression also means
 * the same in parentheses, and what does not fit into the scratch is generic, never something else.
 */
#include <stdlib.h>
#include <string.h>

#include "cases.h"

#define SCRATCH_BYTES 4096u

static size_t failures;

static void report(const struct cases_line *line, const char *got)
{
	printf("line %zu: %s\n    expected %s\n    got      %s\n", line->number, line->expression,
		line->expected, got);
	failures++;
}

/* As the table writes values. */
static void write_value(const struct cesql_value *value, char *to)
{
	if (value->type == CESQL_TYPE_INTEGER) {
		sprintf(to, "%d", value->integer);
		return;
	}
	if (value->type == CESQL_TYPE_BOOLEAN) {
		strcpy(to, value->boolean ? "true" : "false");
		return;
	}
	*to++ = '"';
	for (size_t i = 0; i < value->string.len; i++) {
		if (value->string.at[i] == '"' || value->string.at[i] == '\\')
			*to++ = '\\';
		*to++ = value->string.at[i];
	}
	strcpy(to, "\"");
}

static void write_answer(const struct cesql_value *value, enum cesql_error error, char *to)
{
	write_value(value, to);
	if (error != CESQL_ERROR_NONE) {
		strcat(to, " ");
		strcat(to, cesql_error_name(error));
	}
}

static void check_fault(const struct cases_line *line, int result, const struct cesql_fault *fault)
{
	char *end;
	size_t offset;
	char got[256];

	snprintf(got, sizeof(got), "%d @%zu %s", result, fault->offset, fault->message);
	if (strncmp(line->expected, "parse @", 7) != 0) {
		report(line, got);
		return;
	}
	offset = strtoul(line->expected + 7, &end, 10);
	if (offset != fault->offset || (*end == ' ' && !strstr(fault->message, end + 1)))
		report(line, got);
}

static void check_small_scratch(const struct cases_line *line,
	const struct cesql_expression *expression, const char *expected)
{
	for (size_t len = 0; len < 40; len++) {
		/* Of exactly that size, so that a sanitizer sees a write behind it. */
		char *scratch = malloc(len + 1);
		struct cesql_value value;
		enum cesql_error error =
			cesql_evaluate(expression, &cases_event, scratch + 1, len, &value);
		char got[SCRATCH_BYTES];
		write_answer(&value, error, got);
		if (error != CESQL_ERROR_GENERIC && strcmp(got, expected) != 0)
			report(line, got);
		free(scratch);
	}
}

static void check_parentheses(
	const struct cases_line *line, const struct cesql_expression *expression)
{
	struct cesql_expression *other;
	char text[SCRATCH_BYTES];

	snprintf(text, sizeof(text), "\n( (%s\t))", line->expression);
	if (cesql_compile(text, strlen(text), NULL, &other, NULL) != 0) {
		report(line, "no expression in parentheses");
		return;
	}
	if (!cesql_equals(expression, other) || cesql_hash(expression) != cesql_hash(other))
		report(line, "another one in parentheses");
	cesql_destroy(other);
}

static void check(const struct cases_line *line)
{
	size_t len = strlen(line->expression);
	char *text = malloc(len + 1); /* no NUL behind it */
	struct cesql_expression *expression;
	struct cesql_fault fault;
	struct cesql_value value;
	char scratch[SCRATCH_BYTES];
	char got[SCRATCH_BYTES];
	int result;

	memcpy(text + 1, line->expression, len);
	result = cesql_compile(text + 1, len, NULL, &expression, &fault);
	free(text);
	if (result != 0) {
		check_fault(line, result, &fault);
		return;
	}
	write_answer(&value,
		cesql_evaluate(expression, &cases_event, scratch, sizeof(scratch), &value), got);
	if (strcmp(got, line->expected) != 0)
		report(line, got);
	if (cesql_passes(expression, &cases_event, scratch, sizeof(scratch)) !=
		(strcmp(got, "true") == 0))
		report(line, "passes, or does not");
	check_small_scratch(line, expression, got);
	check_parentheses(line, expression);
	cesql_destroy(expression);
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	struct cases_line line = {0};
	char buffer[SCRATCH_BYTES];
	size_t n = 0;

	if (!file) {
		fprintf(stderr, "usage: test_cases cases.txt\n");
		return 2;
	}
	for (; cases_read(file, buffer, sizeof(buffer), &line); n++)
		check(&line);
	fclose(file);
	printf("%zu cases, %zu failures\n", n, failures);
	return failures == 0 && n >= 250 ? 0 : 1;
}
