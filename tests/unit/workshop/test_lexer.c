/* Lua source as tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../core/workshop/lexer.h"

int test_lexer(void);

struct lexed {
    struct arena arena;
    const struct token *tokens;
    size_t count;
};

static struct lexed lexed(const char *source)
{
    struct lexed lexed;
    arena_init(&lexed.arena);
    lexed.tokens = lex(&lexed.arena, str_from(source), &lexed.count);
    assert_int_equal(lexed.tokens[lexed.count].kind, TOKEN_END);
    return lexed;
}

static void assert_token(const struct lexed *lexed, size_t at, enum token_kind kind,
                         const char *text)
{
    assert_true(at < lexed->count);
    assert_int_equal(lexed->tokens[at].kind, kind);
    if (!str_is(lexed->tokens[at].text, text)) {
        print_error("token %zu is not %s\n", at, text);
        fail();
    }
}

static void tells_names_strings_numbers_and_signs(void **state)
{
    (void)state;
    struct lexed l = lexed("#!shell\nlocal x <const> = a.b[0x1p-4] .. 'it\\'s' ~= [==[a]]\n]==]");
    const char *const texts[] = {"local", "x", "<",      "const", ">",  "=",      "a",  ".",
                                 "b",     "[", "0x1p-4", "]",     "..", "it\\'s", "~=", "a]]\n"};
    assert_int_equal(l.count, COUNT_OF(texts));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_true(str_is(l.tokens[i].text, texts[i]));
    }
    assert_int_equal(l.tokens[10].kind, TOKEN_NUMBER);
    assert_int_equal(l.tokens[13].kind, TOKEN_STRING);
    assert_int_equal(l.tokens[15].kind, TOKEN_STRING);
    arena_deinit(&l.arena);
}

static void comments_are_left_out_and_places_are_kept(void **state)
{
    (void)state;
    struct lexed l = lexed("-- one\n--[[ two\n three ]] a\n  b --[==[ ]] ]==] c\nd--");
    assert_int_equal(l.count, 4);
    assert_token(&l, 0, TOKEN_NAME, "a");
    assert_int_equal(l.tokens[0].line, 3);
    assert_int_equal(l.tokens[0].column, 11);
    assert_int_equal(l.tokens[1].line, 4);
    assert_int_equal(l.tokens[1].column, 3);
    assert_int_equal(l.tokens[2].line, 4);
    assert_token(&l, 3, TOKEN_NAME, "d");
    arena_deinit(&l.arena);
}

static void what_is_broken_ends(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "'no end", "[[no end", "--[[no end", "\"\\", "a = 'x\nb", "\xff\xfe @ $", ""};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct lexed l = lexed(sources[i]);
        arena_deinit(&l.arena);
    }
}

static void finds_what_closes(void **state)
{
    (void)state;
    struct lexed l = lexed("f(function(a) if a then for i = 1, 2 do g({ 1 }) end elseif b then end "
                           "repeat local x until x end, 3) rest");
    assert_token(&l, 1, TOKEN_SIGN, "(");
    assert_token(&l, token_behind(l.tokens, 1), TOKEN_NAME, "rest");
    assert_token(&l, 2, TOKEN_NAME, "function");
    assert_token(&l, token_behind(l.tokens, 2), TOKEN_SIGN, ",");
    struct lexed open = lexed("f(function() if");
    assert_int_equal(token_behind(open.tokens, 1), open.count);
    assert_int_equal(token_behind(open.tokens, 2), open.count);
    arena_deinit(&open.arena);
    arena_deinit(&l.arena);
}

int test_lexer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_names_strings_numbers_and_signs),
        cmocka_unit_test(comments_are_left_out_and_places_are_kept),
        cmocka_unit_test(what_is_broken_ends),
        cmocka_unit_test(finds_what_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
