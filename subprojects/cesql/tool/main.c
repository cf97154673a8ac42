/* cesql: evaluates CloudEvents SQL from the command line, against events in JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cesql.h"

#define INPUT_BYTES_MAX ((size_t)16 << 20) /* an event, or a line */
#define SCRATCH_BYTES   ((size_t)64 << 20) /* touched only where it is used */

static const char help[] =
	"usage: cesql [--strict] 'EXPRESSION' < event.json\n"
	"       cesql [--strict] --lines < expressions.ndjson\n"
	"\n"
	"Evaluates a CloudEvents SQL v1 expression. The event is a CloudEvent in JSON; its data\n"
	"is not looked at. Empty input is an event without attributes. Prints the value as JSON\n"
	"and, where there is an error, what it is:\n"
	"\n"
	"  $ echo '{\"type\":\"order.created\"}' | cesql \"type LIKE 'order.%'\"\n"
	"  true\n"
	"  $ echo '{}' | cesql \"subject = 'a'\"\n"
	"  false error=missingAttribute\n"
	"\n"
	"Errors: parse math cast missingAttribute missingFunction functionEvaluation generic.\n"
	"\n"
	"  --lines    read a {\"expression\":\"...\",\"event\":{...}} from each line and print an\n"
	"             answer for each; that of a line that is none is: false error=generic\n"
	"  --strict   an unknown function, a wrong number of arguments, or data: a parse error\n"
	"  --         what follows is the expression, even if it begins with --\n"
	"  --version  print the version\n"
	"  --help     print this\n"
	"\n"
	"Exit code: 0 if every answer was printed, even one with an error; 2 if not.\n";

struct tool {
	struct cesql_limits limits;
	char *scratch;
	size_t line; /* 0: there is only one event */
};

static void complain(const struct tool *tool, const char *text)
{
	if (tool->line > 0)
		fprintf(stderr, "cesql: line %zu: %s\n", tool->line, text);
	else
		fprintf(stderr, "cesql: %s\n", text);
}

static bool find_attribute(const void *event, struct cesql_text name, struct cesql_value *out_value)
{
	const json_t *value;
	char key[CESQL_LENGTH_MAX + 1];

	memcpy(key, name.at, name.len);
	key[name.len] = '\0';
	if (strcmp(key, "data") == 0)
		return false;
	value = json_object_get(event, key);
	if (json_is_string(value)) {
		out_value->type = CESQL_TYPE_STRING;
		out_value->string =
			(struct cesql_text){json_string_value(value), json_string_length(value)};
	} else if (json_is_integer(value)) {
		out_value->type = CESQL_TYPE_INTEGER;
		out_value->integer = (int32_t)json_integer_value(value);
	} else if (json_is_boolean(value)) {
		out_value->type = CESQL_TYPE_BOOLEAN;
		out_value->boolean = json_is_true(value);
	} else {
		return false; /* null, or nothing */
	}
	return true;
}

/* What is no attribute's value in the JSON format of CloudEvents; NULL when all are. */
static const char *find_bad_attribute(json_t *event)
{
	const char *key;
	json_t *value;

	json_object_foreach(event, key, value)
	{
		if (strcmp(key, "data") == 0 || json_is_string(value) || json_is_boolean(value) ||
			json_is_null(value))
			continue;
		if (!json_is_integer(value) || json_integer_value(value) < INT32_MIN ||
			json_integer_value(value) > INT32_MAX)
			return key;
	}
	return NULL;
}

static size_t string_len(const char *at, const char *end)
{
	size_t n = 1;

	while (at + n < end && at[n] != '"')
		n += at[n] == '\\' ? 2 : 1;
	return at + n < end ? n + 1 : (size_t)(end - at);
}

/* 0: it is none. */
static size_t number_len(const char *at)
{
	static const char digits[] = "0123456789";
	size_t n = at[0] == '-';
	size_t whole = strspn(at + n, digits);

	if (whole == 0 || (whole > 1 && at[n] == '0'))
		return 0;
	n += whole;
	if (at[n] == '.') {
		size_t fraction = strspn(at + n + 1, digits);
		if (fraction == 0)
			return 0;
		n += 1 + fraction;
	}
	if (at[n] == 'e' || at[n] == 'E') {
		size_t sign = at[n + 1] == '-' || at[n + 1] == '+';
		size_t power = strspn(at + n + 1 + sign, digits);
		if (power == 0)
			return 0;
		n += 1 + sign + power;
	}
	return n;
}

/* Of an object or array, if its brackets are in pairs; else 1. */
static size_t group_len(const char *at, const char *end)
{
	size_t inside = 0;
	size_t n = 0;

	do {
		if (at[n] == '{' || at[n] == '[')
			inside++;
		else if (at[n] == '}' || at[n] == ']')
			inside--;
		n += at[n] == '"' ? string_len(at + n, end) : 1;
	} while (inside > 0 && at + n < end);
	return inside > 0 ? 1 : n;
}

/* A zero takes the place of data in which a name stands twice, which jansson would not take in the
 * event. */
static bool hide_group(char *at, size_t len)
{
	json_t *json = json_loadb(at, len, JSON_ALLOW_NUL, NULL);

	if (!json)
		return false;
	json_decref(json);
	memset(at, ' ', len);
	*at = '0';
	return true;
}

/* Data is not looked at, and may have what jansson does not take: numbers that it cannot hold, and
 * names twice. Zeros take their place, below `depth`, where the attributes stand, and under "data"
 * there. `text` ends with a NUL. */
static void hide_data(char *text, size_t len, size_t depth)
{
	const char *end = text + len;
	size_t inside = 0;
	bool is_data = false;
	size_t n;

	for (char *at = text; at < end; at += n) {
		n = 1;
		if (*at == '"') {
			n = string_len(at, end);
			if (inside == depth) /* the last one before a value is its name */
				is_data = n == 6 && memcmp(at, "\"data\"", n) == 0;
		} else if (*at == '{' || *at == '[') {
			size_t group = inside == depth && is_data ? group_len(at, end) : 1;
			if (group > 1) {
				hide_data(at, group, 0);
				if (hide_group(at, group)) {
					n = group;
					continue;
				}
			}
			inside++;
		} else if ((*at == '}' || *at == ']') && inside > 0) {
			inside--;
		} else if (*at == '-' || (*at >= '0' && *at <= '9')) {
			n = strspn(at, "+-.0123456789Ee");
			if ((inside > depth || (inside == depth && is_data)) &&
				number_len(at) == n) {
				memset(at, ' ', n);
				*at = '0';
			}
		}
	}
}

static void print_answer(const struct cesql_value *value, enum cesql_error error)
{
	json_t *json;
	char *text;

	if (value->type == CESQL_TYPE_STRING)
		json = json_stringn(value->string.at, value->string.len);
	else if (value->type == CESQL_TYPE_INTEGER)
		json = json_integer(value->integer);
	else
		json = json_boolean(value->boolean);
	text = json_dumps(json, JSON_ENCODE_ANY);
	if (!text) {
		fprintf(stderr, "cesql: out of memory\n");
		exit(2);
	}
	if (error == CESQL_ERROR_NONE)
		puts(text);
	else
		printf("%s error=%s\n", text, cesql_error_name(error));
	free(text);
	json_decref(json);
}

static const struct cesql_value no_value = {.type = CESQL_TYPE_BOOLEAN, .boolean = false};

/* Shows where: the line of the expression and a mark below it, unless that would not be readable.
 */
static void show_fault(
	const struct tool *tool, const char *text, size_t len, const struct cesql_fault *fault)
{
	char message[256];

	snprintf(message, sizeof(message), "at byte %zu of the expression: %s", fault->offset,
		fault->message);
	complain(tool, message);
	if (tool->line > 0 || len > 100)
		return;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7E)
			return;
	}
	fprintf(stderr, "  %.*s\n  %*s^\n", (int)len, text, (int)fault->offset, "");
}

static void answer(const struct tool *tool, const char *text, size_t len, json_t *event)
{
	struct cesql_event source = {find_attribute, event};
	struct cesql_expression *expression;
	struct cesql_fault fault;
	struct cesql_value value;
	enum cesql_error error;
	int result = cesql_compile(text, len, &tool->limits, &expression, &fault);

	if (result == -ENOMEM) {
		complain(tool, "out of memory");
		print_answer(&no_value, CESQL_ERROR_GENERIC);
		return;
	}
	if (result < 0) {
		show_fault(tool, text, len, &fault);
		print_answer(&no_value, CESQL_ERROR_PARSE);
		return;
	}
	error = cesql_evaluate(expression, &source, tool->scratch, SCRATCH_BYTES, &value);
	print_answer(&value, error);
	cesql_destroy(expression);
}

/* `event` may be NULL or null, which is none. False, and said why, when it cannot be one. */
static bool is_event(const struct tool *tool, json_t *event)
{
	char message[256];
	const char *bad;

	if (!event || json_is_null(event))
		return true;
	if (!json_is_object(event)) {
		complain(tool, "the event must be a JSON object");
		return false;
	}
	bad = find_bad_attribute(event);
	if (!bad)
		return true;
	snprintf(message, sizeof(message),
		"the attribute \"%.100s\" must be a string, a boolean or an integer of 32 bits",
		bad);
	complain(tool, message);
	return false;
}

static void answer_line(const struct tool *tool, char *line, size_t len)
{
	json_error_t where;
	json_t *root;
	json_t *expression;
	json_t *event;
	char message[256];

	hide_data(line, len, 2);
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
	expression = json_object_get(root, "expression");
	event = json_object_get(root, "event");
	if (!root) {
		snprintf(message, sizeof(message), "no JSON: %s", where.text);
		complain(tool, message);
	} else if (!json_is_string(expression)) {
		complain(tool, "there must be a string under \"expression\"");
	} else if (is_event(tool, event)) {
		answer(tool, json_string_value(expression), json_string_length(expression), event);
		json_decref(root);
		return;
	}
	print_answer(&no_value, CESQL_ERROR_GENERIC);
	json_decref(root);
}

static int answer_lines(struct tool *tool)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	setvbuf(stdout, NULL, _IOLBF, 0); /* who asks may wait for each answer */
	while (!ferror(stdout) && (len = getline(&line, &room, stdin)) >= 0) {
		tool->line++;
		if ((size_t)len > INPUT_BYTES_MAX) {
			complain(tool, "longer than 16 MiB");
			print_answer(&no_value, CESQL_ERROR_GENERIC);
			continue;
		}
		answer_line(tool, line, (size_t)len);
	}
	free(line);
	if (ferror(stdin)) {
		perror("cesql: standard input");
		return 2;
	}
	return 0;
}

/* All of the standard input; NULL, and said why, when it cannot be had. */
static char *read_all(size_t *out_len)
{
	char *bytes = malloc(INPUT_BYTES_MAX + 2);
	size_t len;

	if (!bytes) {
		fprintf(stderr, "cesql: out of memory\n");
		return NULL;
	}
	len = fread(bytes, 1, INPUT_BYTES_MAX + 1, stdin);
	if (ferror(stdin)) {
		perror("cesql: standard input");
		free(bytes);
		return NULL;
	}
	if (len > INPUT_BYTES_MAX) {
		fprintf(stderr, "cesql: the event is longer than 16 MiB\n");
		free(bytes);
		return NULL;
	}
	bytes[len] = '\0';
	*out_len = len;
	return bytes;
}

static int answer_one(const struct tool *tool, const char *text)
{
	json_error_t where;
	json_t *event = NULL;
	size_t len;
	char *bytes;

	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "cesql: the event is read from the standard input:\n"
				"       cesql 'EXPRESSION' < event.json\n");
		return 2;
	}
	bytes = read_all(&len);
	if (!bytes)
		return 2;
	if (strspn(bytes, " \t\r\n") < len) {
		hide_data(bytes, len, 1);
		event = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
		if (!event) {
			fprintf(stderr, "cesql: the event is no JSON: line %d, column %d: %s\n",
				where.line, where.column, where.text);
			free(bytes);
			return 2;
		}
	}
	free(bytes);
	if (!is_event(tool, event)) {
		json_decref(event);
		return 2;
	}
	answer(tool, text, strlen(text), event);
	json_decref(event);
	return 0;
}

static int misused(const char *why)
{
	fprintf(stderr,
		"cesql: %s\n"
		"usage: cesql [--strict] 'EXPRESSION' < event.json\n"
		"       cesql [--strict] --lines < expressions.ndjson\n"
		"       cesql --help\n",
		why);
	return 2;
}

/* The exit code; what was buffered must get out, too. */
static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "cesql: cannot write to the standard output\n");
	return 2;
}

/* --10 and --'10' are expressions. */
static bool is_option(const char *word)
{
	return strncmp(word, "--", 2) == 0 &&
	       ((word[2] >= 'a' && word[2] <= 'z') || (word[2] >= 'A' && word[2] <= 'Z'));
}

int main(int argc, char **argv)
{
	struct tool tool = {0};
	const char *expression = NULL;
	bool is_lines = false;
	bool is_over = false; /* -- was seen */
	int code;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (!is_over && strcmp(word, "--help") == 0) {
			fputs(help, stdout);
			return finish(0);
		}
		if (!is_over && strcmp(word, "--version") == 0) {
			printf("cesql %s\n", cesql_version());
			return finish(0);
		}
		if (!is_over && strcmp(word, "--") == 0)
			is_over = true;
		else if (!is_over && strcmp(word, "--lines") == 0)
			is_lines = true;
		else if (!is_over && strcmp(word, "--strict") == 0)
			tool.limits.is_strict = true;
		else if (!is_over && is_option(word))
			return misused("no such option; an expression that begins with -- and a "
				       "letter goes after --");
		else if (expression)
			return misused("one expression only: put it in quotes");
		else
			expression = word;
	}
	if (is_lines && expression)
		return misused("with --lines the expressions are in the input");
	if (!is_lines && !expression)
		return misused("there is no expression");
	tool.scratch = malloc(SCRATCH_BYTES);
	if (!tool.scratch)
		return misused("there is no memory");
	code = is_lines ? answer_lines(&tool) : answer_one(&tool, expression);
	free(tool.scratch);
	return finish(code);
}
