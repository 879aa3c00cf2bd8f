/* Programs as trees: what is taken, how it binds, and what libjq is left. */
#include "expr_ast.h"

#include "jqrun.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PROGRAMS 480 /* at random, in batches */
#define BATCH 40
#define SOUPS 6000 /* most of them are no programs */

/* libjq 1.6 loses some of what it fails to compile. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libjq";
}

struct row {
	const char *program, *want;
};

static const struct row trees[] = {
    {"", "."},
    {" # a comment", "."},
    {".", "."},
    {". # x\n", "."},
    {".a", "(index . \"a\")"},
    {".a.b", "(index (index . \"a\") \"b\")"},
    {".and", "(index . \"and\")"},
    {".e1a", "(index . \"e1a\")"},
    {".a .b", "(index (index . \"a\") \"b\")"},
    {". .a", "(index . \"a\")"},
    {".\"a b\"", "(index . \"a b\")"},
    {". \"a\".\"b\"?", "(index? (index . \"a\") \"b\")"},
    {".a[0]", "(index (index . \"a\") 0)"},
    {".[-1]", "(index . (neg 1))"},
    {".a.b?", "(index? (index . \"a\") \"b\")"},
    {".a?.b", "(index (index? . \"a\") \"b\")"},
    {".a??", "(try (index? . \"a\"))"},
    {"(.a)?", "(try (index . \"a\"))"},
    {".[]", "(each .)"},
    {".a[]?", "(each? (index . \"a\"))"},
    {".[1:2]", "(slice . 1 2)"},
    {".[:2]?", "(slice? . _ 2)"},
    {".[1,2:]", "(slice . (comma 1 2) _)"},
    {".\"a\\(1)\"", "(index . (string \"a\" 1 \"\"))"},
    {".@base64 \"x\"", "(index . \"x\")"},
    {"1,2|3", "(pipe (comma 1 2) 3)"},
    {"1|2|3", "(pipe 1 (pipe 2 3))"},
    {"1,2,3", "(comma (comma 1 2) 3)"},
    {"1-2-3", "(sub (sub 1 2) 3)"},
    {"1+2*3", "(add 1 (mul 2 3))"},
    {"1*2+3", "(add (mul 1 2) 3)"},
    {"1+2,3", "(comma (add 1 2) 3)"},
    {"6/2%2", "(mod (div 6 2) 2)"},
    {"1//2//3", "(alt 1 (alt 2 3))"},
    {"1//2,3", "(comma (alt 1 2) 3)"},
    {"1//.a=3", "(alt 1 (assign (index . \"a\") 3))"},
    {".a=1//2", "(alt (assign (index . \"a\") 1) 2)"},
    {".a=1==2", "(assign (index . \"a\") (eq 1 2))"},
    {".a|=.+1", "(update (index . \"a\") (add . 1))"},
    {".a+=1", "(operate add (index . \"a\") 1)"},
    {".a-=1", "(operate sub (index . \"a\") 1)"},
    {".a*=1", "(operate mul (index . \"a\") 1)"},
    {".a/=1", "(operate div (index . \"a\") 1)"},
    {".a%=1", "(operate mod (index . \"a\") 1)"},
    {".a//=1", "(operate alt (index . \"a\") 1)"},
    {"1 or 2 and 3", "(or 1 (and 2 3))"},
    {"1 and 2 or 3", "(or (and 1 2) 3)"},
    {"1<2 and 2>=3", "(and (lt 1 2) (ge 2 3))"},
    {"1<=2 or 2!=3", "(or (le 1 2) (ne 2 3))"},
    {"1>2", "(gt 1 2)"},
    {"-1", "(neg 1)"},
    {"-1+2", "(add (neg 1) 2)"},
    {"-1*2", "(neg (mul 1 2))"},
    {"2*-3*4", "(mul 2 (neg (mul 3 4)))"},
    {"2*-3+4", "(add (mul 2 (neg 3)) 4)"},
    {"-1 - -1", "(sub (neg 1) (neg 1))"},
    {"-1?", "(neg (try 1))"},
    {"1+2?", "(add 1 (try 2))"},
    {"try error(\"x\")//1", "(alt (try (call error \"x\")) 1)"},
    {"try 1?", "(try (try 1))"},
    {"try .a catch .+1", "(add (try (index . \"a\") .) 1)"},
    {"try -1*2", "(try (neg (mul 1 2)))"},
    {"try try 1 catch 2 catch 3", "(try (try 1 2) 3)"},
    {"1 as $x|2,$x", "(as $x 1 (comma 2 $x))"},
    {"1+2 as $x|$x|3", "(add 1 (as $x 2 (pipe $x 3)))"},
    {"-1 as $ x|$x", "(neg (as $x 1 $x))"},
    {".a? as $x|1", "(as $x (index? . \"a\") 1)"},
    {"def f:1;f,2|3", "(def f () 1 (pipe (comma (call f) 2) 3))"},
    {"1|def f(a;$b):a;f(1;2)",
	"(pipe 1 (def f ( (call a) $b) (call a) (call f 1 2)))"},
    {"def f:def g:1;g;f", "(def f () (def g () 1 (call g)) (call f))"},
    {"if 1 then 2 else 3 end+4", "(add (if 1 2 3) 4)"},
    {"if 1 then 2 elif 3 then 4 else 5 end", "(if 1 2 (if 3 4 5))"},
    {"[]", "(array _)"},
    {"[1,2]", "(array (comma 1 2))"},
    {"[1][0]", "(index (array 1) 0)"},
    {"{}", "(object)"},
    {"{a}", "(object \"a\" (index . \"a\"))"},
    {"{$x}", "(object \"x\" $x)"},
    {"{true,\"a b\",}",
	"(object \"true\" (index . \"true\") \"a b\" (index . \"a b\"))"},
    {"{and:1,if:.b?,\"c\":-1|2}", "(object \"and\" 1 \"if\" (index? . \"b\")"
				  " \"c\" (pipe (neg 1) 2))"},
    {"{(1,2|tostring):3|4|5}", "(object (pipe (comma 1 2) (call tostring))"
			       " (pipe 3 (pipe 4 5)))"},
    {"{@json \"x\\(1)\":2}", "(object (string @json \"x\" 1 \"\") 2)"},
    {"{a:1}.a", "(index (object \"a\" 1) \"a\")"},
    {"\"\"", "\"\""},
    {"\"a\tb\\n\\u00e9\\/\"", "\"a\\tb\\n\xc3\xa9/\""},
    {"\"\\ud83d\\ude00\\u0000\"", "\"\xf0\x9f\x98\x80\\u0000\""},
    {"\"a\\(\"b\\(2)c\")\"", "(string \"a\" (string \"b\" 2 \"c\") \"\")"},
    {"@json \"\\(\"x\")\"", "(string @json \"\" \"x\" \"\")"},
    {"@base64 \"ab\"", "\"ab\""},
    {"@base64", "(format @base64)"},
    {"@json.a?", "(index? (format @json) \"a\")"},
    {"true,null,false", "(comma (comma true null) false)"},
    {"1e3,-0,1.50,100000000000000000001",
	"(comma (comma (comma 1e3 (neg 0)) 1.50) 100000000000000000001)"},
    {"map(.a;1)", "(call map (index . \"a\") 1)"},
    {"$ENV.a", "(index $ENV \"a\")"},
    {".a/0", "(div (index . \"a\") 0)"},
    {"8/2,\"a\"/\"b\"", "(comma (div 8 2) (div \"a\" \"b\"))"},
    {"1and 2", "(and 1 2)"},
};

/* Not jq, or not in the subset: nothing of it may be taken. */
static const struct row declined[] = {
    {"reduce .[] as $x (0;.)", "'reduce' (line 1)"},
    {".\n| foreach .[] as $x (0;.)", "'foreach' (line 2)"},
    {"label $x | 1", "'label' (line 1)"},
    {"break $x", "'break' (line 1)"},
    {"import \"a\" as a; 1", "'import' (line 1)"},
    {"include \"a\"; 1", "'include' (line 1)"},
    {"module {}; 1", "'module' (line 1)"},
    {"1,\n\n ..", "'..' (line 3)"},
    {".a?//1", "'?//' (line 1)"},
    {". as [$x] | 1", "destructuring (line 1)"},
    {". as {$x} | 1", "destructuring (line 1)"},
    {". as $x ?// $y | 1", "'?//' (line 1)"},
    {"$__loc__", "'$__loc__' (line 1)"},
    {"$__prog_args", "'$__prog_args' (line 1)"},
    {"{$__loc__}", "'$__loc__' (line 1)"},
    {"1 as $and|1", "'and' (line 1)"},
    {"a::b", "'::' (line 1)"},
    {"$a::b", "'::' (line 1)"},
    {"def f: 1;", "the end of the program (line 1)"},
    {"1,", "the end of the program (line 1)"},
    {"|1", "'|' (line 1)"},
    {"1 2", "'2' (line 1)"},
    {"1a", "'a' (line 1)"},
    {"{a:1+2}", "'+' (line 1)"},
    {"{a:1?}", "'?' (line 1)"},
    {"{a:.a??}", "'?' (line 1)"},
    {"{a:1//2}", "'//' (line 1)"},
    {"{a:try 1}", "'try' (line 1)"},
    {"{a:1 as $x|1}", "'as' (line 1)"},
    {"{a:if 1 then 2 else 3 end}", "'if' (line 1)"},
    {"{,}", "',' (line 1)"},
    {"{a,,b}", "',' (line 1)"},
    {"{1:2}", "'1' (line 1)"},
    {"{and}", "'}' (line 1)"},
    {"{$x:1}", "':' (line 1)"},
    {"{@json:1}", "':' (line 1)"},
    {"{\"x\\(1)\"}", "a made key without a value (line 1)"},
    {"{(1):2}", "a key that may be no string (line 1)"},
    {"{(1==2):2}", "a key that may be no string (line 1)"},
    {"{([]):2}", "a key that may be no string (line 1)"},
    {"1/0", "a constant division (line 1)"},
    {"1\n/(1-1)", "a constant division (line 2)"},
    {"1/1e-400", "a constant division (line 1)"},
    {".a.[0]", "'[' (line 1)"},
    {". a", "'a' (line 1)"},
    {".a. b", "'b' (line 1)"},
    {".a\"b\"", "'\"' (line 1)"},
    {".a@json \"b\"", "'@json' (line 1)"},
    {".@json", "the end of the program (line 1)"},
    {".[:]", "']' (line 1)"},
    {".[1:2:3]", "':' (line 1)"},
    {"1?.a", "'.a' (line 1)"},
    {"(1)?[0]", "'[' (line 1)"},
    {".a??.b", "'.b' (line 1)"},
    {"1? as $x|1", "'as' (line 1)"},
    {"if 1 then 2 end", "'end' (line 1)"},
    {"if 1 then 2 elif 3 then 4 end", "'end' (line 1)"},
    {"if 1 then 2 else 3 end.a", "'.a' (line 1)"},
    {"1==1==1", "'==' (line 1)"},
    {"1<2>3", "'>' (line 1)"},
    {".a=.b=1", "'=' (line 1)"},
    {".a=.b+=1", "'+=' (line 1)"},
    {"1==-1==1", "'==' (line 1)"},
    {"try 1 catch 2 catch 3", "'catch' (line 1)"},
    {"f()", "')' (line 1)"},
    {"def f(): 1; f", "')' (line 1)"},
    {"def and: 1; 1", "'and' (line 1)"},
    {"()", "')' (line 1)"},
    {"[1,]", "']' (line 1)"},
    {"[1}", "'}' (line 1)"},
    {"(1", "the end of the program (line 1)"},
    {".e1", "a number that is not one of JSON (line 1)"},
    {".a.e-1", "a number that is not one of JSON (line 1)"},
    {".5", "a number that is not one of JSON (line 1)"},
    {"1.", "a number that is not one of JSON (line 1)"},
    {"01", "a number that is not one of JSON (line 1)"},
    {"1.5.2", "a number that is not one of JSON (line 1)"},
    {"...", "a number that is not one of JSON (line 1)"},
    {"1\r|2", "a byte that is not of jq (line 1)"},
    {"# x\r|2", "a byte that is not of jq (line 1)"},
    {"1\v", "a byte that is not of jq (line 1)"},
    {"!1", "a byte that is not of jq (line 1)"},
    {"@ json", "a byte that is not of jq (line 1)"},
    {".\xc3\xa9", "a byte that is not of jq (line 1)"},
    {"\"\xff\"", "a program that is not UTF-8 (line 1)"},
    {"\"a", "a string without an end (line 1)"},
    {"\"a\\", "a string without an end (line 1)"},
    {"\"a\\\"", "a string without an end (line 1)"},
    {"\"a\\()\"", "')' (line 1)"},
    {"\"a\\(1\"", "'\"' (line 1)"},
    {"\"\\x\"", "an escape that is not one of JSON (line 1)"},
    {"\"\\u12\"", "an escape that is not one of JSON (line 1)"},
    {"\"\\ud83d\"", "an escape that is not one of JSON (line 1)"},
    {"\"\\ude00\"", "an escape that is not one of JSON (line 1)"},
    {"\"\\'\"", "an escape that is not one of JSON (line 1)"},
};

static void
takes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(trees); i++) {
		struct dl_ast tree = {0};
		struct dl_buf b = {0};

		if (dl_ast_parse(&tree, trees[i].program) < 0)
			fail_msg("%s: %s", trees[i].program, tree.why);
		dl_ast_print(&tree, tree.root, &b);
		assert_string_equal(dl_buf_str(&b), trees[i].want);
		dl_buf_release(&b);
		dl_ast_release(&tree);
	}
}

static void
declines(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(declined); i++) {
		struct dl_ast tree = {0};

		if (dl_ast_parse(&tree, declined[i].program) == 0)
			fail_msg("taken: %s", declined[i].program);
		assert_string_equal(tree.why, declined[i].want);
		dl_ast_release(&tree);
	}
}

/* head, then n times part, then tail. */
static void
check_long(const char *part, int n, const char *tail, const char *why)
{
	struct dl_ast tree = {0};
	struct dl_buf b = {0};

	while (n-- > 0)
		dl_buf_adds(&b, part);
	dl_buf_adds(&b, tail);
	assert_int_equal(
	    dl_ast_parse(&tree, dl_buf_str(&b)), why == NULL ? 0 : -1);
	if (why != NULL)
		assert_string_equal(tree.why, why);
	dl_ast_release(&tree);
	dl_buf_release(&b);
}

static void
is_bounded(void **state)
{
	const char *deep = "an expression too deep in others (line 1)";
	const char *many = "a program too long (line 1)";

	(void)state;
	check_long(
	    "(", DL_AST_DEPTH - 1, "", "the end of the program (line 1)");
	check_long("(", DL_AST_DEPTH, "", deep);
	check_long("[", 1000000, "", deep);
	check_long("{a:", 300000, "", deep);
	check_long("{a:-", 100000, "", deep);
	check_long("-", 1000000, "1", deep);
	check_long("\"\\(", 300000, "", deep);
	check_long("def f:", 150000, "", deep);
	check_long("if 1 then 2 elif ", 50000, "", deep);
	check_long("1 as $x|", 100000, "", deep);
	check_long(".,", 2000, ".", NULL);
	check_long(".,", 3000, ".", many);
	check_long(".a", 2000, "", NULL);
	check_long(".a", 2100, "", many);
	check_long("{a}|", 100, ".", NULL);
	check_long(" ", DL_AST_BYTES - 1, ".", NULL);
	check_long(" ", DL_AST_BYTES, ".", many);
}

static uint32_t seed;

static unsigned
upto(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const char *
pick(const char *const *from, size_t n)
{
	return from[upto((unsigned)n)];
}

static const char *const atoms[] = {".", ".a", ".b", "1", "2", "3", "\"a\"",
    "null", "true", "$x", "$y", "f", "not", "length", "type", "empty", "error",
    ".a?", ".[0]?", ".c[1:]", ".c[]", ".[\"a\"]", "{a}", "{b,$x}", "[]",
    "\"x\\(.a)y\"", "@json \"\\(.b)\"", "@text", "{a:1,\"b\":-2}"};
static const char *const infixes[] = {"+", "-", "*", "/", "%", "==", "!=", "<",
    "<=", ">", ">=", " and ", " or ", "//", ",", "|", "=", "|=", "+=", "//="};

/* A program, without more brackets than it needs: so precedence decides. */
static void
make(struct dl_buf *b, int depth)
{
	unsigned kind = depth == 0 ? 0 : upto(16);
	static const char *const forms[][5] = {{"-", ""}, {"try ", ""},
	    {"try ", " catch ", ""}, {"if ", " then ", " else ", " end"},
	    {"(", ")"}, {"[", "]"}, {".a as $x|", ""}, {"(", ") as $y|", ""},
	    {"g(", ")"}, {"{(\"k\"):(", ")}"}, {"def h:", ";h|", ""},
	    {"(", ")[", "]?"}, {"\"\\(", ")\""}};
	const char *const *part;

	if (kind == 0)
		dl_buf_adds(b, pick(atoms, COUNT(atoms)));
	else if (kind == 1) {
		make(b, depth - 1);
		dl_buf_addc(b, '?');
	} else if (kind < 8) {
		make(b, depth - 1);
		dl_buf_adds(b, pick(infixes, COUNT(infixes)));
		make(b, depth - 1);
	} else {
		part = forms[upto(COUNT(forms))];
		for (dl_buf_adds(b, *part++); *part != NULL; part++) {
			make(b, depth - 1);
			dl_buf_adds(b, *part);
		}
	}
}

static const char *const signs[] = {[DL_AST_PIPE] = "|",
    [DL_AST_COMMA] = ",",
    [DL_AST_ADD] = "+",
    [DL_AST_SUB] = "-",
    [DL_AST_MUL] = "*",
    [DL_AST_DIV] = "/",
    [DL_AST_MOD] = "%",
    [DL_AST_EQ] = "==",
    [DL_AST_NE] = "!=",
    [DL_AST_LT] = "<",
    [DL_AST_LE] = "<=",
    [DL_AST_GT] = ">",
    [DL_AST_GE] = ">=",
    [DL_AST_AND] = " and ",
    [DL_AST_OR] = " or ",
    [DL_AST_ALT] = "//",
    [DL_AST_ASSIGN] = "=",
    [DL_AST_UPDATE] = "|=",
    [DL_AST_CALL] = NULL};

static void bracket(const struct dl_ast *t, int i, struct dl_buf *b);

static void
put(const struct dl_ast *t, struct dl_buf *b, const char *before, int i,
    const char *after)
{
	dl_buf_adds(b, before);
	if (i >= 0)
		bracket(t, i, b);
	dl_buf_adds(b, after);
}

/* Items with brackets, or the text of literals without their quotes. */
static void
put_items(const struct dl_ast *t, const struct dl_ast_node *n, struct dl_buf *b)
{
	int i, item;

	for (i = 0; i < n->n; i++) {
		item = t->items[n->first + i];
		if (n->op == DL_AST_OBJECT)
			put(t, b, "", item, i % 2 == 0 ? ":" : ",");
		else if (n->op == DL_AST_CALL)
			put(t, b, i == 0 ? "(" : ";", item,
			    i == n->n - 1 ? ")" : "");
		else if (i % 2 == 1)
			put(t, b, "\\", item, "");
		else
			dl_buf_add(b, t->nodes[item].text.p + 1,
			    t->nodes[item].text.len - 2);
	}
}

/* The program again, in brackets wherever they may stand. */
static void
bracket(const struct dl_ast *t, int i, struct dl_buf *b)
{
	const struct dl_ast_node *n = &t->nodes[i];
	const char *mark = n->by == DL_AST_TRY ? "?" : "";

	dl_buf_addc(b, '(');
	switch (n->op) {
	case DL_AST_DOT:
		dl_buf_addc(b, '.');
		break;
	case DL_AST_LITERAL:
	case DL_AST_FORMAT:
		dl_buf_span(b, n->text);
		break;
	case DL_AST_VAR:
		dl_buf_printf(b, "$%.*s", DL_SPAN_ARG(n->text));
		break;
	case DL_AST_INDEX:
		put(t, b, "", n->a, "[");
		put(t, b, "", n->b, "]");
		dl_buf_adds(b, mark);
		break;
	case DL_AST_SLICE:
		put(t, b, "", n->a, "[");
		put(t, b, "", n->b, ":");
		put(t, b, "", n->c, "]");
		dl_buf_adds(b, mark);
		break;
	case DL_AST_EACH:
		put(t, b, "", n->a, "[]");
		dl_buf_adds(b, mark);
		break;
	case DL_AST_TRY:
		put(t, b, "try", n->a, n->b < 0 ? "" : "catch");
		put(t, b, "", n->b, "");
		break;
	case DL_AST_NEG:
		put(t, b, "-", n->a, "");
		break;
	case DL_AST_OPERATE:
		put(t, b, "", n->a, signs[n->by]);
		put(t, b, "=", n->b, "");
		break;
	case DL_AST_IF:
		put(t, b, "if", n->a, "then");
		put(t, b, "", n->b, "else");
		put(t, b, "", n->c, "end");
		break;
	case DL_AST_ARRAY:
		put(t, b, "[", n->a, "]");
		break;
	case DL_AST_OBJECT:
		dl_buf_addc(b, '{');
		put_items(t, n, b);
		dl_buf_addc(b, '}');
		break;
	case DL_AST_STRING:
		dl_buf_printf(b, "%.*s\"", DL_SPAN_ARG(n->text));
		put_items(t, n, b);
		dl_buf_addc(b, '"');
		break;
	case DL_AST_AS:
		put(t, b, "", n->a, "as $");
		dl_buf_printf(b, "%.*s|", DL_SPAN_ARG(n->text));
		put(t, b, "", n->b, "");
		break;
	case DL_AST_DEF:
		dl_buf_printf(b, "def %.*s:", DL_SPAN_ARG(n->text));
		put(t, b, "", n->a, ";");
		put(t, b, "", n->b, "");
		break;
	case DL_AST_CALL:
		dl_buf_span(b, n->text);
		put_items(t, n, b);
		break;
	default:
		put(t, b, "", n->a, signs[n->op]);
		put(t, b, "", n->b, "");
	}
	dl_buf_addc(b, ')');
}

/* What the programs of a batch may use. */
#define BEFORE \
	"1 as $x|2 as $y|def f:.a;def g(a):[a];def h:.;def g:.;def f(a):a;"

static struct dl_jqrun *
compile(const char *program)
{
	struct dl_expr_options o = {.name = "test", .max_time_ms = 10000};
	struct dl_err err = {0};
	struct dl_jqrun *r = dl_jqrun_new(program, &o, &err);

	if (r == NULL && strstr(err.msg, "not defined") == NULL)
		fail_msg("libjq refuses %s: %s", program, err.msg);
	return r;
}

/* All outputs, as jq prints them. */
static void
run(const char *program, const char *input, struct dl_buf *b)
{
	struct dl_jqrun *r = compile(program);
	struct dl_err err = {0};
	int more;
	jv x;

	assert_non_null(r);
	dl_jqrun_start(r, jv_parse(input), jv_null(), DL_SPAN("id"));
	while ((more = dl_jqrun_next(r, &x, &err)) > 0) {
		x = jv_dump_string(x, 0);
		dl_buf_adds(b, jv_string_value(x));
		dl_buf_addc(b, '\n');
		jv_free(x);
	}
	/* Now and then jq 1.6 cannot catch an error: it ends both then. */
	if (more < 0)
		dl_buf_adds(b, err.msg);
	dl_jqrun_free(r);
}

/* One more program, and what it is with brackets: false if not taken. */
static bool
add_program(struct dl_buf *plain, struct dl_buf *full)
{
	struct dl_buf program = {0};
	struct dl_ast tree = {0};
	bool ok;

	make(&program, 4);
	ok = dl_ast_parse(&tree, dl_buf_str(&program)) == 0;
	if (ok) {
		dl_buf_printf(
		    plain, ",(try [%s] catch {e:.})", dl_buf_str(&program));
		put(&tree, full, ",(try [", tree.root, "] catch {e:.})");
	}
	dl_ast_release(&tree);
	dl_buf_release(&program);
	return ok;
}

static void
binds_as_libjq(void **state)
{
	static const char *const inputs[] = {"null",
	    "{\"a\":5,\"b\":\"x\",\"c\":[1,2,[3]],\"e\":{\"a\":1}}",
	    "[3,{\"a\":null}]"};
	int taken = 0, tried = 0, i;

	(void)state;
	seed = 42;
	while (taken < PROGRAMS) {
		struct dl_buf plain = {0}, full = {0};

		dl_buf_adds(&plain, BEFORE " [0]");
		dl_buf_adds(&full, BEFORE " [0]");
		for (i = 0; i < BATCH; tried++)
			i += add_program(&plain, &full);
		taken += BATCH;
		for (i = 0; i < (int)COUNT(inputs); i++) {
			struct dl_buf x = {0}, y = {0};

			run(dl_buf_str(&plain), inputs[i], &x);
			run(dl_buf_str(&full), inputs[i], &y);
			assert_string_equal(dl_buf_str(&x), dl_buf_str(&y));
			dl_buf_release(&x);
			dl_buf_release(&y);
		}
		dl_buf_release(&plain);
		dl_buf_release(&full);
	}
	/* The rest is 1==2==3, a?//b and the like. */
	assert_in_range(tried, PROGRAMS, PROGRAMS * 4);
}

static const char *const words[] = {".", "..", ".a", ".\"a\"", "\"a\"", "a",
    "1", "0", ".5", "e1", "$x", "$", "x", "[", "]", "(", ")", "{", "}", ":",
    ";", ",", "|", "?", "?//", "//", "=", "==", "+", "-", "*", "/", "%", "<",
    " and ", " or ", "not", "if ", " then ", " else ", " elif ", " end", "try ",
    " catch ", " as ", "def ", "f", "@text", " @json ", "\"\\(", ")\"", "true",
    " ", "\n", "#", "\r", "|=", "//=", "reduce ", "and", "a:", "{a", "break",
    "::"};

static void
takes_nothing_that_libjq_refuses(void **state)
{
	int i, taken = 0;

	(void)state;
	seed = 7;
	for (i = 0; i < SOUPS; i++) {
		struct dl_buf soup = {0};
		struct dl_ast tree = {0};
		unsigned n = 2 + upto(6);

		while (n-- > 0)
			if (upto(4) == 0)
				make(&soup, 1);
			else
				dl_buf_adds(&soup, pick(words, COUNT(words)));
		if (dl_ast_parse(&tree, dl_buf_str(&soup)) == 0) {
			dl_jqrun_free(compile(dl_buf_str(&soup)));
			taken++;
		}
		dl_ast_release(&tree);
		dl_buf_release(&soup);
	}
	assert_in_range(taken, 100, SOUPS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes),
	    cmocka_unit_test(declines),
	    cmocka_unit_test(is_bounded),
	    cmocka_unit_test(binds_as_libjq),
	    cmocka_unit_test(takes_nothing_that_libjq_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
