/* URIs by the letter of RFC 3986: only whether they are well-formed. */
#pragma once
#include <stdbool.h>
#include "core/text.h"

/* Section 4.1: absolute or relative. The empty text is one, too. */
bool bud_uri_is_reference(struct bud_span text);
/* Section 3: with a scheme. A fragment is allowed: schemas are often named by one. */
bool bud_uri_is_absolute(struct bud_span text);
