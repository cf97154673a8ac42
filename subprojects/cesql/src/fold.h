/* Nodes whose operands are constants become constants. */
#pragma once
#include "tree.h"

/* `node` is no CHAIN and has its children. */
void cesql_fold(struct cesql_tree *tree, uint16_t node);
/* Joins two nodes by an operator: what results is one of them, or a new node. */
uint16_t cesql_fold_join(
	struct cesql_tree *tree, uint16_t left, enum cesql_operator how, uint16_t right);
/* A new node; there is always room for it. */
uint16_t cesql_node_add(struct cesql_tree *tree, enum cesql_node_kind kind);
void cesql_node_adopt(struct cesql_tree *tree, uint16_t parent, uint16_t child);
/* Operators of one level have the same rank; 0 binds least. */
#define CESQL_RANKS 4u
unsigned cesql_operator_rank(enum cesql_operator how);
