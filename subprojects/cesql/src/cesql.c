/* The public functions: compile, evaluate, and what an index wants to know. */
#include "cesql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "token.h"

const char *cesql_error_name(enum cesql_error error)
{
	static const char *const names[] = {"", "parse", "math", "cast", "missingAttribute",
		"missingFunction", "functionEvaluation", "generic"};

	return (size_t)error < sizeof(names) / sizeof(names[0]) ? names[error] : "generic";
}

const char *cesql_version(void)
{
	return CESQL_VERSION;
}

static size_t bound(size_t wanted, size_t max)
{
	return wanted == 0 || wanted > max ? max : wanted;
}

static enum cesql_type zero_type(const struct cesql_tree *tree)
{
	const struct cesql_node *root = &tree->nodes[tree->root];

	if (root->kind == CESQL_NODE_MINUS)
		return CESQL_TYPE_INTEGER;
	if (root->kind == CESQL_NODE_CALL)
		return cesql_function_type((enum cesql_function)root->function);
	if (root->kind == CESQL_NODE_CHAIN)
		return cesql_operator_type((enum cesql_operator)tree->nodes[root->last].how);
	return CESQL_TYPE_BOOLEAN;
}

/* What was built, in one piece; NULL when there is no memory. */
static struct cesql_expression *put_together(
	const struct cesql_builder *builder, enum cesql_type zero)
{
	size_t code_bytes = builder->code_n * sizeof(struct cesql_instruction);
	size_t texts_bytes = builder->texts_n * sizeof(struct cesql_place);
	size_t needs_bytes = builder->needs_n * sizeof(struct cesql_needed);
	size_t bytes = sizeof(struct cesql_expression) + code_bytes + texts_bytes + needs_bytes +
		       builder->bytes_n;
	struct cesql_expression *expression = malloc(bytes);
	char *at;

	if (!expression)
		return NULL;
	expression->bytes_n = (uint32_t)bytes;
	expression->code_n = (uint16_t)builder->code_n;
	expression->texts_n = (uint16_t)builder->texts_n;
	expression->needs_n = (uint16_t)builder->needs_n;
	expression->zero_type = (uint8_t)zero;
	expression->reserved = 0;
	at = (char *)expression->code;
	memcpy(at, builder->code, code_bytes);
	at += code_bytes;
	if (texts_bytes > 0)
		memcpy(at, builder->texts, texts_bytes);
	at += texts_bytes;
	if (needs_bytes > 0)
		memcpy(at, builder->needs, needs_bytes);
	at += needs_bytes;
	if (builder->bytes_n > 0)
		memcpy(at, builder->bytes, builder->bytes_n);
	return expression;
}

static int compile(struct cesql_text text, const struct cesql_limits *limits,
	struct cesql_expression **out_expression, struct cesql_fault *fault)
{
	struct cesql_builder builder = {0};
	struct cesql_expression *expression = NULL;
	struct cesql_tree tree;
	int result = cesql_tree_parse(text, limits, &tree, fault);

	if (result < 0)
		return result;
	cesql_emit(&builder, &tree);
	cesql_find_needs(&builder, &tree);
	if (!builder.is_out_of_memory)
		expression = put_together(&builder, zero_type(&tree));
	cesql_builder_finish(&builder);
	cesql_tree_finish(&tree);
	if (!expression)
		return -ENOMEM;
	*out_expression = expression;
	return 0;
}

int cesql_compile(const char *text, size_t len, const struct cesql_limits *limits,
	struct cesql_expression **out_expression, struct cesql_fault *fault)
{
	struct cesql_limits bounds = limits ? *limits : (struct cesql_limits){0};
	struct cesql_fault unwanted;

	if (!fault)
		fault = &unwanted;
	bounds.length_max = bound(bounds.length_max, CESQL_LENGTH_MAX);
	bounds.depth_max = bound(bounds.depth_max, CESQL_DEPTH_MAX);
	bounds.set_max = bound(bounds.set_max, CESQL_SET_MAX);
	if (len > bounds.length_max) {
		cesql_fault_set(fault, bounds.length_max,
			"an expression has at most %zu bytes, this one has %zu", bounds.length_max,
			len);
		return -E2BIG;
	}
	return compile((struct cesql_text){text, len}, &bounds, out_expression, fault);
}

void cesql_destroy(struct cesql_expression *expression)
{
	free(expression);
}

enum cesql_error cesql_evaluate(const struct cesql_expression *expression,
	const struct cesql_event *event, void *scratch, size_t scratch_len,
	struct cesql_value *out_value)
{
	static char nothing[1]; /* never written to: a place for a length of 0 */
	struct cesql_scratch memory = {scratch ? scratch : nothing, scratch ? scratch_len : 0, 0};

	return cesql_run(expression, event, &memory, out_value);
}

bool cesql_passes(const struct cesql_expression *expression, const struct cesql_event *event,
	void *scratch, size_t scratch_len)
{
	struct cesql_value value;

	return cesql_evaluate(expression, event, scratch, scratch_len, &value) ==
		       CESQL_ERROR_NONE &&
	       value.type == CESQL_TYPE_BOOLEAN && value.boolean;
}

size_t cesql_conjuncts_n(const struct cesql_expression *expression)
{
	return expression->needs_n;
}

struct cesql_conjunct cesql_conjunct(const struct cesql_expression *expression, size_t i)
{
	const struct cesql_needed *needed = &cesql_needs(expression)[i];

	return (struct cesql_conjunct){(enum cesql_need)needed->need,
		cesql_text_at(expression, needed->attribute), needed->literals_n};
}

struct cesql_text cesql_literal(
	const struct cesql_expression *expression, size_t conjunct, size_t i)
{
	return cesql_text_at(expression, cesql_needs(expression)[conjunct].literals + i);
}

struct cesql_text cesql_canonical(const struct cesql_expression *expression)
{
	const char *begin = (const char *)&expression->code_n;

	return (struct cesql_text){
		begin, expression->bytes_n - offsetof(struct cesql_expression, code_n)};
}

bool cesql_equals(const struct cesql_expression *a, const struct cesql_expression *b)
{
	return cesql_text_equals(cesql_canonical(a), cesql_canonical(b));
}

/* FNV-1a, and its bits mixed at the end, for tables that use only some of them. */
uint64_t cesql_hash(const struct cesql_expression *expression)
{
	struct cesql_text bytes = cesql_canonical(expression);
	uint64_t hash = 0xCBF29CE484222325u;

	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.at[i]) * 0x100000001B3u;
	hash ^= hash >> 32;
	hash *= 0x9E3779B97F4A7C15u;
	return hash ^ hash >> 29;
}

size_t cesql_size_bytes(const struct cesql_expression *expression)
{
	return expression->bytes_n;
}
