/* px.csv, px.xml, px.vcard and px.ical as scripts use them. */
#include "world.h"

int test_format(void);

static void run_script(struct world *world, const char *body)
{
    char main[6000];
    (void)snprintf(main, sizeof(main),
                   "local function raises(code, field, fn, ...)\n"
                   "  local _, err = px.try(fn, ...)\n"
                   "  assert(type(err) == 'table' and err.code == code and err.field == field,\n"
                   "    code .. ' expected, got ' .. tostring(err) .. ' at ' .. tostring(err and "
                   "err.field))\n"
                   "end\n"
                   "px.start(function()\n%s\nend)\n",
                   body);
    struct bind_host *host = world_plugin(
        world, &(struct world_plugin){.name = "one", .main = main, .memory = 32 << 20});
    struct bind_call call;
    enum err err = world_call(world, host, BIND_START, 0, NULL, NULL, &call);
    if (err != OK) {
        print_error("%s: %s %s\n", err_code(err), call.error.pointer, call.error.detail);
    }
    assert_int_equal(err, OK);
}

static void csv(void **state)
{
    run_script(*state,
               "local rows = px.csv.decode('name;city\\r\\n\"Papa; Anna\";Αθήνα\\r\\nx;\\r\\n')\n"
               "assert(#rows == 2 and rows[1].name == 'Papa; Anna' and rows[2].city == '')\n"
               "local lists = px.csv.decode('a,b\\n1,2\\n', { header = false })\n"
               "assert(#lists == 2 and lists[2][2] == '2')\n"
               "assert(#px.csv.decode('a|b\\n1|2\\n')[1]['a|b'] == 3)\n"
               "local text = px.csv.encode({ { a = '=1+1', b = 2 }, { a = 'x,y', b = px.null } })\n"
               "assert(text == 'a,b\\r\\n\"\\'=1+1\",2\\r\\n\"x,y\",\\r\\n', text)\n"
               "assert(px.csv.encode({ { 1, 'b' } }) == '1,b\\r\\n')\n"
               "assert(px.csv.encode({ { b = 1, a = px.date.parse('2027-03-31') } },\n"
               "  { columns = { 'b', 'a' } }) == 'b,a\\r\\n1,2027-03-31\\r\\n')\n"
               "assert(px.csv.encode({}) == '')\n"
               "raises('invalid', 'line 2', px.csv.decode, 'a,b\\n1\\n')\n"
               "raises('invalid', 'line 2', px.csv.decode, 'a,b\\n1,\"x\\n')\n"
               "raises('utf8', 'line 1', px.csv.decode, '\\xff')\n"
               "raises('invalid', nil, px.csv.decode, 'a', { separator = '|' })\n"
               "raises('type', nil, px.csv.encode, { { {} } })\n"
               "raises('limit', nil, px.csv.decode, string.rep('x', 4 * 1024 * 1024 + 1))\n");
}

static void xml(void **state)
{
    run_script(*state,
               "local root = px.xml.decode('<s:l xmlns:s=\"u\"><s:n id=\"7\">Άννα</s:n>t</s:l>')\n"
               "assert(root.name == 's:l' and root.attributes['xmlns:s'] == 'u')\n"
               "assert(root.children[1].children[1] == 'Άννα' and root.children[2] == 't')\n"
               "local text = px.xml.encode(root)\n"
               "assert(px.xml.encode(px.xml.decode(text)) == text)\n"
               "raises('unsupported', 'line 1, column 13', px.xml.decode,\n"
               "  '<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>')\n"
               "raises('invalid', 'line 1, column 6', px.xml.decode, '<a></b>')\n"
               "raises('invalid', 'name', px.xml.encode, { name = 'a b' })\n"
               "raises('invalid', 'children.1.children', px.xml.encode,\n"
               "  { name = 'a', children = { '\\1' } })\n");
}

static void cards(void **state)
{
    run_script(*state,
               "local text = px.vcard.encode { properties = {\n"
               "  { name = 'FN', value = 'Άννα' },\n"
               "  { name = 'N', value = { 'Παπαδοπούλου', 'Άννα', '', '', '' } },\n"
               "  { name = 'TEL', parameters = { TYPE = { 'work' } }, value = '+30 210' } } }\n"
               "local cards = px.vcard.decode(text)\n"
               "assert(#cards == 1 and cards[1].version == '4.0')\n"
               "assert(cards[1].properties[2].value[2] == 'Άννα')\n"
               "assert(cards[1].properties[3].parameters.TYPE[1] == 'work')\n"
               "raises('required', 'line 3', px.vcard.decode,\n"
               "  'BEGIN:VCARD\\nVERSION:4.0\\nEND:VCARD\\n')\n"
               "raises('invalid', 'properties.2.name', px.vcard.encode, { properties = {\n"
               "  { name = 'FN', value = 'x' }, { name = 'A\\nB', value = 'y' } } })\n");
}

static void calendars(void **state)
{
    run_script(*state,
               "local text = px.ical.encode { name = 'VCALENDAR', components = { {\n"
               "  name = 'VEVENT', properties = {\n"
               "    { name = 'DTSTART', value = '2027-03-31T10:00:00Z' },\n"
               "    { name = 'SUMMARY', value = 'Ραντεβού, 10' } } } } }\n"
               "assert(text:find('DTSTART:20270331T100000Z', 1, true))\n"
               "local calendar = px.ical.decode(text)[1]\n"
               "assert(calendar.components[1].properties[2].value == 'Ραντεβού, 10')\n"
               "raises('type', 'line 2', px.ical.decode,\n"
               "  'BEGIN:VEVENT\\nDTSTART:20271331\\nEND:VEVENT\\n')\n"
               "raises('type', 'VEVENT.properties.1.value', px.ical.encode,\n"
               "  { name = 'VEVENT', properties = { { name = 'DTSTART', value = 'soon' } } })\n");
}

static void recurrence(void **state)
{
    run_script(
        *state,
        "local at, more = px.ical.occurrences { rrule = 'FREQ=WEEKLY', zone = 'Europe/Athens',\n"
        "  start = '2027-03-24T10:00:00', from = '2027-03-25', to = '2027-04-10',\n"
        "  exdates = { '2027-03-31' }, rdates = { px.date.parse('2027-04-01T10:00:00Z') } }\n"
        "assert(#at == 2 and not more)\n"
        "assert(at[1] == px.date.parse('2027-04-01T10:00:00Z'))\n"
        "assert(at[2] == px.date.parse('2027-04-07T07:00:00Z'))\n"
        "local days = px.ical.occurrences { rrule = 'FREQ=YEARLY;COUNT=2',\n"
        "  start = px.date.parse('2027-03-24') }\n"
        "assert(tostring(days[2]) == '2028-03-24')\n"
        "at, more = px.ical.occurrences { rrule = 'FREQ=DAILY', start = '2027-01-01', limit = 3 }\n"
        "assert(#at == 3 and more)\n"
        "assert(#px.ical.occurrences { start = '2027-01-01T10:00:00Z' } == 1)\n"
        "raises('invalid', 'rrule', px.ical.occurrences, { rrule = 'x', start = '2027-01-01' })\n"
        "raises('invalid', 'zone', px.ical.occurrences, { zone = 'x', start = '2027-01-01' })\n"
        "raises('type', 'start', px.ical.occurrences, { start = 'soon' })\n"
        "raises('type', 'exdates', px.ical.occurrences, { start = '2027-01-01', exdates = 'x' })\n"
        "raises('limit', nil, px.ical.occurrences, { start = '2027-01-01', limit = 0 })\n"
        "raises('invalid', nil, px.ical.occurrences, { start = '2027-01-01', rule = 'x' })\n"
        "assert(px.ical.zone('UTC') == nil)\n"
        "local text = px.ical.encode(px.ical.zone('Europe/Athens'))\n"
        "assert(text:find('TZID:Europe/Athens', 1, true) and text:find('+0300', 1, true))\n"
        "raises('invalid', 'zone', px.ical.zone, 'Nope/X')\n");
}

int test_format(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(csv, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(xml, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(cards, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(calendars, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(recurrence, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
