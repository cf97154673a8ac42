/* The words of questions and answers. */
#include "auth/question.h"

static const char *const actions[BUD_ACTIONS] = {"publish", "subscribe", "read"};
static const char *const decisions[] = {"permit", "deny", "later"};

const char *bud_action_word(enum bud_action action)
{
	return actions[action];
}

enum bud_action bud_action_of(struct bud_span word)
{
	int i = 0;

	while (i < BUD_ACTIONS && !bud_span_is(word, actions[i]))
		i++;
	return (enum bud_action)i;
}

const char *bud_decision_word(enum bud_decision decision)
{
	return decisions[decision];
}
