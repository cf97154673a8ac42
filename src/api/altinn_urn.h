/* URNs as Altinn takes them. Within api/ only. */
#pragma once
#include <stdbool.h>
#include "core/text.h"

/* urn:, a namespace, and one to ten parts in lower case of up to 100 bytes each. */
bool bud_altinn_urn_is_valid(struct bud_span text);
