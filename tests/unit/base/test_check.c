/* Identifiers: a table of our own for every format, and the vectors of python-stdnum when the test
 * data is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_check.h"

#include "testdata.h"

struct check_case {
    const char *format, *text;
    const char *canonical; /* NULL: refused with `err` */
    enum err err;
};

static const struct check_case cases[] = {
    {"afm", "094259216", "094259216", OK},
    {"afm", " 094-259 216", "094259216", OK},
    {"afm", "EL094259216", "094259216", OK},
    {"afm", "094259217", NULL, ERR_CHECK_DIGIT},
    {"afm", "000000000", NULL, ERR_CHECK_DIGIT},
    {"afm", "09425921", NULL, ERR_PATTERN},
    {"afm", "", NULL, ERR_PATTERN},
    {"amka", "01013099997", "01013099997", OK},
    {"amka", "01013099998", NULL, ERR_CHECK_DIGIT},
    {"amka", "32013099997", NULL, ERR_PATTERN},
    {"lei", "213800WSGIIZCXF1P572", "213800WSGIIZCXF1P572", OK},
    {"lei", "5493001kjtiigc8y1r12", "5493001KJTIIGC8Y1R12", OK},
    {"lei", "213800WSGIIZCXF1P573", NULL, ERR_CHECK_DIGIT},
    {"lei", "213800WSGIIZCXF1P57", NULL, ERR_PATTERN},
    {"iban", "GR16 0110 1250 0000 0001 2300 695", "GR1601101250000000012300695", OK},
    {"iban", "gr16-0110-1250-0000-0001-2300-695", "GR1601101250000000012300695", OK},
    {"iban", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000", OK},
    {"iban", "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432", OK},
    {"iban", "MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S", OK},
    {"iban", "GR16 0110 1250 0000 0001 2300 696", NULL, ERR_CHECK_DIGIT},
    {"iban", "GR16 0110 1250 0000 0001 2300 69", NULL, ERR_PATTERN},
    {"iban", "US16 0110 1250 0000 0001 2300 695", NULL, ERR_PATTERN},
    {"iban", "GRAA01101250000000012300695", NULL, ERR_PATTERN},
    {"iban", "GR", NULL, ERR_PATTERN},
    {"bic", "ethngraa", "ETHNGRAA", OK},
    {"bic", "DEUTDEFF500", "DEUTDEFF500", OK},
    {"bic", "DEUTQQFF", NULL, ERR_PATTERN},
    {"bic", "DEUTDEFF50", NULL, ERR_PATTERN},
    {"isin", "us0378331005", "US0378331005", OK},
    {"isin", "GRS014003024", "GRS014003024", OK},
    {"isin", "US0378331003", NULL, ERR_CHECK_DIGIT},
    {"isin", "U50378331005", NULL, ERR_PATTERN},
    {"gln", "5200000000000", NULL, ERR_CHECK_DIGIT},
    {"gln", "4006381333931", "4006381333931", OK},
    {"gln", "73513537", NULL, ERR_PATTERN},
    {"gtin", "73513537", "73513537", OK},
    {"gtin", "036000291452", "036000291452", OK},
    {"gtin", "4006381333931", "4006381333931", OK},
    {"gtin", "04006381333931", "04006381333931", OK},
    {"gtin", "4006381333932", NULL, ERR_CHECK_DIGIT},
    {"gtin", "4006381", NULL, ERR_PATTERN},
    {"gtin", "40063813339310000000", NULL, ERR_PATTERN},
    {"imo", "IMO 9319466", "9319466", OK},
    {"imo", "9319466", "9319466", OK},
    {"imo", "8814274", NULL, ERR_CHECK_DIGIT},
    {"imo", "IMO", NULL, ERR_PATTERN},
    {"luhn", "7894-", NULL, ERR_CHECK_DIGIT},
    {"luhn", "4242 4242 4242 4242", "4242424242424242", OK},
    {"luhn", "4242 4242 4242 4243", NULL, ERR_CHECK_DIGIT},
    {"luhn", "0", NULL, ERR_PATTERN},
    {"luhn", "12a", NULL, ERR_PATTERN},
    {"ein", "04-2103594", "042103594", OK},
    {"ein", "07-3456789", NULL, ERR_PATTERN},
    {"ssn", "111-22-3333", "111223333", OK},
    {"ssn", "666-22-3333", NULL, ERR_PATTERN},
    {"ssn", "078-05-1120", NULL, ERR_PATTERN},
    {"email", " Maria.P+x@Example.GR ", "Maria.P+x@example.gr", OK},
    {"email", "μαρία@παράδειγμα.ελ", "μαρία@παράδειγμα.ελ", OK},
    {"email", "o'neil@a-b.co.uk", "o'neil@a-b.co.uk", OK},
    {"email", "maria", NULL, ERR_PATTERN},
    {"email", "maria@localhost", NULL, ERR_PATTERN},
    {"email", "@example.gr", NULL, ERR_PATTERN},
    {"email", "maria@", NULL, ERR_PATTERN},
    {"email", "a..b@example.gr", NULL, ERR_PATTERN},
    {"email", ".a@example.gr", NULL, ERR_PATTERN},
    {"email", "a b@example.gr", NULL, ERR_PATTERN},
    {"email", "a@b@example.gr", NULL, ERR_PATTERN},
    {"email", "a@-example.gr", NULL, ERR_PATTERN},
    {"email", "a@example..gr", NULL, ERR_PATTERN},
    {"email", "a@127.0.0.1", NULL, ERR_PATTERN},
    {"email", "a@example.gr\nBcc: b@example.gr", NULL, ERR_PATTERN},
    {"email", "<a@example.gr>", NULL, ERR_PATTERN},
    {"phone", "+30 210 123-4567", "+302101234567", OK},
    {"phone", "0030 (210) 123.4567", "+302101234567", OK},
    {"phone",
     "+30\xC2\xA0"
     "210\xE2\x80\x93"
     "1234567",
     "+302101234567", OK},
    {"phone", "210 1234567", NULL, ERR_PATTERN},
    {"phone", "+1234567", NULL, ERR_PATTERN},
    {"phone", "+1234567890123456", NULL, ERR_PATTERN},
    {"phone", "+0302101234567", NULL, ERR_PATTERN},
    {"phone", "+30 210 CALLME", NULL, ERR_PATTERN},
    {"phone", "", NULL, ERR_PATTERN},
    {"url", "HTTPS://Example.GR/Path?q=1#f", "https://example.gr/Path?q=1#f", OK},
    {"url", "http://localhost:8080", "http://localhost:8080", OK},
    {"url", "http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x", OK},
    {"url", "https://παράδειγμα.ελ/α", "https://παράδειγμα.ελ/α", OK},
    {"url", "https://", NULL, ERR_PATTERN},
    {"url", "https:///path", NULL, ERR_PATTERN},
    {"url", "example.gr", NULL, ERR_PATTERN},
    {"url", "ftp://example.gr", NULL, ERR_PATTERN},
    {"url", "javascript:alert(1)", NULL, ERR_PATTERN},
    {"url", "http://a b.gr", NULL, ERR_PATTERN},
    {"url", "http://a.gr/\r\nX: y", NULL, ERR_PATTERN},
    {"url", "https://bank.gr@evil.example", NULL, ERR_PATTERN},
    {"url", "https://bank.gr\\@evil.example", NULL, ERR_PATTERN},
    {"url", "http://a.gr:0", NULL, ERR_PATTERN},
    {"url", "http://a.gr:65536", NULL, ERR_PATTERN},
    {"url", "http://a.gr:", NULL, ERR_PATTERN},
    {"url", "http://[::1", NULL, ERR_PATTERN},
    {"country", "gr", "GR", OK},
    {"country", "GRC", NULL, ERR_PATTERN},
    {"country", "EL", NULL, ERR_PATTERN},
    {"language", "EN-gb", "en-GB", OK},
    {"language", "el", "el", OK},
    {"language", "greek!", NULL, ERR_PATTERN},
    {"currency", "eur", "EUR", OK},
    {"currency", "EURO", NULL, ERR_PATTERN},
    {"vat", "EL 094259216", "EL094259216", OK},
    {"vat", "GR094259216", "EL094259216", OK},
    {"vat", "BE(0)403019261", "BE0403019261", OK},
    {"vat", "US094259216", NULL, ERR_PATTERN},
    {"vat", "094259216", NULL, ERR_PATTERN},
    {"vat", "EL", NULL, ERR_PATTERN},
    {"vat", "EL09425921A", NULL, ERR_PATTERN},
};

static enum err run(const char *format, const char *text, struct buf *out, struct error *error)
{
    return check_format(str_from(format), str_from(text), out, error);
}

static void checks_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;
        struct error error = {0};
        buf_init(&out);
        enum err err = run(cases[i].format, cases[i].text, &out, &error);
        if (err != cases[i].err) {
            fail_msg("%s %s: %s", cases[i].format, cases[i].text, err_code(err));
        }
        assert_string_equal(buf_cstr(&out), err == OK ? cases[i].canonical : "");
        assert_int_equal(error.err, err);
        assert_true(err == OK || error.detail[0] != '\0');
        buf_deinit(&out);
    }
}

/* One right number per country and rule of its own; every other last digit or letter must fail
 * where the rule is exact. */
static const char *const vat_numbers[] = {
    "ATU13585627",    "BE0428759497",  "BE0697449992",  "BG175074752",   "BG7542011030",
    "CY10259033P",    "CZ25123891",    "CZ7103192745",  "CZ640903926",   "DE136695976",
    "DK13585628",     "EE100931558",   "EL094259216",   "ESB64717838",   "ES54362315K",
    "ESX2482300W",    "ESJ99216582",   "FI20774740",    "FR40303265045", "FR23334175221",
    "FR61954506077",  "FRK7399859412", "GB980780684",   "HR33392005961", "HU12892312",
    "IE6433435F",     "IE6433435OA",   "IE8D79739I",    "IT00743110157", "LT119511515",
    "LT100001919017", "LU15027442",    "LV40003521600", "LV16117519997", "MT11679112",
    "NL004495445B01", "PL8567346215",  "PT501964843",   "RO18547290",    "SE123456789701",
    "SI50223054",     "SK2022749619",  "XI980780684",
};

static size_t accepted_last_characters(const char *number)
{
    size_t accepted = 0;
    char text[32];
    size_t len = strlen(number);
    memcpy(text, number, len + 1);
    bool digit = number[len - 1] >= '0' && number[len - 1] <= '9';
    for (char c = digit ? '0' : 'A'; c <= (digit ? '9' : 'Z'); c++) {
        struct buf out;
        buf_init(&out);
        text[len - 1] = c;
        accepted += run("vat", text, &out, NULL) == OK ? 1 : 0;
        buf_deinit(&out);
    }
    return accepted;
}

static void checks_vat_of_all_countries(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vat_numbers); i++) {
        struct buf out;
        struct error error = {0};
        buf_init(&out);
        if (run("vat", vat_numbers[i], &out, &error) != OK) {
            fail_msg("%s: %s", vat_numbers[i], error.detail);
        }
        assert_string_equal(buf_cstr(&out), vat_numbers[i]);
        bool suffix = memcmp(vat_numbers[i], "NL", 2) == 0 || memcmp(vat_numbers[i], "SE", 2) == 0;
        size_t accepted = accepted_last_characters(vat_numbers[i]);
        if (!suffix && accepted > 3) {
            fail_msg("%s: %zu check digits are right", vat_numbers[i], accepted);
        }
        buf_deinit(&out);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    struct buf out;
    struct error error = {0};
    buf_init(&out);
    assert_int_equal(run("iban", "GR99", &out, &error), ERR_PATTERN);
    assert_string_equal(error.value, "GR99");
    assert_non_null(strstr(error.detail, "country"));
    assert_int_equal(run("ibam", "GR99", &out, &error), ERR_INVALID);
    assert_string_equal(error.nearest, "iban");
    assert_int_equal(run("vat", "ATU1", &out, &error), ERR_PATTERN);
    assert_non_null(strstr(error.detail, "U99999999"));
    assert_int_equal(out.len, 0);
    buf_append_str(&out, STR("kept "));
    assert_int_equal(run("gtin", "73513537", &out, NULL), OK);
    assert_string_equal(buf_cstr(&out), "kept 73513537");
    buf_deinit(&out);
}

static void lists_its_formats(void **state)
{
    (void)state;
    static const char *const wanted[] = {"vat",  "afm",   "amka",    "lei",      "iban",    "bic",
                                         "isin", "gln",   "gtin",    "imo",      "luhn",    "email",
                                         "url",  "phone", "country", "language", "currency"};
    const struct str *names = NULL;
    size_t count = check_names(&names);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_true(check_known(str_from(wanted[i])));
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(check_known(names[i]));
        assert_true(i == 0 || str_cmp(names[i - 1], names[i]) < 0);
    }
    assert_false(check_known(STR("VAT")));
    assert_false(check_known(STR("")));
}

/* ---- python-stdnum's vectors: module,function,'argument','expected' or Invalid… ---- */

/* Modules whose numbers one of our formats checks; the country's prefix goes in front when it is
 * not there. */
static const struct vector_module {
    const char *module, *format, *prefix;
} vector_modules[] = {
    {"at.uid", "vat", "AT"}, {"be.vat", "vat", "BE"},  {"bg.vat", "vat", "BG"},
    {"bic", "bic", ""},      {"de.vat", "vat", "DE"},  {"dk.cvr", "vat", "DK"},
    {"ean", "gtin", ""},     {"ee.kmkr", "vat", "EE"}, {"es.nif", "vat", "ES"},
    {"es.dni", "vat", "ES"}, {"es.nie", "vat", "ES"},  {"eu.vat", "vat", ""},
    {"fr.tva", "vat", "FR"}, {"gb.vat", "vat", "GB"},  {"gr.amka", "amka", ""},
    {"gr.vat", "afm", ""},   {"hr.oib", "vat", "HR"},  {"hu.anum", "vat", "HU"},
    {"iban", "iban", ""},    {"imo", "imo", ""},       {"isin", "isin", ""},
    {"it.iva", "vat", "IT"}, {"lei", "lei", ""},       {"lv.pvn", "vat", "LV"},
    {"mc.tva", "vat", "FR"}, {"mt.vat", "vat", "MT"},  {"nl.btw", "vat", "NL"},
    {"no.iban", "iban", ""}, {"pl.nip", "vat", "PL"},  {"ro.cui", "vat", "RO"},
    {"si.ddv", "vat", "SI"}, {"us.ein", "ein", ""},    {"us.ssn", "ssn", ""},
    {"us.tin", "ein", ""},   {"vatin", "vat", ""},
};

/* Takes one field of a CSV line, its quotes included. */
static struct str take_field(struct str *rest)
{
    size_t len = 0;
    bool quoted = false;
    while (len < rest->len && (quoted || rest->at[len] != ',')) {
        quoted = rest->at[len] == '"' ? !quoted : quoted;
        len++;
    }
    struct str field = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len + 1, rest->len);
    return field;
}

static const struct vector_module *module_find(struct str module)
{
    for (size_t i = 0; i < COUNT_OF(vector_modules); i++) {
        if (str_is(module, vector_modules[i].module)) {
            return &vector_modules[i];
        }
    }
    return NULL;
}

/* The text between single quotes of a Python literal; nothing when it is more than one literal. */
static bool python_text(struct str literal, struct str *out_text)
{
    bool plain = literal.len >= 2 && literal.at[0] == '\'' && literal.at[literal.len - 1] == '\'';
    *out_text = str_sub(literal, 1, literal.len - 2);
    return plain && memchr(out_text->at, '\'', out_text->len) == NULL;
}

static bool check_vector(const struct vector_module *module, struct str number, bool valid)
{
    struct buf text;
    struct buf out;
    struct str trimmed = str_trim(number);
    bool prefixed = str_eq_nocase(str_sub(trimmed, 0, 2), str_from(module->prefix));
    buf_init(&text);
    buf_init(&out);
    buf_append_str(&text, prefixed ? STR("") : str_from(module->prefix));
    buf_append_str(&text, number);
    enum err err = check_format(str_from(module->format), buf_str(&text), &out, NULL);
    bool right = (err == OK) == valid;
    if (!right) {
        print_error("%s %s: %s\n", module->module, buf_cstr(&text), err_code(err));
    }
    buf_deinit(&text);
    buf_deinit(&out);
    return right;
}

static void agrees_with_stdnum(void **state)
{
    (void)state;
    struct buf file;
    if (!testdata_read(&file, "identifiers/stdnum_doctest_vectors.csv")) {
        skip();
    }
    struct str rest = buf_str(&file);
    struct str line;
    size_t checked = 0;
    size_t wrong = 0;
    while (str_split(&rest, '\n', &line)) {
        const struct vector_module *module = module_find(take_field(&line));
        struct str function = take_field(&line);
        struct str number;
        bool plain = python_text(take_field(&line), &number);
        bool valid = !str_starts(line, STR("Invalid"));
        if (module != NULL && plain && str_is(function, "validate")) {
            wrong += check_vector(module, number, valid) ? 0 : 1;
            checked++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(checked >= 30);
    print_message("%zu vectors\n", checked);
    buf_deinit(&file);
}

int test_check(void);
int test_check(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_the_table),   cmocka_unit_test(checks_vat_of_all_countries),
        cmocka_unit_test(says_what_is_wrong), cmocka_unit_test(lists_its_formats),
        cmocka_unit_test(agrees_with_stdnum),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
