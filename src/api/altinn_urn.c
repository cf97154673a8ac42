/* URNs as Altinn takes them: ^urn:[a-z0-9-]{1,30}(:[a-z0-9()+,.\-;$_!/]{1,100}){1,10}$ */
#include "api/altinn_urn.h"

#define NAMESPACE_BYTES_MAX 30
#define PART_BYTES_MAX      100
#define PARTS_MAX           10

static bool has_only(struct bud_span part, const char *more)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.at[i];
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && (!c || !strchr(more, c)))
			return false;
	}
	return true;
}

static bool is_part(struct bud_span part, size_t max, const char *more)
{
	return part.len > 0 && part.len <= max && has_only(part, more);
}

bool bud_altinn_urn_is_valid(struct bud_span text)
{
	struct bud_span rest = text;
	size_t parts_n = 0;

	if (!bud_span_starts(text, bud_span("urn:")) || text.at[text.len - 1] == ':')
		return false;
	(void)bud_span_take_until(&rest, ':');
	if (!is_part(bud_span_take_until(&rest, ':'), NAMESPACE_BYTES_MAX, "-"))
		return false;
	while (rest.len > 0) {
		if (!is_part(bud_span_take_until(&rest, ':'), PART_BYTES_MAX, "()+,.-;$_!/"))
			return false;
		parts_n++;
	}
	return parts_n >= 1 && parts_n <= PARTS_MAX;
}
