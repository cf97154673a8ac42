/* A pattern falls into parts at its %. The first part is bound to the start of the text and the
 * last to its end; each in between is looked for after the one before it, and the first place is
 * good enough: taking a later one leaves less for the rest. A part without _ is found by memmem(),
 * which is linear; one with _ by an automaton with a bit for each of its bytes, all of them moved
 * at once. */
#include "like.h"

#include <stdint.h>
#include <string.h>

#include "utf8.h"

#define WORDS (CESQL_LIKE_PART_MAX / 64)

static bool is_part_long(const char *part, size_t len, bool is_bound)
{
	return !is_bound && len > CESQL_LIKE_PART_MAX && memchr(part, CESQL_LIKE_ONE, len);
}

size_t cesql_like_compile(struct cesql_text pattern, char *to, size_t *out_offset)
{
	size_t used = 0;
	size_t part = 0; /* where the part begins, in `to` */
	size_t part_offset = 0;
	bool is_first = true;

	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.at[i];
		if (c == '\\' && i + 1 < pattern.len &&
			(pattern.at[i + 1] == '%' || pattern.at[i + 1] == '_')) {
			to[used++] = pattern.at[++i];
		} else if (c == '_') {
			to[used++] = CESQL_LIKE_ONE;
		} else if (c != '%') {
			to[used++] = c;
		} else {
			if (is_part_long(to + part, used - part, is_first)) {
				*out_offset = part_offset;
				return 0;
			}
			if (used == 0 || to[used - 1] != CESQL_LIKE_ANY)
				to[used++] = CESQL_LIKE_ANY;
			is_first = false;
			part = used;
			part_offset = i + 1;
		}
	}
	return used;
}

size_t cesql_like_literal(struct cesql_text compiled)
{
	size_t n = 0;

	while (n < compiled.len && compiled.at[n] != CESQL_LIKE_ANY &&
		compiled.at[n] != CESQL_LIKE_ONE)
		n++;
	return n;
}

static struct cesql_text without_first(struct cesql_text text, size_t n)
{
	return (struct cesql_text){text.at + n, text.len - n};
}

/* Takes the part up to the first % off the pattern, and what fits it off the start of the text. */
static bool take_first(struct cesql_text *pattern, struct cesql_text *text)
{
	size_t i = 0;
	size_t at = 0;

	for (; i < pattern->len && pattern->at[i] != CESQL_LIKE_ANY; i++) {
		if (at == text->len)
			return false;
		if (pattern->at[i] == CESQL_LIKE_ONE)
			at += cesql_utf8_first(without_first(*text, at), 1);
		else if (pattern->at[i] == text->at[at])
			at++;
		else
			return false;
	}
	*pattern = without_first(*pattern, i);
	*text = without_first(*text, at);
	return true;
}

/* The same with the part behind the last %, and the end of the text. The pattern has a %. */
static bool take_last(struct cesql_text *pattern, struct cesql_text *text)
{
	for (; pattern->at[pattern->len - 1] != CESQL_LIKE_ANY; pattern->len--) {
		char c = pattern->at[pattern->len - 1];
		if (text->len == 0)
			return false;
		if (c == CESQL_LIKE_ONE)
			text->len -= cesql_utf8_last(*text, 1);
		else if (c == text->at[text->len - 1])
			text->len--;
		else
			return false;
	}
	return true;
}

/* The bits of the bytes of a part that fit each byte of a text. */
struct automaton {
	size_t words;
	uint64_t fits[256][WORDS];
	uint64_t blanks[WORDS];
};

static void build(struct automaton *automaton, struct cesql_text part)
{
	automaton->words = (part.len + 63) / 64;
	for (size_t c = 0; c < 256; c++)
		memset(automaton->fits[c], 0, automaton->words * sizeof(uint64_t));
	memset(automaton->blanks, 0, automaton->words * sizeof(uint64_t));
	for (size_t i = 0; i < part.len; i++) {
		uint64_t bit = (uint64_t)1 << i % 64;
		if (part.at[i] != CESQL_LIKE_ONE) {
			automaton->fits[(unsigned char)part.at[i]][i / 64] |= bit;
			continue;
		}
		automaton->blanks[i / 64] |= bit;
		for (unsigned c = 0; c < 256; c++) {
			if (!cesql_is_continuation((char)c))
				automaton->fits[c][i / 64] |= bit;
		}
	}
}

/* Where the first place that fits ends in the text, or SIZE_MAX. It may be within a character that
 * a _ stands for: what comes after it begins with no continuation byte, so the rest of it is
 * skipped. */
static size_t end_by_automaton(struct cesql_text part, struct cesql_text text)
{
	struct automaton automaton;
	uint64_t state[WORDS] = {0};
	size_t last = part.len - 1;

	build(&automaton, part);
	for (size_t at = 0; at < text.len; at++) {
		const uint64_t *fits = automaton.fits[(unsigned char)text.at[at]];
		bool is_inside = cesql_is_continuation(text.at[at]);
		uint64_t carry = 1; /* it may begin anywhere */
		for (size_t w = 0; w < automaton.words; w++) {
			uint64_t was = state[w];
			state[w] = (was << 1 | carry) & fits[w];
			if (is_inside)
				state[w] |= was & automaton.blanks[w];
			carry = was >> 63;
		}
		if (state[last / 64] >> last % 64 & 1)
			return at + 1;
	}
	return SIZE_MAX;
}

static size_t end_of_part(struct cesql_text part, struct cesql_text text)
{
	const char *found;

	if (part.len > text.len)
		return SIZE_MAX;
	if (memchr(part.at, CESQL_LIKE_ONE, part.len))
		return end_by_automaton(part, text);
	found = memmem(text.at, text.len, part.at, part.len);
	return found ? (size_t)(found - text.at) + part.len : SIZE_MAX;
}

bool cesql_like_match(struct cesql_text compiled, struct cesql_text text)
{
	if (!take_first(&compiled, &text))
		return false;
	if (compiled.len == 0)
		return text.len == 0;
	if (!take_last(&compiled, &text))
		return false;
	/* What is left begins and ends with %, which may be the same. */
	while (compiled.len > 1) {
		struct cesql_text part = without_first(compiled, 1);
		const char *next = memchr(part.at, CESQL_LIKE_ANY, part.len);
		size_t end;
		part.len = (size_t)(next - part.at);
		end = end_of_part(part, text);
		if (end == SIZE_MAX)
			return false;
		text = without_first(text, end);
		compiled = without_first(compiled, part.len + 1);
	}
	return true;
}
