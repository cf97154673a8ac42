/* An expression as a tree, between text and program. What is joined by operators of one level is
 * one node, however long the chain is, so the tree is never deeper than parentheses make it. */
#pragma once
#include "function.h"

enum cesql_node_kind {
	CESQL_NODE_LITERAL,   /* value */
	CESQL_NODE_ATTRIBUTE, /* value.string: its name */
	CESQL_NODE_EXISTS,    /* the same */
	CESQL_NODE_NOT,       /* one child */
	CESQL_NODE_MINUS,     /* one child */
	CESQL_NODE_LIKE,      /* one child; value.string: the compiled pattern (like.h) */
	CESQL_NODE_IN,        /* the left side, then the elements */
	CESQL_NODE_CALL,      /* the arguments */
	CESQL_NODE_CHAIN      /* from left to right; each but the first has its operator in `how` */
};
/* Nodes are known by their number; 0 is none. */
struct cesql_node {
	unsigned char kind;
	unsigned char how;        /* the operator between the node before this one and this one */
	unsigned char function;   /* of a CALL */
	bool is_negated;          /* NOT LIKE, NOT IN */
	uint16_t first, last;     /* children */
	uint16_t next;            /* sibling */
	struct cesql_value value; /* strings are the tree's */
};
struct cesql_tree {
	struct cesql_node *nodes;
	size_t n;
	uint16_t root;
	struct cesql_scratch written; /* names and strings of the expression */
	struct cesql_scratch folded;  /* strings that folding made */
};

/* What is constant is worked out on the way, unless it is an error: that belongs to the evaluation.
 * 0: cesql_tree_finish() frees it. Otherwise as cesql_compile(). */
int cesql_tree_parse(struct cesql_text text, const struct cesql_limits *limits,
	struct cesql_tree *out_tree, struct cesql_fault *fault);
void cesql_tree_finish(struct cesql_tree *tree);
/* 3.4.4: the attributes that every event has; in lower case. */
bool cesql_is_required(struct cesql_text name);
