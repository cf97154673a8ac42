#include "cases.h"

#include <stdlib.h>
#include <string.h>

static const struct attribute {
	const char *name;
	enum cesql_type type;
	const char *string;
	int32_t number; /* of an integer or a boolean */
} attributes[] = {
	{"id", CESQL_TYPE_STRING, "1", 0},
	{"source", CESQL_TYPE_STRING, "/orders/17", 0},
	{"type", CESQL_TYPE_STRING, "com.example.order.created", 0},
	{"specversion", CESQL_TYPE_STRING, "1.0", 0},
	{"subject", CESQL_TYPE_STRING, "abc", 0},
	{"time", CESQL_TYPE_STRING, "2018-04-26T14:48:09+02:00", 0},
	{"n", CESQL_TYPE_INTEGER, "", 5},
	{"minus", CESQL_TYPE_INTEGER, "", -7},
	{"big", CESQL_TYPE_INTEGER, "", 2147483647},
	{"zero", CESQL_TYPE_INTEGER, "", 0},
	{"yes", CESQL_TYPE_BOOLEAN, "", true},
	{"no", CESQL_TYPE_BOOLEAN, "", false},
	{"digits", CESQL_TYPE_STRING, "42", 0},
	{"word", CESQL_TYPE_STRING, "true", 0},
	{"empty", CESQL_TYPE_STRING, "", 0},
	{"name", CESQL_TYPE_STRING, "Ærlig Øyvind", 0},
	{"1st", CESQL_TYPE_STRING, "first", 0},
	{"longattributename", CESQL_TYPE_STRING, "x", 0},
};

static bool is_named(const struct attribute *attribute, struct cesql_text name)
{
	return strlen(attribute->name) == name.len &&
	       memcmp(attribute->name, name.at, name.len) == 0;
}

static bool find_attribute(const void *event, struct cesql_text name, struct cesql_value *out_value)
{
	(void)event;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		const struct attribute *attribute = &attributes[i];
		if (!is_named(attribute, name))
			continue;
		out_value->type = attribute->type;
		if (attribute->type == CESQL_TYPE_STRING)
			out_value->string =
				(struct cesql_text){attribute->string, strlen(attribute->string)};
		else if (attribute->type == CESQL_TYPE_INTEGER)
			out_value->integer = attribute->number;
		else
			out_value->boolean = attribute->number;
		return true;
	}
	return false;
}

const struct cesql_event cases_event = {find_attribute, NULL};

bool cases_read(FILE *file, char *buffer, size_t room, struct cases_line *line)
{
	char *arrow = NULL;

	while (fgets(buffer, (int)room, file)) {
		line->number++;
		buffer[strcspn(buffer, "\n")] = '\0';
		if (buffer[0] == '#' || buffer[0] == '\0')
			continue;
		for (char *at = buffer; (at = strstr(at, " -> ")); at++)
			arrow = at;
		if (!arrow) {
			fprintf(stderr, "line %zu: no ->\n", line->number);
			exit(1);
		}
		*arrow = '\0';
		line->expression = buffer;
		line->expected = arrow + 4;
		return true;
	}
	return false;
}
