#include <stdlib.h>
#include <string.h>

#include "program.h"

#define NUMBERS_MAX 65535u

/* The array, with room for one more of `size` bytes; NULL when there is none. */
static void *with_room(
	struct cesql_builder *builder, void *array, size_t n, size_t *room, size_t size)
{
	size_t wanted = *room ? 2 * *room : 8;
	void *grown = NULL;

	if (builder->is_out_of_memory)
		return NULL;
	if (n < *room)
		return array;
	if (n < NUMBERS_MAX)
		grown = realloc(array, wanted * size);
	if (grown)
		*room = wanted;
	else
		builder->is_out_of_memory = true;
	return grown;
}

void cesql_builder_finish(struct cesql_builder *builder)
{
	free(builder->code);
	free(builder->texts);
	free(builder->needs);
	free(builder->bytes);
	*builder = (struct cesql_builder){0};
}

struct cesql_instruction *cesql_builder_code(struct cesql_builder *builder, enum cesql_opcode code,
	unsigned flag, size_t a, int32_t wide)
{
	struct cesql_instruction *all = with_room(
		builder, builder->code, builder->code_n, &builder->code_room, sizeof(*all));
	struct cesql_instruction *at;

	if (!all)
		return &builder->lost.instruction;
	builder->code = all;
	at = &all[builder->code_n++];
	*at = (struct cesql_instruction){(uint8_t)code, (uint8_t)flag, (uint16_t)a, wide};
	return at;
}

bool cesql_builder_is(const struct cesql_builder *builder, size_t i, struct cesql_text text)
{
	struct cesql_place place = builder->texts[i];

	return place.len == text.len &&
	       (text.len == 0 || memcmp(builder->bytes + place.offset, text.at, text.len) == 0);
}

/* Where the bytes of a new text are. */
static size_t add_bytes(struct cesql_builder *builder, struct cesql_text text)
{
	size_t offset = builder->bytes_n;

	for (size_t i = 0; i < text.len; i++) {
		char *all = with_room(
			builder, builder->bytes, builder->bytes_n, &builder->bytes_room, 1);
		if (!all)
			return 0;
		builder->bytes = all;
		all[builder->bytes_n++] = text.at[i];
	}
	return offset;
}

size_t cesql_builder_text(struct cesql_builder *builder, struct cesql_text text, bool is_new)
{
	struct cesql_place *all;
	size_t i = 0;
	size_t offset;

	while (i < builder->texts_n && !cesql_builder_is(builder, i, text))
		i++;
	if (i < builder->texts_n && !is_new)
		return i;
	offset = i < builder->texts_n ? builder->texts[i].offset : add_bytes(builder, text);
	all = with_room(
		builder, builder->texts, builder->texts_n, &builder->texts_room, sizeof(*all));
	if (!all)
		return 0;
	builder->texts = all;
	all[builder->texts_n] = (struct cesql_place){(uint16_t)offset, (uint16_t)text.len};
	return builder->texts_n++;
}

struct cesql_needed *cesql_builder_need(
	struct cesql_builder *builder, enum cesql_need need, struct cesql_text attribute)
{
	size_t name = cesql_builder_text(builder, attribute, false);
	struct cesql_needed *all = with_room(
		builder, builder->needs, builder->needs_n, &builder->needs_room, sizeof(*all));
	struct cesql_needed *at;

	if (!all)
		return &builder->lost.need;
	builder->needs = all;
	at = &all[builder->needs_n++];
	*at = (struct cesql_needed){(uint16_t)need, (uint16_t)name, 0, 0};
	return at;
}
