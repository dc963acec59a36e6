/* The kinds of files that are known, by media type. What is not here is refused whatever the
 * operator allows: a kind that cannot be told from its bytes would be a word for anything.
 *
 * Sources of the signatures: ISO 32000-1 7.5.2 (PDF); PNG (W3C) 5.2; ITU T.81 B.1.1.3 (JPEG);
 * GIF89a 17; RFC 9649 2.4 (WebP); TIFF 6.0 section 2; APPNOTE.TXT 4.3.7 (ZIP); ECMA-376 part 2
 * (OOXML); ODF 1.3 part 2, 3.3; MS-CFB 2.2; RFC 5545, 6350, 5322. */
#include "internal.h"

#include <string.h>

#define BYTES(literal) STR_INIT(literal)
#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF "application/vnd.oasis.opendocument."

static const struct media_kind kinds[] = {
    {STR_INIT("application/pdf"), STR_INIT("pdf"), MEDIA_BYTES, BYTES("%PDF-"), true},
    {STR_INIT("image/png"), STR_INIT("png"), MEDIA_BYTES, BYTES("\x89PNG\r\n\x1a\n"), true},
    {STR_INIT("image/jpeg"), STR_INIT("jpg jpeg"), MEDIA_BYTES, BYTES("\xff\xd8\xff"), true},
    {STR_INIT("image/gif"), STR_INIT("gif"), MEDIA_BYTES, BYTES("GIF8?a"), true},
    {STR_INIT("image/webp"), STR_INIT("webp"), MEDIA_BYTES, BYTES("RIFF????WEBPVP8"), true},
    {STR_INIT("image/tiff"), STR_INIT("tif tiff"), MEDIA_BYTES, BYTES("II*\0|MM\0*"), true},
    {STR_INIT(OOXML "wordprocessingml.document"), STR_INIT("docx"), MEDIA_OOXML,
     STR_INIT("word/document.xml"), true},
    {STR_INIT(OOXML "spreadsheetml.sheet"), STR_INIT("xlsx"), MEDIA_OOXML,
     STR_INIT("xl/workbook.xml"), true},
    {STR_INIT(OOXML "presentationml.presentation"), STR_INIT("pptx"), MEDIA_OOXML,
     STR_INIT("ppt/presentation.xml"), true},
    {STR_INIT(ODF "text"), STR_INIT("odt"), MEDIA_ODF, STR_INIT(""), true},
    {STR_INIT(ODF "spreadsheet"), STR_INIT("ods"), MEDIA_ODF, STR_INIT(""), true},
    {STR_INIT(ODF "presentation"), STR_INIT("odp"), MEDIA_ODF, STR_INIT(""), true},
    {STR_INIT(ODF "graphics"), STR_INIT("odg"), MEDIA_ODF, STR_INIT(""), true},
    {STR_INIT("text/plain"), STR_INIT("txt log"), MEDIA_TEXT, STR_INIT(""), true},
    {STR_INIT("text/csv"), STR_INIT("csv"), MEDIA_TEXT, STR_INIT(""), true},
    {STR_INIT("text/markdown"), STR_INIT("md"), MEDIA_TEXT, STR_INIT(""), true},
    {STR_INIT("application/json"), STR_INIT("json"), MEDIA_JSON, STR_INIT(""), true},
    {STR_INIT("application/xml"), STR_INIT("xml"), MEDIA_XML, STR_INIT(""), true},
    {STR_INIT("text/xml"), STR_INIT("xml"), MEDIA_XML, STR_INIT(""), true},
    {STR_INIT("message/rfc822"), STR_INIT("eml"), MEDIA_MAIL, STR_INIT(""), true},
    {STR_INIT("text/calendar"), STR_INIT("ics"), MEDIA_MARKED, STR_INIT("BEGIN:VCALENDAR"), true},
    {STR_INIT("text/vcard"), STR_INIT("vcf"), MEDIA_MARKED, STR_INIT("BEGIN:VCARD"), true},
    /* Known, and taken only where the operator names them: what is in them is not looked at, or can
     * act. */
    {STR_INIT("application/zip"), STR_INIT("zip"), MEDIA_BYTES, BYTES("PK\x03\x04"), false},
    {STR_INIT("application/msword"), STR_INIT("doc"), MEDIA_BYTES,
     BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), false},
    {STR_INIT("application/vnd.ms-excel"), STR_INIT("xls"), MEDIA_BYTES,
     BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), false},
    {STR_INIT("application/vnd.ms-powerpoint"), STR_INIT("ppt"), MEDIA_BYTES,
     BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), false},
    {STR_INIT("application/vnd.ms-outlook"), STR_INIT("msg"), MEDIA_BYTES,
     BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), false},
    {STR_INIT("image/svg+xml"), STR_INIT("svg"), MEDIA_XML, STR_INIT("svg"), false},
    {STR_INIT("text/html"), STR_INIT("html htm"), MEDIA_TEXT, STR_INIT("html"), false},
};

/* Endings by which a system takes a file for something to run, whatever is in it. */
static const char programs[] =
    "apk app application appref-ms bat chm class cmd com cpl desktop dll dmg exe gadget hta inf "
    "ins "
    "iso jar js jse lnk mjs msc msi msp mst pif ps1 psm1 py rb reg scf scr sh so svgz sys url vb "
    "vbe vbs vhd vhdx wsc wsf wsh xht xhtml xll";

const struct media_kind *media_kind_at(size_t index)
{
    return index < COUNT_OF(kinds) ? &kinds[index] : NULL;
}

const struct media_kind *media_find(struct str content_type)
{
    struct str rest = content_type;
    struct str type;
    if (!str_split(&rest, ';', &type)) {
        return NULL;
    }
    type = str_trim(type);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq_nocase(type, kinds[i].type)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static struct str ending_of(struct str name)
{
    for (size_t at = name.len; at-- > 1;) {
        if (name.at[at] == '.') {
            return str_sub(name, at + 1, name.len);
        }
    }
    return STR("");
}

static bool is_among(struct str ending, struct str words)
{
    struct str word;
    while (ending.len > 0 && str_split(&words, ' ', &word)) {
        if (str_eq_nocase(ending, word)) {
            return true;
        }
    }
    return false;
}

const struct media_kind *media_of_name(struct str name)
{
    struct str ending = ending_of(name);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (is_among(ending, kinds[i].endings)) {
            return &kinds[i];
        }
    }
    return NULL;
}

enum err media_check_name(const struct media_kind *kind, struct str name, struct error *error)
{
    struct str ending = ending_of(name);
    if (is_among(ending, str_from(programs))) {
        return error_at(error, ERR_FILE_TYPE, "name", NULL,
                        "a file that ends in ." STR_FORMAT " is a program to the one who opens it",
                        STR_ARGS(ending));
    }
    const struct media_kind *named = media_of_name(name);
    bool text_of_another = kind->shape == MEDIA_TEXT && named != NULL && kind->detail.len == 0 &&
                           named->shape == MEDIA_TEXT && named->detail.len == 0;
    if (named == NULL || is_among(ending, kind->endings) || text_of_another) {
        return OK;
    }
    return error_at(error, ERR_FILE_TYPE, "name", NULL,
                    "its name ends in ." STR_FORMAT ", and it is sent as " STR_FORMAT,
                    STR_ARGS(ending), STR_ARGS(kind->type));
}
