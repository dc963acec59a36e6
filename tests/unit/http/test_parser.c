/* The request parser: what it accepts, what it refuses and with which error, that cutting the bytes
 * changes nothing, and the corpora of other parsers' mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../fuzz/http_transcript.h"

int test_parser(void);

/* ---- own cases: the transcript of each, from its first to its last line ---- */

struct http_case {
    const char *name;
    struct str bytes;
    const char *transcript;
};

#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define HEAD_END "  body=0 keep=1 continue=0\nend\n"
#define BROKEN(sentence) "broken invalid: " sentence "\n"

static const struct http_case cases[] = {
    {"plain", STR_INIT("GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n"),
     "GET /a/b 1.1 host=x path=/a/b\n  Host: x\n" HEAD_END},
    {"one empty line before", STR_INIT("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
     "GET / 1.1 host=x path=\n  Host: x\n" HEAD_END},
    {"two empty lines before", STR_INIT("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("a request begins with its request line")},
    {"1.0 closes", STR_INIT("GET / HTTP/1.0\r\n\r\n"),
     "GET / 1.0 host= path=\n  body=0 keep=0 continue=0\nend\n"},
    {"1.0 keeps when asked", STR_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
     "GET / 1.0 host= path=\n  Connection: Keep-Alive\n" HEAD_END},
    {"close wins",
     STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nConnection: x, close ,keep-alive\r\n\r\nX"),
     "GET / 1.1 host=x path=\n  Host: x\n  Connection: x, close ,keep-alive\n"
     "  body=0 keep=0 continue=0\nend\n"},
    {"pipelined",
     STR_INIT("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nDELETE /2 HTTP/1.1\r\nHost: x\r\n\r\n"),
     "GET /1 1.1 host=x path=/1\n  Host: x\n" HEAD_END
     "DELETE /2 1.1 host=x path=/2\n  Host: x\n" HEAD_END},
    {"length", STR_INIT("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length:  5\t\r\n\r\nhello"),
     "PUT / 1.1 host=x path=\n  Host: x\n  Content-Length: 5\n"
     "  body=5 keep=1 continue=0\n[hello] end\n"},
    {"continue",
     STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
     "POST / 1.1 host=x path=\n  Host: x\n  Expect: 100-Continue\n  Content-Length: 1\n"
     "  body=1 keep=1 continue=1\n[x] end\n"},
    {"chunks",
     STR_INIT(
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n00A;a;b=c;d=\"e \\\" f\"\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n"),
     "POST / 1.1 host=x path=\n  Host: x\n  Transfer-Encoding: chunked\n"
     "  body=-1 keep=1 continue=0\n[hello0123456789] end\n"},
    {"decoded path and query",
     STR_INIT("GET /%61/b%2Fc/%CE%B1/?q=a+b%26&q=%ce%b2&flag&=x&& HTTP/1.1\r\nHost: x\r\n\r\n"),
     "GET /%61/b%2Fc/%CE%B1/?q=a+b%26&q=%ce%b2&flag&=x&& 1.1 host=x path=/a/b/c/\xce\xb1 "
     "?q=a b& ?q=\xce\xb2 ?flag= ?=x\n  Host: x\n" HEAD_END},
    {"absolute form", STR_INIT("GET HTTP://X:80/a HTTP/1.1\r\nHost: x:80\r\n\r\n"),
     "GET HTTP://X:80/a 1.1 host=x:80 path=/a\n  Host: x:80\n" HEAD_END},
    {"absolute form without path", STR_INIT("GET http://x?a=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
     "GET http://x?a=1 1.1 host=x path= ?a=1\n  Host: x\n" HEAD_END},
    {"absolute form of another host", STR_INIT("GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the target's host is not the Host header's")},
    {"absolute form of another scheme", STR_INIT("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the request target is no path")},
    {"options star", STR_INIT("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
     "OPTIONS * 1.1 host=x path=\n  Host: x\n" HEAD_END},
    {"get star", STR_INIT("GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the request target is no path")},
    {"upgrade is ignored",
     STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
     "GET / 1.1 host=x path=\n  Host: x\n  Connection: Upgrade\n  Upgrade: h2c\n" HEAD_END},
    {"obs-text in a value", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nA: \xff\x80\r\n\r\n"),
     "GET / 1.1 host=x path=\n  Host: x\n  A: \xff\x80\n" HEAD_END},
    /* framing that others have read in two ways */
    {"both lengths",
     STR_INIT(
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
     BROKEN("Content-Length and Transfer-Encoding exclude each other")},
    {"two equal lengths",
     STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
     BROKEN("a header that may come once came twice")},
    {"length list", STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n"),
     BROKEN("Content-Length is not a sound number")},
    {"signed length", STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n"),
     BROKEN("Content-Length is not a sound number")},
    {"length past 64 bits",
     STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\n"),
     BROKEN("Content-Length is not a sound number")},
    {"empty length", STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n"),
     BROKEN("Content-Length is empty")},
    {"chunked on 1.0", STR_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
     BROKEN("Transfer-Encoding may only be chunked, and on HTTP/1.1")},
    {"other coding",
     STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
     BROKEN("Transfer-Encoding may only be chunked, and on HTTP/1.1")},
    {"chunked in capitals",
     STR_INIT("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"),
     BROKEN("Transfer-Encoding may only be chunked, and on HTTP/1.1")},
    /* lines and headers */
    {"bare LF", STR_INIT("GET / HTTP/1.1\nHost: x\r\n\r\n"), BROKEN("lines end with CR LF")},
    {"bare CR", STR_INIT("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n"),
     BROKEN("lines end with CR LF")},
    {"NUL in a value", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n"),
     BROKEN("a header's value has control characters")},
    {"obs-fold", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\r\n\r\n"),
     BROKEN("a header's name is malformed")},
    {"space before colon", STR_INIT("GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
     BROKEN("a header's name is malformed")},
    {"empty name", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n"),
     BROKEN("a header's name is malformed")},
    {"no colon", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n"),
     BROKEN("a header has no colon")},
    {"no host", STR_INIT("GET / HTTP/1.1\r\n\r\n"), BROKEN("HTTP/1.1 needs a Host header")},
    {"empty host", STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
     BROKEN("the Host header is not a host")},
    {"bad host", STR_INIT("GET / HTTP/1.1\r\nHost: a b/@c\r\n\r\n"),
     BROKEN("the Host header is not a host")},
    {"two hosts", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n"),
     BROKEN("a header that may come once came twice")},
    {"two authorizations",
     STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: b\r\nAuthorization: c\r\n\r\n"),
     BROKEN("a header that may come once came twice")},
    {"other expectation", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\n"),
     "broken expectation: only 100-continue can be expected\n"},
    /* request lines */
    {"trace", STR_INIT("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"),
     "broken method: TRACE and CONNECT are not served\n"},
    {"connect", STR_INIT("CONNECT a:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
     "broken method: TRACE and CONNECT are not served\n"},
    {"unknown method", STR_INIT("get / HTTP/1.1\r\nHost: x\r\n\r\n"),
     "broken unsupported: the method is unknown\n"},
    {"preface of HTTP/2", STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
     "broken http_version: only HTTP/1.0 and HTTP/1.1 are spoken\n"},
    {"version 1.2", STR_INIT("GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
     "broken http_version: only HTTP/1.0 and HTTP/1.1 are spoken\n"},
    {"no version", STR_INIT("GET /\r\n\r\n"), BROKEN("the request line has not three parts")},
    {"two spaces", STR_INIT("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the request line does not end with a version")},
    {"space behind", STR_INIT("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"),
     BROKEN("the request line does not end with a version")},
    {"raw UTF-8 in the target", STR_INIT("GET /\xce\xb1 HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the request target has forbidden characters")},
    {"fragment", STR_INIT("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the request target has forbidden characters")},
    /* paths */
    {"dot segment", STR_INIT("GET /api/../admin HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the path has an empty or a dot segment")},
    {"encoded dot segment", STR_INIT("GET /%61pi/%2e%2E/admin HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the path has an empty or a dot segment")},
    {"empty segment", STR_INIT("GET /a//b HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the path has an empty or a dot segment")},
    {"backslash", STR_INIT("GET /\\..\\x HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the path has a control or a backslash")},
    {"encoded backslash", STR_INIT("GET /%5c HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the path has a control or a backslash")},
    {"bad percent", STR_INIT("GET /%zz%4 HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the target has a broken %-sequence")},
    {"cut percent", STR_INIT("GET /a?b=%4 HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the target has a broken %-sequence")},
    {"encoded NUL", STR_INIT("GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the target has a NUL")},
    {"encoded NUL in the query", STR_INIT("GET /?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
     BROKEN("the target has a NUL")},
    {"decoded once only", STR_INIT("GET /%252e%252e HTTP/1.1\r\nHost: x\r\n\r\n"),
     "GET /%252e%252e 1.1 host=x path=/%2e%2e\n  Host: x\n" HEAD_END},
    {"overlong UTF-8", STR_INIT("GET /%C0%AE HTTP/1.1\r\nHost: x\r\n\r\n"),
     "broken utf8: the target is not UTF-8 once decoded\n"},
};

#define CHUNKED "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
static const struct http_case chunk_cases[] = {
    {"space before size", STR_INIT(CHUNKED " 5\r\n"),
     BROKEN("a chunk size is not a hexadecimal number")},
    {"space behind size", STR_INIT(CHUNKED "5 \r\n"),
     BROKEN("a chunk size is not a hexadecimal number")},
    {"0x", STR_INIT(CHUNKED "0x5\r\n"), BROKEN("a chunk size is not a hexadecimal number")},
    {"underscore", STR_INIT(CHUNKED "1_0\r\n"), BROKEN("a chunk size is not a hexadecimal number")},
    {"no size", STR_INIT(CHUNKED "\r\n"), BROKEN("a chunk size is not a hexadecimal number")},
    {"no size but extension", STR_INIT(CHUNKED ";a\r\n"),
     BROKEN("a chunk size is not a hexadecimal number")},
    {"huge size", STR_INIT(CHUNKED "10000000000000\r\n"), BROKEN("a chunk size is too large")},
    {"bare LF behind size", STR_INIT(CHUNKED "5\nhello"),
     BROKEN("a chunk size is not a hexadecimal number")},
    {"bare CR behind size", STR_INIT(CHUNKED "5\rhello"), BROKEN("chunks are framed by CR LF")},
    {"data without CR LF", STR_INIT(CHUNKED "1\r\nxy"),
     "[x] " BROKEN("chunks are framed by CR LF")},
    {"LF in an extension", STR_INIT(CHUNKED "1;a\nx"), BROKEN("a chunk extension is malformed")},
    {"no name in an extension", STR_INIT(CHUNKED "1;\r\n"),
     BROKEN("a chunk extension is malformed")},
    {"no value in an extension", STR_INIT(CHUNKED "1;a=\r\n"),
     BROKEN("a chunk extension is malformed")},
    {"open quotes", STR_INIT(CHUNKED "1;a=\"b\r\n"), BROKEN("a chunk extension is malformed")},
    {"text behind quotes", STR_INIT(CHUNKED "1;a=\"b\"c\r\n"),
     BROKEN("a chunk extension is malformed")},
    {"folded trailer", STR_INIT(CHUNKED "0\r\n a: b\r\n\r\n"), BROKEN("a trailer is malformed")},
    {"trailer without colon", STR_INIT(CHUNKED "0\r\nab\r\n\r\n"),
     BROKEN("a trailer is malformed")},
    {"bare LF in trailers", STR_INIT(CHUNKED "0\r\na: b\n\r\n"), BROKEN("a trailer is malformed")},
    {"bare CR at the end", STR_INIT(CHUNKED "0\r\n\rX"), BROKEN("chunks are framed by CR LF")},
};

static void check_case(const struct http_case *http_case, struct str prefix)
{
    struct transcript transcript;
    transcript_init(&transcript);
    transcript_feed(&transcript, http_case->bytes);
    struct str text = buf_str(&transcript.text);
    bool starts = str_starts(text, prefix);
    if (!starts || !str_is(str_sub(text, prefix.len, text.len), http_case->transcript)) {
        fail_msg("%s:\n" STR_FORMAT "instead of\n%s", http_case->name, STR_ARGS(text),
                 http_case->transcript);
    }
    transcript_deinit(&transcript);
}

static void own_cases_have_their_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_case(&cases[i], STR(""));
    }
}

static void malformed_chunks_are_refused(void **state)
{
    (void)state;
    struct str prefix = STR("POST / 1.1 host=x path=\n  Host: x\n  Transfer-Encoding: chunked\n"
                            "  body=-1 keep=1 continue=0\n");
    for (size_t i = 0; i < COUNT_OF(chunk_cases); i++) {
        check_case(&chunk_cases[i], prefix);
    }
}

static void byte_classes_are_those_of_the_standard(void **state)
{
    (void)state;
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; c++) {
        assert_int_equal(http_is_token((unsigned char)c),
                         memchr(token, c, sizeof(token) - 1) != NULL);
        assert_int_equal(http_is_text((unsigned char)c), c == '\t' || (c >= ' ' && c != 0x7f));
    }
}

/* Every byte in a target and in a host. */
static void bytes_in_targets_and_hosts_are_checked(void **state)
{
    (void)state;
    static const char host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~%!$&'()*+,;=:[]";
    for (int c = 0; c < 256; c++) {
        char text[] = "GET /?.x HTTP/1.1\r\nHost: x.y\r\n\r\n";
        bool fine = c > ' ' && c < 0x7f && c != '#' && c != '%'; /* a bare % is broken */
        struct transcript transcript;
        transcript_init(&transcript);
        text[6] = (char)c;
        transcript_feed(&transcript, (struct str){text, sizeof(text) - 1});
        assert_int_equal(transcript.parser.state == PARSER_BROKEN, !fine);
        transcript_deinit(&transcript);
        text[6] = '.';
        text[26] = (char)c;
        transcript_init(&transcript);
        transcript_feed(&transcript, (struct str){text, sizeof(text) - 1});
        assert_int_equal(transcript.parser.state == PARSER_BROKEN,
                         memchr(host, c, sizeof(host) - 1) == NULL);
        transcript_deinit(&transcript);
    }
}

static void headers_that_may_come_once_are_known(void **state)
{
    (void)state;
    static const char *const once[] = {"Cookie",        "Origin",          "If-Match",
                                       "Content-Type",  "X-CSRF-Token",    "Authorization",
                                       "Last-Event-ID", "Idempotency-Key", "Content-Encoding"};
    static const char *const often[] = {"Accept",        "Via",     "X",
                                        "If-None-Match", "Cookies", "Content-Encodings"};
    for (size_t i = 0; i < COUNT_OF(once) + COUNT_OF(often); i++) {
        bool is_once = i < COUNT_OF(once);
        const char *name = is_once ? once[i] : often[i - COUNT_OF(once)];
        struct transcript transcript;
        struct buf text = {0};
        transcript_init(&transcript);
        buf_printf(&text, "GET / HTTP/1.1\r\nHost: x\r\n%s: a\r\nB: c\r\n%s: a\r\n\r\n", name,
                   name);
        transcript_feed(&transcript, buf_str(&text));
        assert_int_equal(transcript.parser.state == PARSER_BROKEN, is_once);
        buf_deinit(&text);
        transcript_deinit(&transcript);
    }
}

/* Values are looked at in words where they can be: a control must be found in any place. */
static void controls_in_values_are_found_anywhere(void **state)
{
    (void)state;
    static const unsigned char refused[] = {0, 1, 8, 0x0b, 0x1f, 0x7f};
    static const unsigned char taken[] = {'\t', ' ', '!', '~', 0x80, 0xa0, 0xff};
    for (size_t at = 0; at < 20; at++) {
        for (size_t i = 0; i < COUNT_OF(refused) + COUNT_OF(taken); i++) {
            char text[] = "GET / HTTP/1.1\r\nHost: x\r\nA: .12345678901234567890.\r\n\r\n";
            bool is_refused = i < COUNT_OF(refused);
            struct transcript transcript;
            text[30 + at] = (char)(is_refused ? refused[i] : taken[i - COUNT_OF(refused)]);
            transcript_init(&transcript);
            transcript_feed(&transcript, (struct str){text, sizeof(text) - 1});
            assert_int_equal(transcript.parser.state == PARSER_BROKEN, is_refused);
            transcript_deinit(&transcript);
        }
    }
}

/* ---- cutting ---- */

static void check_cut(struct str bytes, size_t first, size_t second, struct str expected)
{
    struct transcript transcript;
    transcript_init(&transcript);
    transcript_feed(&transcript, str_sub(bytes, 0, first));
    transcript_feed(&transcript, str_sub(bytes, first, second - first));
    transcript_feed(&transcript, str_sub(bytes, second, bytes.len));
    if (!str_eq(buf_str(&transcript.text), expected)) {
        fail_msg("cut at %zu and %zu:\n" STR_FORMAT "instead of\n" STR_FORMAT, first, second,
                 STR_ARGS(buf_str(&transcript.text)), STR_ARGS(expected));
    }
    transcript_deinit(&transcript);
}

/* All pairs of cuts where that is quick, else all single cuts. */
static void check_all_cuts(struct str bytes)
{
    enum { PAIRS_BYTES_MAX = 130, CUT_BYTES_MAX = 4096 };
    struct transcript whole;
    transcript_init(&whole);
    transcript_feed(&whole, bytes);
    for (size_t first = 0; first <= MIN(bytes.len, (size_t)CUT_BYTES_MAX); first++) {
        size_t last = bytes.len <= PAIRS_BYTES_MAX ? bytes.len : first;
        for (size_t second = first; second <= last; second++) {
            check_cut(bytes, first, second, buf_str(&whole.text));
        }
    }
    transcript_deinit(&whole);
}

static void cutting_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_all_cuts(cases[i].bytes);
    }
    for (size_t i = 0; i < COUNT_OF(chunk_cases); i++) {
        check_all_cuts(chunk_cases[i].bytes);
    }
}

/* ---- sizes ---- */

static void expect_last(const struct buf *bytes, size_t step, const char *last_line)
{
    struct transcript transcript;
    transcript_init(&transcript);
    struct str rest = buf_str(bytes);
    while (rest.len > 0) {
        transcript_feed(&transcript, str_sub(rest, 0, step));
        rest = str_sub(rest, step, rest.len);
        /* However much is sent, no more than the limits is held. */
        assert_true(transcript.parser.partial.len <= 16384 + 2);
    }
    struct str text = buf_str(&transcript.text);
    if (!str_ends(text, str_from(last_line))) {
        fail_msg(STR_FORMAT "does not end with %s", STR_ARGS(str_sub(text, 0, 400)), last_line);
    }
    transcript_deinit(&transcript);
}

static void fill(struct buf *buf, const char *before, const char *text, int times,
                 const char *behind)
{
    buf_reset(buf);
    buf_append_str(buf, str_from(before));
    for (int i = 0; i < times; i++) {
        buf_append_str(buf, str_from(text));
    }
    buf_append_str(buf, str_from(behind));
}

static void what_is_too_large_is_refused_in_bounded_memory(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (size_t step = 1000; step <= 2000000; step *= 10) {
        fill(&buf, "GET /", "a", 70000, " HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_last(&buf, step, "broken uri_too_long: the request line is too long\n");
        fill(&buf, "GET /", "a", 8192, " HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_last(&buf, step, "broken uri_too_long: the request target is too long\n");
        fill(&buf, "GET /", "a", 8191, " HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_last(&buf, step, "end\n");
        fill(&buf, "GET / HTTP/1.1\r\nHost: x\r\n", "Xn: 1\r\n", 10000, "\r\n");
        expect_last(&buf, step, "broken headers_too_large: there are too many headers\n");
        fill(&buf, "GET / HTTP/1.1\r\nHost: x\r\n", "Xn: 1\r\n", 63, "\r\n");
        expect_last(&buf, step, "end\n");
        fill(&buf, "GET / HTTP/1.1\r\nHost: x\r\nA: ", "b", 1000000, "\r\n\r\n");
        expect_last(&buf, step, "broken headers_too_large: the header block is too large\n");
        fill(&buf, CHUNKED "1;a=", "b", 1000000, "\r\nx\r\n0\r\n\r\n");
        expect_last(&buf, step, "broken invalid: the chunk extensions are too long\n");
        fill(&buf, CHUNKED "0\r\n", "a: b\r\n", 2000, "\r\n");
        expect_last(&buf, step, "broken headers_too_large: the trailers are too long\n");
        fill(&buf, "", "\r\n", 50000, "");
        expect_last(&buf, step, "broken invalid: a request begins with its request line\n");
        fill(&buf, "GET /", "a/", 33, " HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_last(&buf, step, "broken invalid: the path has too many segments\n");
        fill(&buf, "GET /?", "a&", 256, " HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_last(&buf, step, "broken invalid: the query has too many parameters\n");
    }
    buf_deinit(&buf);
}

static void many_small_chunks_are_one_body(void **state)
{
    (void)state;
    struct buf buf = {0}, body = {0};
    fill(&buf, CHUNKED, "1\r\nx\r\n", 50000, "0\r\n\r\n");
    fill(&body, "[", "x", 50000, "] end\n");
    expect_last(&buf, 65536, buf_cstr(&body));
    buf_deinit(&buf);
    buf_deinit(&body);
}

/* ---- corpora ---- */

static bool corpus_read(struct buf *out, const char *path)
{
    const char *folder = getenv("PROXENOS_TEST_DATA");
    char name[4096];
    if (folder != NULL) {
        (void)snprintf(name, sizeof(name), "%s/adversarial/http1/%s", folder, path);
    } else {
        (void)snprintf(name, sizeof(name), "%s/../shared/data/adversarial/http1/%s",
                       TEST_SOURCE_DIR, path);
    }
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        return false;
    }
    buf_reset(out);
    for (size_t got = 1; got > 0; out->len += got) {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
    }
    (void)fclose(file);
    return true;
}

/* Where we differ from llhttp's strict mode on purpose. All other files must have its result. */
static const struct {
    const char *file, *why;
} differences[] = {
    {"llhttp/connection-03.raw", "what comes behind a last request is not looked at"},
    {"llhttp/connection-15.raw", "Upgrade is ignored: the body is a body"},
    {"llhttp/connection-16.raw", "Upgrade is ignored"},
    {"llhttp/content-length-04.raw", "cut before its end: judged when the block is whole"},
    {"llhttp/invalid-19.raw", "cut before its end"},
    {"llhttp/lenient-header-value-relaxed-05.raw", "cut before its end"},
    {"llhttp/content-length-08.raw", "lenient mode: identity beside Content-Length"},
    {"llhttp/content-length-18.raw", "lenient mode: bare CR"},
    {"llhttp/invalid-22.raw", "lenient mode: bare LF"},
    {"llhttp/lenient-header-value-relaxed-01.raw", "lenient mode: control in a value"},
    {"llhttp/lenient-headers-04.raw", "lenient mode: bare CR"},
    {"llhttp/method-05.raw", "M-SEARCH is not served: 501"},
    {"llhttp/method-07.raw", "PURGE is not served: 501"},
    {"llhttp/method-08.raw", "SEARCH is not served: 501"},
    {"llhttp/method-09.raw", "LINK is not served: 501"},
    {"llhttp/method-14.raw", "RTSP is not spoken"},
    {"llhttp/sample-11.raw", "lenient mode: folded lines"},
    {"llhttp/transfer-encoding-14.raw", "lenient mode, and a fragment in the target"},
    {"llhttp/uri-10.raw", "an absolute target must name the Host header's host"},
};

static bool is_difference(struct str file)
{
    for (size_t i = 0; i < COUNT_OF(differences); i++) {
        if (str_is(file, differences[i].file)) {
            return true;
        }
    }
    return false;
}

/* llhttp's samples mostly have no Host header, which is an error of its own here. */
static void add_hosts(struct buf *bytes)
{
    struct str rest = buf_str(bytes);
    struct buf hosted = {0};
    size_t at;
    if (str_find(rest, STR("ost:"), &at)) {
        return;
    }
    while (str_find(rest, STR(" HTTP/1.1\r\n"), &at)) {
        buf_append_str(&hosted, str_sub(rest, 0, at + 11));
        buf_append_str(&hosted, STR("Host: x\r\n"));
        rest = str_sub(rest, at + 11, rest.len);
    }
    buf_append_str(&hosted, rest);
    buf_deinit(bytes);
    *bytes = hosted;
}

static bool is_refused(struct str bytes)
{
    struct transcript transcript;
    transcript_init(&transcript);
    transcript_feed(&transcript, bytes);
    bool refused = transcript.parser.state == PARSER_BROKEN;
    transcript_deinit(&transcript);
    return refused;
}

static void check_llhttp(struct str file, struct str outcome, struct buf *bytes)
{
    add_hosts(bytes);
    bool refused = is_refused(buf_str(bytes));
    bool wanted = str_starts(outcome, STR("reject"));
    if ((refused != wanted) != is_difference(file)) {
        fail_msg(STR_FORMAT ": refused=%d, llhttp says " STR_FORMAT, STR_ARGS(file), refused,
                 STR_ARGS(outcome));
    }
}

static void corpora_are_refused_or_read(void **state)
{
    (void)state;
    struct buf index = {0}, bytes = {0};
    if (!corpus_read(&index, "index.tsv")) {
        skip();
    }
    struct str rest = buf_str(&index), line, file, column, outcome = {0};
    int checked = 0;
    while (str_split(&rest, '\n', &line)) {
        struct str columns = line;
        (void)str_split(&columns, '\t', &file);
        char name[200];
        (void)snprintf(name, sizeof(name), STR_FORMAT, STR_ARGS(file));
        if (!str_ends(file, STR(".raw")) || !corpus_read(&bytes, name)) {
            continue;
        }
        while (columns.at != NULL && str_split(&columns, '\t', &column)) {
            outcome = column;
        }
        if (str_starts(file, STR("llhttp/"))) {
            check_llhttp(file, outcome, &bytes);
        }
        check_all_cuts(buf_str(&bytes));
        checked++;
    }
    assert_true(checked > 100);
    buf_deinit(&index);
    buf_deinit(&bytes);
}

/* The garden's files each fooled some server: all are refused but those named. */
static void garden_is_refused(void **state)
{
    (void)state;
    static const char *const fine[] = {
        "003_2", /* a sound request and the first byte of another */
    };
    struct buf bytes = {0};
    int checked = 0;
    for (int i = 0; i < 400; i++) {
        char name[64], path[80];
        (void)snprintf(name, sizeof(name), i % 4 == 0 ? "%03d" : "%03d_%d", i / 4, i % 4);
        (void)snprintf(path, sizeof(path), "garden/%s.raw", name);
        if (!corpus_read(&bytes, path) || bytes.len == 0) {
            continue;
        }
        bool refused = is_refused(buf_str(&bytes));
        for (size_t k = 0; k < COUNT_OF(fine); k++) {
            refused = refused || strcmp(fine[k], name) == 0;
        }
        if (!refused) {
            fail_msg("%s is accepted", name);
        }
        checked++;
    }
    buf_deinit(&bytes);
    if (checked == 0) {
        skip();
    }
}

int test_parser(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_cases_have_their_result),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(byte_classes_are_those_of_the_standard),
        cmocka_unit_test(bytes_in_targets_and_hosts_are_checked),
        cmocka_unit_test(headers_that_may_come_once_are_known),
        cmocka_unit_test(controls_in_values_are_found_anywhere),
        cmocka_unit_test(cutting_changes_nothing),
        cmocka_unit_test(what_is_too_large_is_refused_in_bounded_memory),
        cmocka_unit_test(many_small_chunks_are_one_body),
        cmocka_unit_test(corpora_are_refused_or_read),
        cmocka_unit_test(garden_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
