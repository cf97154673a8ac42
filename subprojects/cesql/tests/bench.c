/* CPU nanoseconds per evaluation and per compilation of what filters look like, as a line of JSON
 * each. The event has 12 attributes, found by comparing names one after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cesql.h"

struct attribute {
	struct cesql_text name;
	struct cesql_value value;
};

static struct attribute attributes[12];

static struct cesql_text text_of(const char *text)
{
	return (struct cesql_text){text, strlen(text)};
}

static void fill_event(void)
{
	static const char *const pairs[][2] = {{"specversion", "1.0"},
		{"id", "0b1f9c5e-2f43-4f0e-8f43-0e6a3a0f5a11"}, {"source", "/orders/17"},
		{"type", "com.example.order.created"}, {"time", "2026-04-26T14:48:09Z"},
		{"datacontenttype", "application/json"}, {"subject", "abc"}, {"digits", "42"},
		{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		{"partitionkey", "17"}, {"n", NULL}, {"yes", NULL}};

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		struct attribute *attribute = &attributes[i];
		attribute->name = text_of(pairs[i][0]);
		if (pairs[i][1])
			attribute->value = (struct cesql_value){
				CESQL_TYPE_STRING, {.string = text_of(pairs[i][1])}};
	}
	attributes[10].value = (struct cesql_value){CESQL_TYPE_INTEGER, {.integer = 5}};
	attributes[11].value = (struct cesql_value){CESQL_TYPE_BOOLEAN, {.boolean = true}};
}

static bool find_attribute(const void *event, struct cesql_text name, struct cesql_value *out_value)
{
	const struct attribute *all = event;

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (all[i].name.len != name.len || memcmp(all[i].name.at, name.at, name.len) != 0)
			continue;
		*out_value = all[i].value;
		return true;
	}
	return false;
}

static const struct cesql_event event = {find_attribute, attributes};

static const char *const expressions[] = {
	"type = 'com.example.order.created'",
	"type = 'com.example.order.created' AND source LIKE '/orders/%'",
	"type IN ('a', 'b', 'c', 'com.example.order.created')",
	"EXISTS subject AND subject != 'x' AND n > 3",
	"type LIKE '%order%created' OR subject = 'x'",
	"INT(digits) % 7 = 0 AND NOT (yes XOR TRUE)",
	"LOWER(CONCAT(subject, '-', n)) = 'abc-5'",
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const char *text, size_t n)
{
	char scratch[CESQL_SCRATCH_BYTES];
	struct cesql_expression *expression;
	double began = now_ns();
	double compiled_ns;
	size_t passed = 0;

	for (size_t i = 0; i < n; i++) {
		if (cesql_compile(text, strlen(text), NULL, &expression, NULL) != 0)
			abort();
		if (i + 1 < n)
			cesql_destroy(expression);
	}
	compiled_ns = (now_ns() - began) / (double)n;
	began = now_ns();
	for (size_t i = 0; i < 10 * n; i++)
		passed += cesql_passes(expression, &event, scratch, sizeof(scratch));
	printf("{\"expression\":\"%s\",\"evaluate_ns\":%.1f,\"compile_ns\":%.0f,\"bytes\":%zu,"
	       "\"passes\":%s}\n",
		text, (now_ns() - began) / (double)(10 * n), compiled_ns,
		cesql_size_bytes(expression), passed ? "true" : "false");
	cesql_destroy(expression);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;

	fill_event();
	for (size_t i = 0; n > 0 && i < sizeof(expressions) / sizeof(expressions[0]); i++)
		measure(expressions[i], n);
	return n > 0 ? 0 : 2;
}
