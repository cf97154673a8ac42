#include "utf8.h"

#include <string.h>

#include "case_table.h"

static size_t length_by_lead(unsigned char lead)
{
	if (lead < 0xC0)
		return 1;
	if (lead < 0xE0)
		return 2;
	return lead < 0xF0 ? 3 : 4;
}

size_t cesql_utf8_step(struct cesql_text text)
{
	size_t len = length_by_lead((unsigned char)text.at[0]);

	return len < text.len ? len : text.len;
}

/* The length of a well-formed character at the start, or 0: the table 3-7 of Unicode. */
static size_t well_formed(const unsigned char *at, size_t len)
{
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t need;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xC2 || at[0] > 0xF4)
		return 0;
	need = length_by_lead(at[0]);
	if (need > len)
		return 0;
	if (at[0] == 0xE0)
		low = 0xA0;
	else if (at[0] == 0xED)
		high = 0x9F;
	else if (at[0] == 0xF0)
		low = 0x90;
	else if (at[0] == 0xF4)
		high = 0x8F;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++) {
		if (!cesql_is_continuation((char)at[i]))
			return 0;
	}
	return need;
}

size_t cesql_utf8_check(struct cesql_text text)
{
	size_t at = 0;

	while (at < text.len) {
		size_t len = well_formed((const unsigned char *)text.at + at, text.len - at);
		if (len == 0)
			break;
		at += len;
	}
	return at;
}

size_t cesql_utf8_count(struct cesql_text text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += !cesql_is_continuation(text.at[i]);
	return n;
}

size_t cesql_utf8_first(struct cesql_text text, size_t n)
{
	size_t at = 0;

	for (; n > 0 && at < text.len; n--) {
		at++;
		while (at < text.len && cesql_is_continuation(text.at[at]))
			at++;
	}
	return at;
}

size_t cesql_utf8_last(struct cesql_text text, size_t n)
{
	size_t at = text.len;

	for (; n > 0 && at > 0; n--) {
		at--;
		while (at > 0 && cesql_is_continuation(text.at[at]))
			at--;
	}
	return text.len - at;
}

/* `len` bytes of one character, as cesql_utf8_step() has it. */
static uint32_t decode(const char *at, size_t len)
{
	static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t code = (unsigned char)at[0] & lead_bits[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)at[i] & 0x3F);
	return code;
}

static size_t encode(uint32_t code, char *to)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xC0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xE0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3F));
		to[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3F));
	to[2] = (char)(0x80 | (code >> 6 & 0x3F));
	to[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

/* PropList.txt: White_Space. */
static bool is_space(uint32_t code)
{
	return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
	       code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
	       code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

struct cesql_text cesql_utf8_trim(struct cesql_text text)
{
	while (text.len > 0) {
		size_t len = cesql_utf8_step(text);
		if (!is_space(decode(text.at, len)))
			break;
		text.at += len;
		text.len -= len;
	}
	while (text.len > 0) {
		size_t len = cesql_utf8_last(text, 1);
		if (len > 4 || !is_space(decode(text.at + text.len - len, len)))
			break;
		text.len -= len;
	}
	return text;
}

static uint32_t map_ascii(uint32_t code, bool is_upper)
{
	if (is_upper)
		return code >= 'a' && code <= 'z' ? code - 32 : code;
	return code >= 'A' && code <= 'Z' ? code + 32 : code;
}

size_t cesql_utf8_map(struct cesql_text text, bool is_upper, char *to, size_t room)
{
	size_t used = 0;

	for (size_t at = 0; at < text.len;) {
		struct cesql_text rest = {text.at + at, text.len - at};
		size_t len = cesql_utf8_step(rest);
		uint32_t code = decode(rest.at, len);
		char mapped[4];
		size_t mapped_len;

		code = code < 0x80 ? map_ascii(code, is_upper) : cesql_case_map(code, is_upper);
		mapped_len = encode(code, mapped);
		if (room - used < mapped_len)
			return SIZE_MAX;
		memcpy(to + used, mapped, mapped_len);
		used += mapped_len;
		at += len;
	}
	return used;
}
