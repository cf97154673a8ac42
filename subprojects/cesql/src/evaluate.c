#include "evaluate.h"

#include <string.h>

#include "like.h"

struct machine {
	const struct cesql_place *places; /* of the expression's texts */
	const char *bytes;                /* and what they are */
	const struct cesql_event *event;
	struct cesql_scratch *scratch;
	struct cesql_value *top; /* the next free one */
	size_t next;             /* instruction */
};

static struct cesql_text text_at(const struct machine *machine, size_t i)
{
	return (struct cesql_text){
		machine->bytes + machine->places[i].offset, machine->places[i].len};
}

static bool find(const struct machine *machine, size_t text, struct cesql_value *out_value)
{
	return machine->event->attribute(machine->event->event, text_at(machine, text), out_value);
}

static void push_boolean(struct machine *machine, bool boolean)
{
	*machine->top++ = cesql_boolean_value(boolean);
}

static enum cesql_error push_attribute(struct machine *machine, size_t text)
{
	if (!find(machine, text, machine->top)) {
		push_boolean(machine, false);
		return CESQL_ERROR_MISSING_ATTRIBUTE;
	}
	machine->top++;
	return CESQL_ERROR_NONE;
}

/* The attribute against a literal, both as text: `is` or `begins`. */
static enum cesql_error compare_text(
	struct machine *machine, const struct cesql_instruction *instruction, bool is_prefix)
{
	struct cesql_text literal = text_at(machine, (size_t)instruction->wide);
	char buffer[CESQL_INTEGER_BYTES];
	struct cesql_value value;
	struct cesql_text text;

	if (!find(machine, instruction->a, &value)) {
		push_boolean(machine, false);
		return CESQL_ERROR_MISSING_ATTRIBUTE;
	}
	text = cesql_to_text(&value, buffer);
	if (is_prefix && text.len > literal.len)
		text.len = literal.len;
	push_boolean(machine, cesql_text_equals(text, literal) != (bool)instruction->flag);
	return CESQL_ERROR_NONE;
}

static enum cesql_error compare_set(
	struct machine *machine, const struct cesql_instruction *instruction)
{
	size_t begin = (uint32_t)instruction->wide & 0xFFFF;
	size_t end = begin + ((uint32_t)instruction->wide >> 16);
	bool is_element = false;
	struct cesql_value value;

	push_boolean(machine, false);
	if (!find(machine, instruction->a, &value))
		return CESQL_ERROR_MISSING_ATTRIBUTE;
	for (size_t i = begin; i < end && !is_element; i++) {
		struct cesql_value element = cesql_string_value(text_at(machine, i));
		enum cesql_error error = cesql_is_element(&value, &element, &is_element);
		if (error != CESQL_ERROR_NONE)
			return error;
	}
	machine->top[-1].boolean = is_element != (bool)instruction->flag;
	return CESQL_ERROR_NONE;
}

/* The left side decides: it is the result. Otherwise it goes, and the right side is the result. */
static enum cesql_error skip(struct machine *machine, const struct cesql_instruction *instruction)
{
	struct cesql_value *left = &machine->top[-1];
	bool boolean;
	enum cesql_error error = cesql_to_boolean(left, &boolean);

	*left = cesql_boolean_value(boolean);
	if (error != CESQL_ERROR_NONE)
		return error;
	if (boolean == (instruction->flag == CESQL_OPERATOR_OR))
		machine->next = instruction->a;
	else
		machine->top--;
	return CESQL_ERROR_NONE;
}

static enum cesql_error compare_element(
	struct machine *machine, const struct cesql_instruction *instruction)
{
	struct cesql_value *left = &machine->top[-2];
	bool is_element;
	enum cesql_error error = cesql_is_element(left, left + 1, &is_element);

	machine->top--;
	if (error == CESQL_ERROR_NONE && is_element) {
		*left = cesql_boolean_value(!instruction->flag);
		machine->next = instruction->a;
	}
	return error;
}

static enum cesql_error call(struct machine *machine, enum cesql_function function)
{
	struct cesql_value *arguments = machine->top - cesql_function_arguments_n(function);

	machine->top = arguments + 1;
	return cesql_function_call(function, arguments, machine->scratch, arguments);
}

static void begin_concat(struct machine *machine)
{
	struct cesql_scratch *scratch = machine->scratch;

	*machine->top++ = cesql_string_value((struct cesql_text){scratch->at + scratch->used, 0});
}

static enum cesql_error append(struct machine *machine, bool has_delimiter)
{
	struct cesql_value *whole = &machine->top[-2];
	struct cesql_text delimiter = has_delimiter ? whole[-1].string : (struct cesql_text){"", 0};

	machine->top--;
	return cesql_append(whole, delimiter, whole + 1, machine->scratch);
}

static enum cesql_error match(struct machine *machine, const struct cesql_instruction *instruction)
{
	char buffer[CESQL_INTEGER_BYTES];
	struct cesql_value *value = &machine->top[-1];
	bool is_match =
		cesql_like_match(text_at(machine, instruction->a), cesql_to_text(value, buffer));

	*value = cesql_boolean_value(is_match != (bool)instruction->flag);
	return CESQL_ERROR_NONE;
}

static enum cesql_error negate(struct cesql_value *value)
{
	bool boolean;
	enum cesql_error error = cesql_to_boolean(value, &boolean);

	*value = cesql_boolean_value(error == CESQL_ERROR_NONE && !boolean);
	return error;
}

/* What filters have most is in the caller. */
static enum cesql_error step_rarely(
	struct machine *machine, const struct cesql_instruction *instruction)
{
	struct cesql_value *top = machine->top;

	switch (instruction->code) {
	case CESQL_CODE_NOT:
		return negate(top - 1);
	case CESQL_CODE_MINUS:
		return cesql_negate(top - 1, top - 1);
	case CESQL_CODE_LIKE:
		return match(machine, instruction);
	case CESQL_CODE_ELEMENT:
		return compare_element(machine, instruction);
	case CESQL_CODE_NO_ELEMENT:
		top[-1] = cesql_boolean_value(instruction->flag);
		return CESQL_ERROR_NONE;
	case CESQL_CODE_CONCAT:
		begin_concat(machine);
		return CESQL_ERROR_NONE;
	case CESQL_CODE_APPEND:
	case CESQL_CODE_APPEND_WS:
		return append(machine, instruction->code == CESQL_CODE_APPEND_WS);
	case CESQL_CODE_WITHOUT:
		top[-2] = top[-1];
		machine->top--;
		return CESQL_ERROR_NONE;
	default: /* CESQL_CODE_MISSING_FUNCTION */
		push_boolean(machine, false);
		return CESQL_ERROR_MISSING_FUNCTION;
	}
}

static enum cesql_error step(struct machine *machine, const struct cesql_instruction *instruction)
{
	struct cesql_value value;
	struct cesql_value *top = machine->top;

	switch (instruction->code) {
	case CESQL_CODE_ATTRIBUTE_IS:
	case CESQL_CODE_ATTRIBUTE_BEGINS:
		return compare_text(
			machine, instruction, instruction->code == CESQL_CODE_ATTRIBUTE_BEGINS);
	case CESQL_CODE_ATTRIBUTE_IN:
		return compare_set(machine, instruction);
	case CESQL_CODE_SKIP:
		return skip(machine, instruction);
	case CESQL_CODE_ATTRIBUTE:
		return push_attribute(machine, instruction->a);
	case CESQL_CODE_EXISTS:
		push_boolean(machine, find(machine, instruction->a, &value));
		return CESQL_ERROR_NONE;
	case CESQL_CODE_STRING:
		*machine->top++ = cesql_string_value(text_at(machine, instruction->a));
		return CESQL_ERROR_NONE;
	case CESQL_CODE_INTEGER:
		*machine->top++ = cesql_integer_value(instruction->wide);
		return CESQL_ERROR_NONE;
	case CESQL_CODE_BOOLEAN:
		push_boolean(machine, instruction->flag);
		return CESQL_ERROR_NONE;
	case CESQL_CODE_OPERATE:
		machine->top--;
		return cesql_operate(
			(enum cesql_operator)instruction->flag, top - 2, top - 1, top - 2);
	case CESQL_CODE_CALL:
		return call(machine, (enum cesql_function)instruction->flag);
	default:
		return step_rarely(machine, instruction);
	}
}

enum cesql_error cesql_run(const struct cesql_expression *expression,
	const struct cesql_event *event, struct cesql_scratch *scratch,
	struct cesql_value *out_value)
{
	struct cesql_value stack[CESQL_STACK_MAX];
	struct machine machine = {.places = cesql_places(expression),
		.bytes = cesql_bytes(expression),
		.event = event,
		.scratch = scratch,
		.top = stack};

	while (machine.next < expression->code_n) {
		const struct cesql_instruction *instruction = &expression->code[machine.next++];
		enum cesql_error error = step(&machine, instruction);
		if (error != CESQL_ERROR_NONE) {
			bool is_root = machine.next == expression->code_n;
			*out_value = is_root ? machine.top[-1]
					     : cesql_zero((enum cesql_type)expression->zero_type);
			return error;
		}
		if (machine.top == stack + 1 && stack[0].type != CESQL_TYPE_STRING)
			scratch->used = 0; /* nothing points there any more */
	}
	*out_value = stack[0];
	return CESQL_ERROR_NONE;
}
