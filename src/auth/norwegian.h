/* Norwegian numbers: of organizations and of people, with their control digits. */
#pragma once
#include <stdbool.h>
#include "core/text.h"

/* Nine digits. */
bool bud_org_number_is_valid(struct bud_span text);
/* Eleven digits; the date in it is not looked at, as those of test people are shifted. */
bool bud_person_number_is_valid(struct bud_span text);
