/* A compiled expression: code for a stack machine, in one piece of memory without pointers, so that
 * its bytes can be compared.
 *
 *   header | code | texts (where each is) | needs | bytes of the texts
 *
 * Evaluation ends at the first error, which is what the specification asks for (3.3): whatever uses
 * a failed operand gives the zero of its own type and the error, up to the root; only a root that
 * fails itself gives a value of its own. So the zero of the root's type is all that must be known.
 */
#pragma once
#include "tree.h"

enum cesql_opcode {
	CESQL_CODE_STRING,    /* push text `a` */
	CESQL_CODE_INTEGER,   /* push `wide` */
	CESQL_CODE_BOOLEAN,   /* push `flag` */
	CESQL_CODE_ATTRIBUTE, /* push the attribute named by text `a` */
	CESQL_CODE_EXISTS,    /* push whether there is one */
	CESQL_CODE_NOT,
	CESQL_CODE_MINUS,
	CESQL_CODE_LIKE,    /* with pattern `a`; `flag`: NOT LIKE */
	CESQL_CODE_OPERATE, /* operator `flag`, on the two on top */
	CESQL_CODE_SKIP,    /* operator `flag`, AND or OR: if the top decides, go to `a` */
	CESQL_CODE_ELEMENT, /* IN: if the top is the one below, push !`flag` instead and go to `a`
			     */
	CESQL_CODE_NO_ELEMENT, /* push `flag` instead of the left side */
	CESQL_CODE_CALL,       /* function `flag` */
	CESQL_CODE_CONCAT,     /* push an empty text to append to */
	CESQL_CODE_APPEND,     /* the top to the one below */
	CESQL_CODE_APPEND_WS,  /* the same, after the delimiter below that */
	CESQL_CODE_WITHOUT,    /* take out the one below the top: the delimiter */
	CESQL_CODE_MISSING_FUNCTION,
	/* An attribute compared with literals: most of what filters do. `flag`: negated. */
	CESQL_CODE_ATTRIBUTE_IS,     /* attribute `a` = text `wide` */
	CESQL_CODE_ATTRIBUTE_BEGINS, /* attribute `a` LIKE text `wide`, then % */
	CESQL_CODE_ATTRIBUTE_IN      /* attribute `a`, texts from `wide` & 0xFFFF, `wide` >> 16 */
};
struct cesql_instruction {
	uint8_t code, flag;
	uint16_t a;
	int32_t wide;
};
struct cesql_place {
	uint16_t offset, len;
};
struct cesql_needed {
	uint16_t need, attribute; /* enum cesql_need; a text */
	uint16_t literals, literals_n;
};
struct cesql_expression {
	uint32_t bytes_n; /* of all of it; the canonical form begins after this */
	uint16_t code_n, texts_n, needs_n;
	uint8_t zero_type; /* of the root */
	uint8_t reserved;
	struct cesql_instruction code[];
};

/* Values that the stack has room for. A level of nesting holds fewer than seven: one for each rank
 * of operator that waits for its right side (AND and OR hold none), the left of an IN, and two
 * arguments, or a delimiter and a text. */
#define CESQL_STACK_MAX (7 * CESQL_DEPTH_MAX + 8)

static inline const struct cesql_place *cesql_places(const struct cesql_expression *expression)
{
	return (const struct cesql_place *)(expression->code + expression->code_n);
}

static inline const struct cesql_needed *cesql_needs(const struct cesql_expression *expression)
{
	return (const struct cesql_needed *)(cesql_places(expression) + expression->texts_n);
}

static inline const char *cesql_bytes(const struct cesql_expression *expression)
{
	return (const char *)(cesql_needs(expression) + expression->needs_n);
}

static inline struct cesql_text cesql_text_at(const struct cesql_expression *expression, size_t i)
{
	struct cesql_place place = cesql_places(expression)[i];

	return (struct cesql_text){cesql_bytes(expression) + place.offset, place.len};
}

/* What a compilation collects. Starts as {0}; cesql_builder_finish() frees it. */
struct cesql_builder {
	struct cesql_instruction *code;
	struct cesql_place *texts;
	struct cesql_needed *needs;
	char *bytes;
	size_t code_n, texts_n, needs_n, bytes_n;
	size_t code_room, texts_room, needs_room, bytes_room;
	bool is_out_of_memory; /* or of the numbers of 16 bits; all that follows does nothing */
	union {
		struct cesql_instruction instruction;
		struct cesql_needed need;
	} lost; /* is written to instead */
};
void cesql_builder_finish(struct cesql_builder *builder);
struct cesql_instruction *cesql_builder_code(struct cesql_builder *builder, enum cesql_opcode code,
	unsigned flag, size_t a, int32_t wide);
/* The number of a text, which is shared with an equal one unless `is_new`. */
size_t cesql_builder_text(struct cesql_builder *builder, struct cesql_text text, bool is_new);
bool cesql_builder_is(const struct cesql_builder *builder, size_t i, struct cesql_text text);
struct cesql_needed *cesql_builder_need(
	struct cesql_builder *builder, enum cesql_need need, struct cesql_text attribute);

/* compile.c: the code of the whole tree. */
void cesql_emit(struct cesql_builder *builder, const struct cesql_tree *tree);
/* needs.c: what must hold for the whole tree to be true. */
void cesql_find_needs(struct cesql_builder *builder, const struct cesql_tree *tree);
