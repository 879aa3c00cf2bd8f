/* Any bytes as a program: what is taken prints, and the tree is whole. */
#include "expr_ast.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_buf program = {0}, printed = {0};
	struct dl_ast tree = {0};

	dl_buf_add(&program, data, size);
	if (dl_ast_parse(&tree, dl_buf_str(&program)) == 0) {
		if (tree.nnodes > DL_AST_NODES || tree.nitems > DL_AST_NODES ||
		    tree.root < 0 || tree.root >= tree.nnodes)
			abort();
		dl_ast_print(&tree, tree.root, &printed);
	} else if (tree.why[0] == '\0')
		abort();
	dl_ast_release(&tree);
	dl_buf_release(&program);
	dl_buf_release(&printed);
	return 0;
}
