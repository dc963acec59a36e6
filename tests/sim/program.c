/* The grammar. A program pushes what each command gave onto `out` and returns it, so that every
 * answer is part of its result. All pauses of a program differ, so that what comes first is the
 * same in every world. */
#include "program.h"

#include "people.h"

#include <string.h>

const char program_head[] =
    "local function note(flow, input, label, value)\n"
    "  return flow:step(label, function()\n"
    "    px.store.create('note', { text = input.key .. '/' .. label .. '/' .. (input.n or 0),\n"
    "      source = input.key .. '/' .. label .. '/' .. (input.n or 0), number = value })\n"
    "    return value\n"
    "  end)\n"
    "end\n"
    "local function ask(flow, input, label, about, options)\n"
    "  local name = input.key .. '/' .. label .. '/' .. (input.n or 0)\n"
    "  options.role, options.data = 'legal', name\n"
    "  if about then\n"
    "    options.subject = flow:step(label, function()\n"
    "      return px.store.create('note', { text = name, source = name }).id\n"
    "    end)\n"
    "  end\n"
    "  local good, decision = pcall(flow.approve, flow, options)\n"
    "  if not good then return type(decision) == 'table' and decision.code or decision end\n"
    "  return { decision.state, decision.approved, decision.by }\n"
    "end\n"
    "local function failed(good, err)\n"
    "  return good and 'good' or type(err) == 'table' and (err.code .. ': ' .. err.detail) or "
    "tostring(err)\n"
    "end\n";

struct writing {
    struct program *program;
    const struct program_options *options;
    struct chance chance;
    struct buf children; /* flows of children, in front of the flow itself */
    struct buf *out;
    int label, depth, children_deep, indent;
    bool main;  /* in the flow's own body, where signals of the world outside may be waited for */
    bool apart; /* in a branch, where the order between branches must not tell */
};

static uint64_t below(struct writing *writing, uint64_t count)
{
    return chance_below(&writing->chance, count);
}

static void line(struct writing *writing, const char *format, ...) PRINTF_LIKE(2, 3);
static void line(struct writing *writing, const char *format, ...)
{
    va_list arguments;
    for (int i = 0; i < writing->indent; i++) {
        buf_append_str(writing->out, STR("  "));
    }
    va_start(arguments, format);
    buf_vprintf(writing->out, format, arguments);
    va_end(arguments);
    buf_append_char(writing->out, '\n');
}

static int label(struct writing *writing)
{
    return ++writing->label;
}

static long long pause_ms(struct writing *writing)
{
    return (long long)chance_between(&writing->chance, 1, writing->options->sleep_max_ms);
}

static void body(struct writing *writing, int statements);

/* ---- what stands for itself ---- */

void program_ask(struct buf *out, const struct ballot *ballot, int number, int indent)
{
    char ben[ID_TEXT_LEN + 1];
    id_format(person_id(BEN), ben);
    buf_printf(out, "%*sout[#out + 1] = ask(flow, input, 'a%d', %s, { title = '%s'", 2 * indent, "",
               number, ballot->subject ? "true" : "false", ballot->word);
    if (ballot->excludes) {
        buf_printf(out, ", exclude = { '%s' }", ben);
    }
    buf_printf(out, "%s%s })\n", ballot->options[0] != '\0' ? ", " : "", ballot->options);
}

static void write_step(struct writing *writing)
{
    int name = label(writing);
    line(writing, "out[#out + 1] = note(flow, input, 's%d', %d)", name, (int)below(writing, 1000));
}

static void write_values(struct writing *writing)
{
    static const char *const values[] = {"{}",
                                         "{ 1, 2, { a = 1 } }",
                                         "9007199254740993",
                                         "1.5",
                                         "'a\\0b'",
                                         "{ b = false, a = 'x' }",
                                         "1e300",
                                         "-0.0",
                                         "string.rep('long', 20000)"};
    int name = label(writing);
    line(writing, "out[#out + 1] = flow:step('v%d', function() return %s end)", name,
         values[below(writing, COUNT_OF(values))]);
}

/* Its function may run more than once, its result is taken once. */
static void write_call(struct writing *writing)
{
    int name = label(writing);
    if (below(writing, 3) > 0 || writing->options->timing) {
        line(writing, "out[#out + 1] = flow:call('c%d', function() return %d end)", name, name);
        return;
    }
    line(writing, "out[#out + 1] = flow:call('c%d', function(call)", name);
    line(writing, "  if call.attempt < 3 then error('not yet') end");
    line(writing, "  return %d", name);
    line(writing, "end)");
}

/* People decide, or their time passes; what they do follows from the title. */
static void write_approve(struct writing *writing)
{
    const struct ballot *ballot = &ballots[below(writing, ballot_count)];
    program_ask(writing->out, ballot, label(writing), writing->indent);
}

static void write_failing_step(struct writing *writing)
{
    int name = label(writing);
    line(writing, "out[#out + 1] = failed(pcall(flow.step, flow, 'f%d', function()", name);
    line(writing, "  px.store.create('note', { text = 'never', source = 'never' })");
    line(writing, "  error('no luck %d')", name);
    line(writing, "end))");
}

static void write_sleep(struct writing *writing)
{
    line(writing, "flow:sleep('%lldms')", pause_ms(writing));
    line(writing, "out[#out + 1] = 'slept %d'", label(writing));
}

static void write_sleep_until(struct writing *writing)
{
    if (writing->options->timing) {
        line(writing, "flow:sleep_until(px.date.add(flow:now(), '%lldms'))", pause_ms(writing));
    } else {
        line(writing, "flow:sleep_until('2020-01-01')"); /* long past: at once */
    }
    line(writing, "out[#out + 1] = 'woke %d'", label(writing));
}

static void write_own_signal(struct writing *writing)
{
    int name = label(writing);
    line(writing, "flow:signal(flow:id(), 'own%d', { n = %d })", name, name);
    if (below(writing, 2) == 0) {
        line(writing, "flow:signal(flow:id(), 'own%d', { n = %d })", name, name + 1000);
        line(writing, "out[#out + 1] = flow:wait('own%d').n", name);
    }
    line(writing, "out[#out + 1] = flow:wait('own%d').n", name);
}

static void write_wait_in_vain(struct writing *writing)
{
    int name = label(writing);
    line(writing, "out[#out + 1] = flow:wait('never%d', { timeout = '%lldms' }) or 'nobody came'",
         name, pause_ms(writing));
}

static void write_outside_wait(struct writing *writing)
{
    struct program *program = writing->program;
    if (!writing->main || program->signal_count == PROGRAM_SIGNALS_MAX) {
        write_step(writing);
        return;
    }
    int index = program->signal_count++;
    (void)snprintf(program->signals[index].name, PROGRAM_NAME_MAX, "outside%d", index);
    program->signals[index].after_ms = pause_ms(writing) - 1;
    line(writing, "out[#out + 1] = flow:wait('outside%d').n", index);
}

static void write_event(struct writing *writing)
{
    int name = label(writing);
    line(writing, "flow:step('e%d', function()", name);
    line(writing,
         "  px.bus.emit('one.happened', { key = input.key .. '/%d/' .. (input.n or 0), n = "
         "%d })",
         name, name);
    line(writing, "end)");
    if (below(writing, 2) == 0) {
        line(writing, "flow:sleep('%lldms')", pause_ms(writing));
    }
    line(writing,
         "out[#out + 1] = flow:wait('one.happened', { key = input.key .. '/%d/' .. "
         "(input.n or 0) }).data.n",
         name);
}

static void write_version(struct writing *writing)
{
    line(writing, "out[#out + 1] = flow:version('v%d')", (int)below(writing, 3));
}

/* Chance comes from the run's id: the same in every world for those that are started from outside.
 */
static bool no_chance(const struct writing *writing)
{
    return writing->apart || writing->children_deep > 0 || !writing->options->timing;
}

static void write_random(struct writing *writing)
{
    if (no_chance(writing)) {
        write_step(writing);
        return;
    }
    line(writing, below(writing, 2) == 0 ? "out[#out + 1] = flow:random(1000000)"
                                         : "out[#out + 1] = math.random(1000000)");
}

static void write_now(struct writing *writing)
{
    if (writing->options->timing) {
        line(writing, "out[#out + 1] = tostring(flow:now())");
    } else {
        line(writing, "flow:log('at ' .. tostring(flow:now()))");
    }
}

static void write_order(struct writing *writing)
{
    if (no_chance(writing)) {
        write_step(writing);
        return;
    }
    line(writing, "do");
    line(writing, "  local t, keys = {}, {}");
    line(writing, "  for i = 1, 20 do t[flow:random(1000)] = i; t['k' .. flow:random(99)] = i end");
    line(writing, "  for k in pairs(t) do keys[#keys + 1] = tostring(k) end");
    line(writing, "  table.sort(t, function() return false end)");
    line(writing, "  out[#out + 1] = table.concat(keys, ' ')");
    line(writing, "end");
}

/* ---- what holds others ---- */

static void write_branches(struct writing *writing, const char *how)
{
    int count = 2 + (int)below(writing, 2);
    bool any = how[1] == 'n';
    bool main = writing->main;
    bool apart = writing->apart;
    line(writing, "out[#out + 1] = { flow:%s {", how);
    writing->indent++;
    writing->depth++;
    writing->main = false;
    writing->apart = true;
    for (int i = 0; i < count; i++) {
        line(writing, "function()");
        writing->indent++;
        line(writing, "local out = {}");
        if (any) {
            line(writing, "flow:sleep('%lldms')", pause_ms(writing));
        }
        if (any && !writing->options->timing) {
            write_step(writing); /* another pause would count from when the first one was noticed */
        } else {
            body(writing, 1 + (int)below(writing, 2));
        }
        line(writing, "return out");
        writing->indent--;
        line(writing, "end,");
    }
    writing->main = main;
    writing->apart = apart;
    writing->depth--;
    writing->indent--;
    line(writing, "} }");
}

static void write_child(struct writing *writing)
{
    struct buf *out = writing->out;
    int name = label(writing);
    int indent = writing->indent;
    bool main = writing->main;
    bool apart = writing->apart;
    bool fails = below(writing, 4) == 0;
    struct buf flow;
    buf_init(&flow);
    writing->out = &flow;
    writing->indent = 0;
    writing->main = writing->apart = false;
    writing->children_deep++;
    line(writing, "px.flow('%s_%d', function(flow, input)", writing->program->name, name);
    writing->indent = 1;
    line(writing, "local out = {}");
    line(writing, "flow:sleep('%lldms')", pause_ms(writing));
    body(writing, 1 + (int)below(writing, 3));
    line(writing, fails ? "error('child %d')" : "return out", name);
    writing->indent = 0;
    line(writing, "end)");
    writing->children_deep--;
    buf_append_str(&writing->children, buf_str(&flow));
    buf_deinit(&flow);
    writing->out = out;
    writing->indent = indent;
    writing->main = main;
    writing->apart = apart;
    line(writing,
         "out[#out + 1] = { pcall(flow.child, flow, '%s_%d', { key = input.key, n = "
         "(input.n or 0) }) }",
         writing->program->name, name);
    if (fails) {
        line(writing, "out[#out] = failed(table.unpack(out[#out]))");
    }
}

static void write_compensation(struct writing *writing)
{
    int name = label(writing);
    line(writing, "flow:compensate(function()");
    if (below(writing, 2) == 0) {
        line(writing, "  flow:sleep('%lldms')", pause_ms(writing));
    }
    line(writing, "  note(flow, input, 'undo%d', 0)", name);
    if (below(writing, 4) == 0) {
        line(writing, "  error('cannot be undone')");
    }
    line(writing, "end)");
}

static void write_caught(struct writing *writing)
{
    line(writing, "out[#out + 1] = failed(pcall(function()");
    writing->indent++;
    writing->depth++;
    body(writing, 1 + (int)below(writing, 2));
    line(writing, "error('thrown %d')", label(writing));
    writing->depth--;
    writing->indent--;
    line(writing, "end))");
}

static void write_loop(struct writing *writing)
{
    int name = label(writing);
    line(writing, "for i = 1, %d do", 2 + (int)below(writing, 4));
    line(writing, "  out[#out + 1] = note(flow, input, 'l%d.' .. i, i)", name);
    if (below(writing, 2) == 0) {
        line(writing, "  flow:sleep('%lldms')", pause_ms(writing));
    }
    line(writing, "end");
}

static void write_many(struct writing *writing)
{
    int name = label(writing);
    line(writing, "for i = 1, 300 do flow:step('m%d', function() return i end) end", name);
}

/* ---- a body ---- */

static void statement(struct writing *writing)
{
    static void (*const simple[])(struct writing *) = {
        write_step,         write_step,  write_step,        write_values,     write_failing_step,
        write_sleep,        write_sleep, write_sleep_until, write_own_signal, write_wait_in_vain,
        write_outside_wait, write_event, write_version,     write_random,     write_now,
        write_order,        write_call,  write_approve,     write_approve};
    enum { HOLDERS = 8 };
    uint64_t kind = below(writing, COUNT_OF(simple) + (writing->depth < 2 ? HOLDERS : 0));
    writing->program->statements++;
    if (kind < COUNT_OF(simple)) {
        simple[kind](writing);
        return;
    }
    switch (kind - COUNT_OF(simple)) {
    case 0:
    case 1:
        write_branches(writing, "all");
        return;
    case 2:
        write_branches(writing, "any");
        return;
    case 3:
        if (writing->children_deep < 2) {
            write_child(writing);
            return;
        }
        break;
    case 4:
        write_caught(writing);
        return;
    case 5:
        if (below(writing, 8) == 0) {
            write_many(writing);
            return;
        }
        break;
    case 6:
        write_compensation(writing);
        return;
    default:
        break;
    }
    write_loop(writing);
}

static void body(struct writing *writing, int statements)
{
    for (int i = 0; i < statements; i++) {
        statement(writing);
    }
}

void program_make(struct program *program, uint64_t seed, int number,
                  const struct program_options *options)
{
    struct buf flow;
    struct writing writing = {
        .program = program, .options = options, .chance = {seed}, .main = true, .out = &flow};
    *program = (struct program){.seed = seed, .cancel_after_ms = -1};
    (void)snprintf(program->name, sizeof(program->name), "f%d", number);
    buf_init(&program->text);
    buf_init(&writing.children);
    buf_init(&flow);
    uint64_t generations = below(&writing, 4) == 0 ? 1 + below(&writing, 3) : 0;
    line(&writing, "px.flow('%s', function(flow, input)", program->name);
    writing.indent = 1;
    line(&writing, "local out = {}");
    body(&writing, options->statements);
    if (generations > 0 && program->signal_count == 0) {
        line(&writing, "if (input.n or 0) < %d then", (int)generations);
        line(&writing, "  return flow:continue_as_new { key = input.key, n = (input.n or 0) + 1 }");
        line(&writing, "end");
    }
    line(&writing, below(&writing, 4) == 0 ? "error('the end')" : "return out");
    writing.indent = 0;
    line(&writing, "end)");
    if (options->timing && below(&writing, 6) == 0) {
        program->cancel_after_ms = pause_ms(&writing);
    }
    buf_append_str(&program->text, buf_str(&writing.children));
    buf_append_str(&program->text, buf_str(&flow));
    buf_deinit(&flow);
    buf_deinit(&writing.children);
}

void program_deinit(struct program *program)
{
    buf_deinit(&program->text);
}
